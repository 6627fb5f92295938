import { decideRollout } from '../../../../domain/rollout/judging/decide-rollout';
import type { RolloutEvidence } from '../../../../domain/rollout/judging/evidence';
import type { ArmObservation } from '../../../../domain/rollout/judging/observation';
import type { RolloutPolicy } from '../../../../domain/rollout/policy';
import type { RolloutVerdict } from '../../../../domain/rollout/judging/verdict';
import { policyWith } from '../../../support/rollout/policies';
import {
  about,
  startedRollout,
  inStep,
  buildRequests,
  seen,
  startedAt,
  startedMs,
  addPairs,
  type SeenTraffic,
} from '../../../support/rollout/seen-rollouts';
import { pairWorseBy } from '../../../support/rollout/simulated-rollouts';

const day = 86_400;
const codes = ({ reasons }: RolloutVerdict) => reasons.map(({ code }) => code);
const texts = ({ reasons }: RolloutVerdict) => reasons.map(({ message }) => message).join('\n');
/** `days` days of 300 pairs each, with as many requests. */
const showShadow = (policy: RolloutPolicy, days: number, mean: number, spread?: number) =>
  seen(
    policy,
    addPairs(policy, startedRollout(policy), {
      days,
      perDay: 300,
      difference: about(mean, spread),
    }),
    {
      requests: buildRequests(days * 300),
    },
  );

/** Days that are good on average, but differ so much that the next one could be bad. */
const uneven: SeenTraffic['difference'] = (of, index) =>
  (of % 2 === 0 ? -0.4 : 0.2) + (index % 2 === 0 ? 0.01 : -0.01);

