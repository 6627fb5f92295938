import { decideRollout } from '../../../../domain/rollout/judging/decide-rollout';
import type { RolloutEvidence } from '../../../../domain/rollout/judging/evidence';
import type { ArmObservation } from '../../../../domain/rollout/judging/observation';
import type { RolloutPolicy } from '../../../../domain/rollout/policy';
import type { RolloutVerdict } from '../../../../domain/rollout/judging/verdict';
import { policyWith } from '../../../support/rollout/policies';
import {
  about,
  begun,
  inStep,
  requestsOf,
  seen,
  startedAt,
  startedMs,
  withPairsOf,
  type SeenTraffic,
} from '../../../support/rollout/seen-rollouts';
import { pairWorseBy } from '../../../support/rollout/simulated-rollouts';

const day = 86_400;
const codes = ({ reasons }: RolloutVerdict) => reasons.map(({ code }) => code);
const texts = ({ reasons }: RolloutVerdict) => reasons.map(({ message }) => message).join('\n');
/** So many days of 300 pairs each, and as many requests. */
const shadowOf = (policy: RolloutPolicy, days: number, mean: number, spread?: number) =>
  seen(
    policy,
    withPairsOf(policy, begun(policy), { days, perDay: 300, difference: about(mean, spread) }),
    {
      requests: requestsOf(days * 300),
    },
  );

/** Days that differ so much that the next could be bad, though all of them together are good. */
const uneven: SeenTraffic['difference'] = (of, index) =>
  (of % 2 === 0 ? -0.4 : 0.2) + (index % 2 === 0 ? 0.01 : -0.01);