describe('a rollout in shadow', () => {
  const policy = policyWith();

  test('lists everything that is missing at the start', () => {
    const verdict = decideRollout(policy, startedRollout(policy));
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
    expect(texts(verdict)).toContain('the challenger got no requests in this step yet');
    expect(texts(verdict)).toContain('no answer of the challenger was returned in this step yet');
  });

  test('advances to serving once quality is shown and minDuration has passed', () => {
    expect(decideRollout(policy, showShadow(policy, 7, -0.02))).toMatchObject({
      kind: 'advance',
      toStep: 1,
      percent: 5,
    });
  });

  test('does not advance before minDuration, however good the challenger is', () => {
    const verdict = decideRollout(policy, showShadow(policy, 6, -0.3));
    expect(verdict).toMatchObject({ kind: 'continue' });
    expect(codes(verdict)).toContain('rollout.duration');
  });

  test('does not advance with fewer labels than minSamples', () => {
    const demanding = policyWith({ test: { minSamples: 5_000 } });
    const verdict = decideRollout(demanding, showShadow(demanding, 8, -0.3));
    expect(codes(verdict)).toContain('rollout.samples');
    // 2,600 more labels at 300 per day, although quality is already shown.
    expect(verdict).toMatchObject({ kind: 'continue', remaining: { observations: 2_600 } });
    if (verdict.kind === 'continue')
      expect(verdict.remaining.seconds).toBeGreaterThanOrEqual((2_600 / 300) * day);
  });

  test('needs quality on its traffic only, however much its days differ', () => {
    const days = addPairs(policy, startedRollout(policy), {
      days: 7,
      perDay: 300,
      difference: uneven,
    });
    const verdict = decideRollout(policy, seen(policy, days, { requests: buildRequests(300) }));
    expect(verdict).toMatchObject({ kind: 'advance' });
    expect(texts(verdict)).toMatch(/shadow pairs\): below the 0\.01 margin$/m);
  });

  test('needs quality across days if the rollout has no serving step', () => {
    const alone = policyWith({ canary: { steps: [0] } });
    const days = addPairs(alone, startedRollout(alone), {
      days: 8,
      perDay: 300,
      difference: uneven,
    });
    const verdict = decideRollout(alone, seen(alone, days, { requests: buildRequests(300) }));
    expect(verdict).toMatchObject({
      kind: 'continue',
      readings: [{ outcome: 'inconclusive' }, {}, {}],
    });
    expect(texts(verdict)).toMatch(/ pairs\): below the 0\.01 margin on this traffic$/m);
    expect(verdict.reasons[0]?.details).toEqual(['not yet confirmed across days (7 whole days)']);
    expect(decideRollout(alone, showShadow(alone, 7, -0.02)).kind).toBe('promote');
  });

  test('ends with harm once quality is also refuted across days, not after one bad day', () => {
    const first = decideRollout(policy, showShadow(policy, 1, 0.3));
    expect(first).toMatchObject({ kind: 'continue' });
    expect(texts(first)).toMatch(/shadow pairs\): above the 0\.01 margin$/m);
    expect(first.reasons[0]?.details).toEqual(['not yet confirmed across days (1 whole day)']);
    expect(decideRollout(policy, showShadow(policy, 6, 0.3)).kind).toBe('continue');
    expect(decideRollout(policy, showShadow(policy, 7, 0.3))).toMatchObject({
      kind: 'harm',
      metric: 'logloss',
    });
  });

  test('ends with harm at once when the challenger fails too often, before any minimum', () => {
    const evidence = seen(policy, startedRollout(policy), {
      requests: buildRequests(12, { failed: true, latencyMs: null }),
    });
    const verdict = decideRollout(policy, evidence);
    expect(verdict).toMatchObject({ kind: 'harm', metric: 'errors' });
    expect(texts(verdict)).toContain('100 % of requests failed');
  });

  test('does not advance while more than 5 % of labelled requests lack a score', () => {
    const lacking = Array.from({ length: 200 }, () => ({
      eventTimeMs: startedMs,
      label: 1,
      champion: 0.5,
      challenger: null,
    }));
    const verdict = decideRollout(
      policy,
      seen(policy, showShadow(policy, 7, -0.02), { pairs: lacking }),
    );
    expect(verdict.kind).toBe('continue');
    expect(texts(verdict)).toContain('8.7 % of labelled requests lack a score of one version');
  });

  test('does not advance while more than 5 % of labels arrived after their day was closed', () => {
    const late = showShadow(policy, 7, -0.02);
    const pairs = Array.from({ length: 200 }, () => ({
      eventTimeMs: startedMs,
      label: 1,
      champion: 0.5,
      challenger: 0.5,
    }));
    const verdict = decideRollout(policy, seen(policy, late, { pairs }));
    expect(verdict.kind).toBe('continue');
    expect(texts(verdict)).toContain('8.7 % of labels arrived after their day was closed');
  });

  describe('whose labels are missing', () => {
    const without = (n: number) =>
      Array.from({ length: n }, () => ({
        eventTimeMs: startedMs,
        label: null,
        champion: 0.5,
        challenger: 0.5,
      }));
    const decided = (rules: RolloutPolicy, missing: number) =>
      decideRollout(rules, seen(rules, showShadow(rules, 7, -0.02), { pairs: without(missing) }));

    test('advances while at most 5 % are, and says how many', () => {
      const verdict = decided(policy, 100);
      expect(verdict.kind).toBe('advance');
      expect(texts(verdict)).toContain(
        'labels are due but missing for 100 requests of 2,200, 4.55 %',
      );
    });

    test('is held when more are, with the limit of its policy', () => {
      const verdict = decided(policy, 600);
      expect(verdict.kind).toBe('continue');
      expect(codes(verdict)).toContain('rollout.missingLabels');
      expect(texts(verdict)).toContain(
        '22.2 % of 2,700 due labels are missing or late; at most 5 % may be',
      );
      expect(decided(policyWith({ quality: { maxMissing: 0.3 } }), 600).kind).toBe('advance');
    });

    test('goes on by an explicit choice, and every verdict says so', () => {
      const verdict = decided(policyWith({ quality: { missingLabels: 'ignore' } }), 600);
      expect(verdict.kind).toBe('advance');
      expect(texts(verdict)).toContain('22.2 %: ignored (missingLabels: ignore)');
    });

    test('at the worst counts each of them with the largest loss', () => {
      const worst = policyWith({ quality: { missingLabels: 'worstCase' } });
      expect(decided(worst, 0).kind).toBe('advance');
      const { kind, readings } = decided(worst, 600);
      expect(kind).toBe('continue');
      const { upper = 0, lower = 0 } = readings[0] ?? {};
      // Two ninths of the requests may differ by the whole range of the log loss.
      const widest = Math.log(0.999 / 0.001);
      const { upper: known = 0, lower: least = 0 } = decided(policy, 0).readings[0] ?? {};
      expect(upper).toBeCloseTo((7 / 9) * (known ?? 0) + (2 / 9) * widest, 6);
      expect(lower).toBeCloseTo((7 / 9) * (least ?? 0) - (2 / 9) * widest, 6);
    });

    test('is held by labels that came late: as many newer ones are still missing', () => {
      const late = Array.from({ length: 150 }, () => ({
        eventTimeMs: startedMs + 7 * 86_400_000 - 1,
        label: 1,
        champion: 0.5,
        challenger: 0.5,
        lateSeconds: 8 * day,
      }));
      const verdict = decideRollout(
        policy,
        seen(policy, showShadow(policy, 7, -0.02), { pairs: late }),
      );
      expect(codes(verdict)).toContain('rollout.missingLabels');
      expect(texts(verdict)).toContain('150 labels came more than 1d after they were due');
    });
  });
});