describe('a rollout in shadow', () => {
  const policy = policyWith();

  test('begins with nothing known, and says all that is missing', () => {
    const verdict = decideRollout(policy, begun(policy));
    expect(verdict).toMatchObject({
      kind: 'continue',
      remaining: { observations: null, seconds: null },
    });
    expect(codes(verdict)).toEqual([
      'quality.notMeasured',
      'days.tooFew',
      'guardrail.notMeasured',
      'guardrail.notMeasured',
      'rollout.requests',
      'rollout.samples',
      'rollout.duration',
      'rollout.quality',
    ]);
    expect(texts(verdict)).toContain(
      'share of failed requests: the challenger was not asked yet in this step',
    );
    expect(texts(verdict)).toContain(
      'share above 150 ms: the challenger has answered nobody yet in this step',
    );
  });

  test('moves to the first people once quality is shown, on days enough', () => {
    expect(decideRollout(policy, shadowOf(policy, 7, -0.02))).toMatchObject({
      kind: 'advance',
      toStep: 1,
      percent: 5,
    });
  });

  test('does not before minDuration, however good it looks', () => {
    const verdict = decideRollout(policy, shadowOf(policy, 6, -0.3));
    expect(verdict).toMatchObject({ kind: 'continue' });
    expect(codes(verdict)).toContain('rollout.duration');
  });

  test('nor on fewer labels than minSamples', () => {
    const demanding = policyWith({ test: { minSamples: 5_000 } });
    const verdict = decideRollout(demanding, shadowOf(demanding, 8, -0.3));
    expect(codes(verdict)).toContain('rollout.samples');
    // 2,600 more at 300 a day, though quality is shown already.
    expect(verdict).toMatchObject({ kind: 'continue', remaining: { observations: 2_600 } });
    if (verdict.kind === 'continue')
      expect(verdict.remaining.seconds).toBeGreaterThanOrEqual((2_600 / 300) * day);
  });

  test('asks about the traffic of a week, however its days differ: no promotion rests on it', () => {
    const days = withPairsOf(policy, begun(policy), { days: 7, perDay: 300, difference: uneven });
    const verdict = decideRollout(policy, seen(policy, days, { requests: requestsOf(300) }));
    expect(verdict).toMatchObject({ kind: 'advance' });
    expect(texts(verdict)).toContain('below the 0.01 margin on this traffic');
  });

  test('asks across days where nobody will ever be answered before the promotion', () => {
    const alone = policyWith({ canary: { steps: [0] } });
    const days = withPairsOf(alone, begun(alone), { days: 8, perDay: 300, difference: uneven });
    const verdict = decideRollout(alone, seen(alone, days, { requests: requestsOf(300) }));
    expect(verdict).toMatchObject({
      kind: 'continue',
      readings: [{ outcome: 'inconclusive' }, {}, {}],
    });
    expect(texts(verdict)).toContain(
      'below the 0.01 margin on this traffic, not yet across days (7 days)',
    );
    expect(decideRollout(alone, shadowOf(alone, 7, -0.02)).kind).toBe('promote');
  });

  test('is refused once it is refuted across days as well, and not on a bad first day', () => {
    const first = decideRollout(policy, shadowOf(policy, 1, 0.3));
    expect(first).toMatchObject({ kind: 'continue' });
    expect(texts(first)).toContain(
      'not below the 0.01 margin on this traffic, not yet across days',
    );
    expect(decideRollout(policy, shadowOf(policy, 6, 0.3)).kind).toBe('continue');
    expect(decideRollout(policy, shadowOf(policy, 7, 0.3))).toMatchObject({
      kind: 'harm',
      metric: 'logloss',
    });
  });

  test('is left at once when the challenger fails too often, whatever the minima say', () => {
    const evidence = seen(policy, begun(policy), {
      requests: requestsOf(12, { failed: true, latencyMs: null }),
    });
    const verdict = decideRollout(policy, evidence);
    expect(verdict).toMatchObject({ kind: 'harm', metric: 'errors' });
    expect(texts(verdict)).toContain('share of failed requests 100 %');
  });

  test('is not ended by scores that are missing: whom they are missing for may be whom it is about', () => {
    const lacking = Array.from({ length: 200 }, () => ({
      eventTimeMs: startedMs,
      label: 1,
      champion: 0.5,
      challenger: null,
    }));
    const verdict = decideRollout(
      policy,
      seen(policy, shadowOf(policy, 7, -0.02), { pairs: lacking }),
    );
    expect(verdict.kind).toBe('continue');
    expect(texts(verdict)).toContain('8.7 % of the labelled requests lack a score of one version');
  });

  test('nor by days that labels came too late for', () => {
    const late = shadowOf(policy, 7, -0.02);
    const pairs = Array.from({ length: 200 }, () => ({
      eventTimeMs: startedMs,
      label: 1,
      champion: 0.5,
      challenger: 0.5,
    }));
    const verdict = decideRollout(policy, seen(policy, late, { pairs }));
    expect(verdict.kind).toBe('continue');
    expect(texts(verdict)).toContain('8.7 % of the labels came after their day was counted');
  });

  test('says how many of the requests that were due have no label', () => {
    const unlabelled = Array.from({ length: 600 }, () => ({
      eventTimeMs: startedMs,
      label: null,
      champion: 0.5,
      challenger: 0.5,
    }));
    const verdict = decideRollout(
      policy,
      seen(policy, shadowOf(policy, 7, -0.02), { pairs: unlabelled }),
    );
    expect(verdict.kind).toBe('advance');
    expect(texts(verdict)).toContain('600 requests that were due have no label');
  });
});

describe('a rollout that answers people', () => {
  const policy = policyWith();
  const shown = shadowOf(policy, 7, -0.02);
  /** In its last step, after so many days that people are answered. */
  const served = (days: number, difference: SeenTraffic['difference'], requests = 200) =>
    seen(policy, withPairsOf(policy, inStep(policy, shown, 3), { days, perDay: 300, difference }), {
      requests: requestsOf(requests),
    });

  test.each([
    [199, 'continue'],
    [200, 'advance'],
  ])('leaves a middle step on minSamples requests of the challenger (%d: %s)', (requests, kind) => {
    expect(
      decideRollout(
        policy,
        seen(policy, inStep(policy, shown, 1), { requests: requestsOf(requests) }),
      ),
    ).toMatchObject({ kind });
  });

  test('is promoted once a whole week of that has shown quality, however good the shadow was', () => {
    expect(decideRollout(policy, served(0, about(-0.02))).kind).toBe('continue');
    expect(decideRollout(policy, served(6, about(-0.02))).kind).toBe('continue');
    expect(decideRollout(policy, served(7, about(-0.02))).kind).toBe('promote');
  });

  test('is not promoted on a good shadow when it is worse while serving: it goes back after a week', () => {
    const verdict = decideRollout(policy, served(6, about(0.02)));
    expect(verdict.kind).toBe('continue');
    expect(codes(verdict)).toEqual(
      expect.arrayContaining(['step.contradicted', 'rollout.contradicted', 'rollout.quality']),
    );
    expect(decideRollout(policy, served(7, about(0.02)))).toMatchObject({
      kind: 'harm',
      metric: 'logloss',
    });
  });

  test('is not promoted when its days differ so much that the next could be bad', () => {
    const verdict = decideRollout(policy, served(8, uneven));
    expect(verdict).toMatchObject({
      kind: 'continue',
      readings: [
        { role: 'quality', outcome: 'inconclusive' },
        { role: 'shadow' },
        { role: 'step' },
        {},
        {},
      ],
    });
    expect(texts(verdict)).toContain(
      'below the 0.01 margin on this traffic, not yet across days (7 days)',
    );
    expect(texts(verdict)).toMatch(
      /logloss −0\.02\d* \([^)]* [\d,]+ shadow pairs\): ended the shadow/,
    );
  });

  test('cannot hide a bad step behind good ones: it goes no further, and large harm in it ends the rollout', () => {
    const good = withPairsOf(policy, inStep(policy, shown, 1), {
      days: 14,
      perDay: 900,
      difference: about(-0.02),
    });
    const stepWith = (mean: number) =>
      seen(
        policy,
        withPairsOf(policy, inStep(policy, good, 2), {
          days: 1,
          perDay: 900,
          difference: about(mean),
        }),
        {
          requests: requestsOf(300),
        },
      );
    expect(decideRollout(policy, stepWith(-0.02)).kind).toBe('advance');
    const worse = decideRollout(policy, stepWith(0.025));
    expect(worse.kind).toBe('continue');
    expect(texts(worse)).toContain('the traffic of step 3 alone is not below the 0.01 margin');
    const harmed = decideRollout(policy, stepWith(0.1));
    expect(harmed).toMatchObject({
      kind: 'harm',
      readings: [
        { outcome: 'passed' },
        { role: 'shadow' },
        { role: 'step', outcome: 'failed' },
        {},
        {},
      ],
    });
  });

  test('is watched by margins where the policy does not ask about days', () => {
    const quick = policyWith({ test: { minDurationSeconds: day } });
    const before = inStep(quick, shadowOf(quick, 1, -0.02), 1);
    const verdict = decideRollout(
      quick,
      withPairsOf(quick, before, { days: 1, perDay: 900, difference: about(0.025) }),
    );
    expect(verdict).toMatchObject({ kind: 'harm' });
    expect(texts(verdict)).toContain(
      'minDuration 1d is shorter than 7d: days to come were not asked about',
    );
  });

  test('is not promoted when a step was skipped and quality never shown', () => {
    const evidence = seen(policy, inStep(policy, shadowOf(policy, 6, 0.005), 3), {
      requests: requestsOf(400),
    });
    const verdict = decideRollout(policy, evidence);
    expect(verdict.kind).toBe('continue');
    expect(codes(verdict)).toContain('rollout.quality');
  });

  test('goes back on large harm to this traffic alone, within hours, also after quality had been shown', () => {
    const harmed = withPairsOf(policy, inStep(policy, shown, 2), {
      days: 1,
      perDay: 200,
      difference: about(0.2),
    });
    expect(decideRollout(policy, harmed)).toMatchObject({ kind: 'harm', metric: 'logloss' });
  });

  test('without a shadow step goes back within the first day, long before its minima', () => {
    const bold = policyWith({ canary: { steps: [25] }, test: { minSamples: 10_000 } });
    const evidence = withPairsOf(bold, begun(bold), {
      days: 1,
      perDay: 300,
      difference: about(0.4),
    });
    expect(decideRollout(bold, evidence)).toMatchObject({ kind: 'harm', metric: 'logloss' });
  });

  test.each([
    ['errors', requestsOf(300, { failed: true })],
    ['latency_ms', requestsOf(300, { latencyMs: 151 })],
  ])('goes back on %s alone', (metric, requests) => {
    expect(
      decideRollout(policy, seen(policy, inStep(policy, shown, 2), { requests })),
    ).toMatchObject({ kind: 'harm', metric });
  });

  test('does not go back for what the guardrails allow', () => {
    const requests = [...requestsOf(2970), ...requestsOf(30, { failed: true, latencyMs: 900 })];
    expect(decideRollout(policy, seen(policy, inStep(policy, shown, 2), { requests })).kind).toBe(
      'advance',
    );
  });
});