describe('a rollout in a serving step', () => {
  const policy = policyWith();
  const shown = showShadow(policy, 7, -0.02);
  /** In the last step, after `days` days of serving. */
  const served = (days: number, difference: SeenTraffic['difference'], requests = 200) =>
    seen(policy, addPairs(policy, inStep(policy, shown, 3), { days, perDay: 300, difference }), {
      requests: buildRequests(requests),
    });

  test.each([
    [199, 'continue'],
    [200, 'advance'],
  ])('needs minSamples requests to leave a middle step (%d: %s)', (requests, kind) => {
    expect(
      decideRollout(
        policy,
        seen(policy, inStep(policy, shown, 1), { requests: buildRequests(requests) }),
      ),
    ).toMatchObject({ kind });
  });

  test('promotes once a whole week of serving shows quality, however good the shadow was', () => {
    expect(decideRollout(policy, served(0, about(-0.02))).kind).toBe('continue');
    expect(decideRollout(policy, served(6, about(-0.02))).kind).toBe('continue');
    expect(decideRollout(policy, served(7, about(-0.02))).kind).toBe('promote');
  });

  test('ends with harm after a week of worse serving, however good the shadow was', () => {
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

  test('does not promote while its days differ so much that the next one could be bad', () => {
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
    expect(texts(verdict)).toMatch(/[\d,]+ pairs\): below the 0\.01 margin on this traffic$/m);
    expect(verdict.reasons[0]?.details).toEqual(['not yet confirmed across days (7 whole days)']);
    expect(texts(verdict)).toMatch(
      /logloss −0\.02\d* \([^)]* [\d,]+ shadow pairs\): the shadow has ended/,
    );
  });

  test('does not advance after a bad step, and ends with harm if the step is much worse', () => {
    const good = addPairs(policy, inStep(policy, shown, 1), {
      days: 14,
      perDay: 900,
      difference: about(-0.02),
    });
    const stepWith = (mean: number) =>
      seen(
        policy,
        addPairs(policy, inStep(policy, good, 2), {
          days: 1,
          perDay: 900,
          difference: about(mean),
        }),
        {
          requests: buildRequests(300),
        },
      );
    expect(decideRollout(policy, stepWith(-0.02)).kind).toBe('advance');
    const worse = decideRollout(policy, stepWith(0.025));
    expect(worse.kind).toBe('continue');
    expect(texts(worse)).toContain('in step 3 alone, the difference is above the 0.01 margin');
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

  test('is not promoted by good earlier steps if the last one has not shown quality itself', () => {
    const good = addPairs(policy, inStep(policy, shown, 1), {
      days: 14,
      perDay: 900,
      difference: about(-0.02),
    });
    const last = (mean: number) =>
      decideRollout(
        policy,
        seen(
          policy,
          addPairs(policy, inStep(policy, good, 3), {
            days: 1,
            perDay: 300,
            difference: about(mean),
          }),
          { requests: buildRequests(300) },
        ),
      );
    const worse = last(0.015);
    expect(worse).toMatchObject({
      kind: 'continue',
      readings: [{ role: 'quality', outcome: 'passed' }, {}, { role: 'step' }, {}, {}],
    });
    expect(texts(worse)).toContain(
      'in step 4 alone, the difference is not yet shown to be below the 0.01 margin',
    );
    expect(last(-0.02).kind).toBe('promote');
  });

  test('ends with harm above the margin if the policy does not test days', () => {
    const quick = policyWith({ test: { minDurationSeconds: day } });
    const before = inStep(quick, showShadow(quick, 1, -0.02), 1);
    const verdict = decideRollout(
      quick,
      addPairs(quick, before, { days: 1, perDay: 900, difference: about(0.025) }),
    );
    expect(verdict).toMatchObject({ kind: 'harm' });
    expect(texts(verdict)).toContain(
      'quality across days is not tested: minDuration 1d is shorter than 7d',
    );
  });

  test('does not promote after a skipped step without shown quality', () => {
    const evidence = seen(policy, inStep(policy, showShadow(policy, 6, 0.005), 3), {
      requests: buildRequests(400),
    });
    const verdict = decideRollout(policy, evidence);
    expect(verdict.kind).toBe('continue');
    expect(codes(verdict)).toContain('rollout.quality');
  });

  test('ends with harm within hours on large harm, even after quality was shown', () => {
    const harmed = addPairs(policy, inStep(policy, shown, 2), {
      days: 1,
      perDay: 200,
      difference: about(0.2),
    });
    expect(decideRollout(policy, harmed)).toMatchObject({ kind: 'harm', metric: 'logloss' });
  });

  test('without a shadow step ends with harm within the first day, before its minima', () => {
    const bold = policyWith({ canary: { steps: [25] }, test: { minSamples: 10_000 } });
    const evidence = addPairs(bold, startedRollout(bold), {
      days: 1,
      perDay: 300,
      difference: about(0.4),
    });
    expect(decideRollout(bold, evidence)).toMatchObject({ kind: 'harm', metric: 'logloss' });
  });

  test.each([
    ['errors', buildRequests(300, { failed: true })],
    ['latency_ms', buildRequests(300, { latencyMs: 151 })],
  ])('ends with harm on %s alone', (metric, requests) => {
    expect(
      decideRollout(policy, seen(policy, inStep(policy, shown, 2), { requests })),
    ).toMatchObject({ kind: 'harm', metric });
  });

  test('advances while failures and latency are within the guardrails', () => {
    const requests = [
      ...buildRequests(2970),
      ...buildRequests(30, { failed: true, latencyMs: 900 }),
    ];
    expect(decideRollout(policy, seen(policy, inStep(policy, shown, 2), { requests })).kind).toBe(
      'advance',
    );
  });
});

describe('a rollout after maxDuration', () => {
  test.each(['rollback', 'hold'] as const)(
    'expires with the action of onInconclusive: %s',
    (onInconclusive) => {
      const policy = policyWith({ canary: { onInconclusive } });
      expect(decideRollout(policy, showShadow(policy, 27, 0.01)).kind).toBe('continue');
      const verdict = decideRollout(policy, showShadow(policy, 28, 0.01));
      expect(verdict).toMatchObject({ kind: 'expired', action: onInconclusive });
      expect(codes(verdict).at(-1)).toBe('rollout.expired');
    },
  );

  test('continues if people extended it', () => {
    const policy = policyWith();
    expect(
      decideRollout(policy, { ...showShadow(policy, 28, 0.01), extendedSeconds: day }).kind,
    ).toBe('continue');
  });

  test('expires instead of beginning another step', () => {
    const policy = policyWith();
    expect(decideRollout(policy, showShadow(policy, 27, -0.02)).kind).toBe('advance');
    const verdict = decideRollout(policy, showShadow(policy, 28, -0.02));
    expect(verdict).toMatchObject({
      kind: 'expired',
      readings: [{ role: 'quality', outcome: 'passed' }, {}, {}],
    });
  });

  test('promotes if the last step has shown everything', () => {
    const policy = policyWith();
    const shown = showShadow(policy, 7, -0.02);
    const days = { days: 21, perDay: 300, difference: about(-0.02) };
    const served = seen(policy, addPairs(policy, inStep(policy, shown, 3), days), {
      requests: buildRequests(200),
    });
    expect(decideRollout(policy, served).kind).toBe('promote');
  });
});

describe('a rollout whose judging has ended', () => {
  const policy = policyWith({ canary: { steps: [0] } });
  const noMoreLabels = { after: startedAt, why: 'the budget is spent' };
  /** `days` whole days and half a day. */
  const spentAfter = (days: number, mean: number): RolloutEvidence => {
    const whole = showShadow(policy, days, mean);
    const from = Date.parse(whole.asOf);
    const pairs = Array.from({ length: 150 }, (_, index) =>
      pairWorseBy(from + index * 288_000, about(mean)(days, index)),
    );
    return { ...seen(policy, whole, { pairs, atMs: from + 43_200_000 }), noMoreLabels };
  };
  const atEndOfDay = (evidence: RolloutEvidence, days: number) =>
    seen(policy, evidence, { atMs: startedMs + days * day * 1000 });

  test('waits for the end of the open week if its traffic shows quality', () => {
    const open = spentAfter(5, -0.1);
    expect(decideRollout(policy, open).kind).toBe('continue');
    expect(decideRollout(policy, atEndOfDay(open, 7)).kind).toBe('promote');
  });

  test('expires if the open week cannot have enough days', () => {
    const verdict = decideRollout(policy, atEndOfDay(spentAfter(1, -0.1), 2));
    expect(verdict).toMatchObject({ kind: 'expired' });
    expect(texts(verdict)).toContain('judging stopped: the budget is spent');
  });

  test('expires if too many pairs lack a score, however good the others are', () => {
    const lacking = Array.from({ length: 200 }, () => ({
      eventTimeMs: startedMs,
      label: 1,
      champion: 0.5,
      challenger: null,
    }));
    const good = seen(policy, showShadow(policy, 7, -0.1), { pairs: lacking });
    const verdict = decideRollout(policy, { ...good, noMoreLabels });
    expect(verdict.kind).toBe('expired');
    expect(verdict.reasons.at(-1)).toMatchObject({
      message: 'judging stopped: the budget is spent',
      details: [
        '8.7 % of labelled requests lack a score of one version',
        'quality can no longer be shown; onInconclusive: rollback',
      ],
    });
  });

  test('expires at once if its traffic shows nothing', () => {
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
  ])('decides on a challenger that is %s', (_name, mean, kind) => {
    expect(decideRollout(policy, showShadow(policy, 12, mean)).kind).toBe(kind);
  });

  test('with a margin is refuted by a challenger that is better by less', () => {
    const demanding = policyWith({ quality: { rule: 'superiority', margin: 0.05 } });
    const verdict = decideRollout(demanding, showShadow(demanding, 8, -0.01));
    expect(verdict.kind).toBe('harm');
    expect(texts(verdict)).toContain('not better by more than 0.05');
  });
});

describe('a regression with absolute error up to a bound', () => {
  const policy = policyWith({ quality: { metric: 'mae', margin: 2, bound: 200 } });
  const showErrors = (challenger: number) =>
    Array.from({ length: 7 * 300 }, (_, index) => ({
      eventTimeMs: startedMs + index * 288_000,
      label: 100 + (index % 50),
      champion: 110 + (index % 50),
      challenger: 100 + (index % 50) + challenger + (index % 2 === 0 ? 3 : -3),
    }));

  test.each([
    ['closer', 8, 'advance'],
    ['equally close', 10, 'advance'],
    ['far worse', 40, 'harm'],
  ])('decides on a challenger that is %s', (_name, error, kind) => {
    const evidence = seen(policy, startedRollout(policy), {
      pairs: showErrors(error),
      requests: buildRequests(300),
      atMs: startedMs + 7 * day * 1000,
    });
    expect(decideRollout(policy, evidence).kind).toBe(kind);
  });
});

describe('a rollout that compares arms', () => {
  const policy = policyWith({
    comparison: 'arms',
    canary: { steps: [50], maxDurationSeconds: 60 * day },
  });
  /** The labels repeat, so a constant score has the same mean loss on every day. */
  const buildAnswers = (
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
  const after = (days: number, scores: Parameters<typeof buildAnswers>[1], lost?: number) =>
    seen(policy, startedRollout(policy), {
      answers: buildAnswers(days, scores, lost),
      requests: buildRequests(400),
      atMs: startedMs + days * day * 1000,
    });

  test('promotes if the challenger’s arm is better', () => {
    expect(decideRollout(policy, after(20, { champion: 0.5, challenger: 0.2 }))).toMatchObject({
      kind: 'promote',
    });
  });

  test('ends with harm if the challenger’s arm is worse', () => {
    expect(decideRollout(policy, after(3, { champion: 0.2, challenger: 0.8 }))).toMatchObject({
      kind: 'harm',
      metric: 'logloss',
    });
  });

  test('does not promote if the arms’ shares of labelled answers differ too much', () => {
    const verdict = decideRollout(policy, after(20, { champion: 0.5, challenger: 0.2 }, 20));
    expect(verdict.kind).toBe('continue');
    expect(texts(verdict)).toMatch(
      /labels for [\d.]+ % of the challenger's answers and [\d.]+ % of the champion's: too different/,
    );
  });

  test('ends if its entities are not divided as planned, and names their shares', () => {
    const divided = (n: number) => ({
      ...after(3, { champion: 0.5, challenger: 0.4 }),
      entities: [
        { arm: 'model@2', share: 0.5, n },
        { arm: 'model@1', share: 0.5, n: 500 },
      ],
    });
    expect(decideRollout(policy, divided(480)).kind).toBe('continue');
    const verdict = decideRollout(policy, divided(300));
    expect(verdict).toMatchObject({ kind: 'expired', action: 'rollback', isInvalid: true });
    expect(texts(verdict)).toContain('model@2 37.5 % of 50 %, model@1 62.5 % of 50 %');
  });

  test('has wider bounds with more serving steps, which share alpha', () => {
    const steps = policyWith({ comparison: 'arms', canary: { steps: [0, 10, 50] } });
    const evidence = inStep(steps, startedRollout(steps), 1);
    const half = seen(steps, evidence, {
      answers: buildAnswers(5, { champion: 0.5, challenger: 0.4 }),
      atMs: startedMs + 5 * day * 1000,
    });
    const one = decideRollout(policy, after(5, { champion: 0.5, challenger: 0.4 })).readings[0];
    const two = decideRollout(steps, half).readings[0];
    expect(two?.upper).toBeGreaterThan(one?.upper ?? NaN);
  });
});

describe('the forecast', () => {
  const policy = policyWith({ canary: { maxDurationSeconds: 60 * day } });

  test('gives the labels and the event time that are still needed', () => {
    const verdict = decideRollout(policy, showShadow(policy, 2, -0.005, 0.3));
    if (verdict.kind !== 'continue') throw new Error(verdict.kind);
    expect(verdict.remaining.observations).toBeGreaterThan(0);
    expect(verdict.remaining.seconds).toBeGreaterThanOrEqual(5 * day);
  });

  test('is right for traffic that continues unchanged', () => {
    const of = { days: 3, perDay: 300, difference: about(-0.005, 0.3) };
    const before = seen(policy, addPairs(policy, startedRollout(policy), of), {
      requests: buildRequests(900),
    });
    const verdict = decideRollout(policy, before);
    if (verdict.kind !== 'continue') throw new Error(verdict.kind);
    const days = Math.ceil((verdict.remaining.seconds ?? NaN) / day);
    expect(decideRollout(policy, addPairs(policy, before, { ...of, days: days - 2 })).kind).toBe(
      'continue',
    );
    expect(decideRollout(policy, addPairs(policy, before, { ...of, days: days + 1 })).kind).toBe(
      'advance',
    );
  });

  test('is null if unchanged traffic would never show quality', () => {
    expect(decideRollout(policy, showShadow(policy, 3, 0.02))).toMatchObject({
      remaining: { observations: null, seconds: null },
    });
  });

  test('covers the requests of the step once quality is shown', () => {
    const last = inStep(policy, showShadow(policy, 7, -0.02), 3);
    const week = seen(
      policy,
      addPairs(policy, last, { days: 7, perDay: 300, difference: about(-0.02) }),
      { requests: buildRequests(50) },
    );
    expect(decideRollout(policy, week)).toMatchObject({
      kind: 'continue',
      remaining: { observations: 0, seconds: 21 * day },
    });
  });

  test('is at least the rest of the week while serving', () => {
    const last = inStep(policy, showShadow(policy, 7, -0.02), 3);
    const days = seen(
      policy,
      addPairs(policy, last, { days: 3, perDay: 300, difference: about(-0.02) }),
      { requests: buildRequests(400) },
    );
    expect(decideRollout(policy, days)).toMatchObject({
      kind: 'continue',
      remaining: { observations: 0, seconds: 4 * day },
    });
  });
});