describe('a rollout whose time is over', () => {
  test.each(['rollback', 'hold'] as const)(
    'without a decision does as the policy says: %s',
    (onInconclusive) => {
      const policy = policyWith({ canary: { onInconclusive } });
      expect(decideRollout(policy, shadowOf(policy, 27, 0.01)).kind).toBe('continue');
      const verdict = decideRollout(policy, shadowOf(policy, 28, 0.01));
      expect(verdict).toMatchObject({ kind: 'expired', action: onInconclusive });
      expect(codes(verdict).at(-1)).toBe('rollout.expired');
    },
  );

  test('and was given more goes on', () => {
    const policy = policyWith();
    expect(
      decideRollout(policy, { ...shadowOf(policy, 28, 0.01), extendedSeconds: day }).kind,
    ).toBe('continue');
  });

  test('does not begin another step, which could decide nothing', () => {
    const policy = policyWith();
    expect(decideRollout(policy, shadowOf(policy, 27, -0.02)).kind).toBe('advance');
    const verdict = decideRollout(policy, shadowOf(policy, 28, -0.02));
    expect(verdict).toMatchObject({
      kind: 'expired',
      readings: [{ role: 'quality', outcome: 'passed' }, {}, {}],
    });
  });

  test('is still promoted when its last step has shown everything', () => {
    const policy = policyWith();
    const shown = shadowOf(policy, 7, -0.02);
    const days = { days: 21, perDay: 300, difference: about(-0.02) };
    const served = seen(policy, withPairsOf(policy, inStep(policy, shown, 3), days), {
      requests: requestsOf(200),
    });
    expect(decideRollout(policy, served).kind).toBe('promote');
  });
});

describe('a rollout of which nothing more is judged', () => {
  const policy = policyWith({ canary: { steps: [0] } });
  const noMoreLabels = { after: startedAt, why: 'the budget is spent' };
  /** Whole days, and half a day after them. */
  const spentAfter = (days: number, mean: number): RolloutEvidence => {
    const whole = shadowOf(policy, days, mean);
    const from = Date.parse(whole.asOf);
    const pairs = Array.from({ length: 150 }, (_, index) =>
      pairWorseBy(from + index * 288_000, about(mean)(days, index)),
    );
    return { ...seen(policy, whole, { pairs, atMs: from + 43_200_000 }), noMoreLabels };
  };
  const atEndOfDay = (evidence: RolloutEvidence, days: number) =>
    seen(policy, evidence, { atMs: startedMs + days * day * 1000 });

  test('waits for the week that is open, where it is good so far, and is decided as that is over', () => {
    const open = spentAfter(5, -0.1);
    expect(decideRollout(policy, open).kind).toBe('continue');
    expect(decideRollout(policy, atEndOfDay(open, 7)).kind).toBe('promote');
  });

  test('does not wait for further days when there cannot be enough of them', () => {
    const verdict = decideRollout(policy, atEndOfDay(spentAfter(1, -0.1), 2));
    expect(verdict).toMatchObject({ kind: 'expired' });
    expect(texts(verdict)).toContain('judging has ended: the budget is spent');
  });

  test('ends where too many of them cannot be compared, however good the others are', () => {
    const lacking = Array.from({ length: 200 }, () => ({
      eventTimeMs: startedMs,
      label: 1,
      champion: 0.5,
      challenger: null,
    }));
    const good = seen(policy, shadowOf(policy, 7, -0.1), { pairs: lacking });
    const verdict = decideRollout(policy, { ...good, noMoreLabels });
    expect(verdict.kind).toBe('expired');
    expect(texts(verdict)).toMatch(
      /judging has ended: the budget is spent, and 8\.7 % of the labelled requests lack a score/,
    );
  });

  test('does not wait at all where this traffic has said nothing either', () => {
    expect(decideRollout(policy, spentAfter(4, 0.01)).kind).toBe('expired');
  });
});

describe('superiority', () => {
  const policy = policyWith({
    quality: { rule: 'superiority', margin: 0 },
    canary: { maxDurationSeconds: 60 * day },
  });

  test.each([
    ['better', -0.05, 'advance'],
    ['the same', 0, 'continue'],
    ['worse', 0.05, 'harm'],
  ])('of a challenger that is %s', (_name, mean, kind) => {
    expect(decideRollout(policy, shadowOf(policy, 12, mean)).kind).toBe(kind);
  });

  test('by a margin is refuted of one that is better by less', () => {
    const demanding = policyWith({ quality: { rule: 'superiority', margin: 0.05 } });
    const verdict = decideRollout(demanding, shadowOf(demanding, 8, -0.01));
    expect(verdict.kind).toBe('harm');
    expect(texts(verdict)).toContain('not better by more than 0.05');
  });
});

describe('a regression, by absolute error up to a bound', () => {
  const policy = policyWith({ quality: { metric: 'mae', margin: 2, bound: 200 } });
  const errorsOf = (challenger: number) =>
    Array.from({ length: 7 * 300 }, (_, index) => ({
      eventTimeMs: startedMs + index * 288_000,
      label: 100 + (index % 50),
      champion: 110 + (index % 50),
      challenger: 100 + (index % 50) + challenger + (index % 2 === 0 ? 3 : -3),
    }));

  test.each([
    ['closer', 8, 'advance'],
    ['as close', 10, 'advance'],
    ['far worse', 40, 'harm'],
  ])('of a challenger that is %s', (_name, error, kind) => {
    const evidence = seen(policy, begun(policy), {
      pairs: errorsOf(error),
      requests: requestsOf(300),
      atMs: startedMs + 7 * day * 1000,
    });
    expect(decideRollout(policy, evidence).kind).toBe(kind);
  });
});

describe('arms, where the label depends on the answer', () => {
  const policy = policyWith({
    comparison: 'arms',
    canary: { steps: [50], maxDurationSeconds: 60 * day },
  });
  /** Labels by turns, so that a score of p costs the same on average whatever the day. */
  const answersOf = (
    days: number,
    scores: { readonly champion: number; readonly challenger: number },
    lost = 0,
  ): ArmObservation[] =>
    Array.from({ length: days * 1000 }, (_, index) => {
      const arm = index % 2 === 0 ? 'champion' : 'challenger';
      const isLost = arm === 'challenger' && index % 100 < lost;
      return {
        eventTimeMs: startedMs + index * 86_400,
        arm,
        label: isLost ? null : index % 20 < 4 ? 1 : 0,
        score: scores[arm],
      } as const;
    });
  const after = (days: number, scores: Parameters<typeof answersOf>[1], lost?: number) =>
    seen(policy, begun(policy), {
      answers: answersOf(days, scores, lost),
      requests: requestsOf(400),
      atMs: startedMs + days * day * 1000,
    });

  test('of which the challenger’s is better are promoted', () => {
    expect(decideRollout(policy, after(20, { champion: 0.5, challenger: 0.2 }))).toMatchObject({
      kind: 'promote',
    });
  });

  test('of which the challenger’s is worse go back', () => {
    expect(decideRollout(policy, after(3, { champion: 0.2, challenger: 0.8 }))).toMatchObject({
      kind: 'harm',
      metric: 'logloss',
    });
  });

  test('that are labelled unequally are not compared', () => {
    const verdict = decideRollout(policy, after(20, { champion: 0.5, challenger: 0.2 }, 20));
    expect(verdict.kind).toBe('continue');
    expect(texts(verdict)).toContain("of the challenger's answers are labelled");
  });

  test('share the error rate of every step that has both', () => {
    const steps = policyWith({ comparison: 'arms', canary: { steps: [0, 10, 50] } });
    const evidence = inStep(steps, begun(steps), 1);
    const half = seen(steps, evidence, {
      answers: answersOf(5, { champion: 0.5, challenger: 0.4 }),
      atMs: startedMs + 5 * day * 1000,
    });
    const one = decideRollout(policy, after(5, { champion: 0.5, challenger: 0.4 })).readings[0];
    const two = decideRollout(steps, half).readings[0];
    expect(two?.upper).toBeGreaterThan(one?.upper ?? NaN);
  });
});

describe('an estimate of what is missing', () => {
  const policy = policyWith({ canary: { maxDurationSeconds: 60 * day } });

  test('names the labels and the time that the same again would take', () => {
    const verdict = decideRollout(policy, shadowOf(policy, 2, -0.005, 0.3));
    if (verdict.kind !== 'continue') throw new Error(verdict.kind);
    expect(verdict.remaining.observations).toBeGreaterThan(0);
    expect(verdict.remaining.seconds).toBeGreaterThanOrEqual(5 * day);
  });

  test('is right: after so many more of the same it is decided', () => {
    const of = { days: 3, perDay: 300, difference: about(-0.005, 0.3) };
    const before = seen(policy, withPairsOf(policy, begun(policy), of), {
      requests: requestsOf(900),
    });
    const verdict = decideRollout(policy, before);
    if (verdict.kind !== 'continue') throw new Error(verdict.kind);
    const days = Math.ceil((verdict.remaining.seconds ?? NaN) / day);
    expect(decideRollout(policy, withPairsOf(policy, before, { ...of, days: days - 2 })).kind).toBe(
      'continue',
    );
    expect(decideRollout(policy, withPairsOf(policy, before, { ...of, days: days + 1 })).kind).toBe(
      'advance',
    );
  });

  test('is none where more of the same never decides', () => {
    expect(decideRollout(policy, shadowOf(policy, 3, 0.02))).toMatchObject({
      remaining: { observations: null, seconds: null },
    });
  });

  test('after quality was shown is about the requests of the step', () => {
    const last = inStep(policy, shadowOf(policy, 7, -0.02), 3);
    const week = seen(
      policy,
      withPairsOf(policy, last, { days: 7, perDay: 300, difference: about(-0.02) }),
      { requests: requestsOf(50) },
    );
    expect(decideRollout(policy, week)).toMatchObject({
      kind: 'continue',
      remaining: { observations: 0, seconds: 21 * day },
    });
  });

  test('while people are answered is at least the rest of the week', () => {
    const last = inStep(policy, shadowOf(policy, 7, -0.02), 3);
    const days = seen(
      policy,
      withPairsOf(policy, last, { days: 3, perDay: 300, difference: about(-0.02) }),
      { requests: requestsOf(400) },
    );
    expect(decideRollout(policy, days)).toMatchObject({
      kind: 'continue',
      remaining: { observations: 0, seconds: 4 * day },
    });
  });
});
