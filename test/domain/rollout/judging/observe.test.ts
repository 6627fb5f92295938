import fc from 'fast-check';
import type { RolloutEvidence } from '../../../../domain/rollout/judging/evidence';
import type {
  ArmObservation,
  ObservationBatch,
  PairObservation,
} from '../../../../domain/rollout/judging/observation';
import { enterStep, observe, startEvidence } from '../../../../domain/rollout/judging/observe';
import type { RolloutPolicy } from '../../../../domain/rollout/policy';
import { policyWith } from '../../../support/rollout/policies';

const startMs = Date.parse('2013-08-01T00:00:00Z');
const hourMs = 3_600_000;
const at = (hours: number) => new Date(startMs + hours * hourMs).toISOString();
const begin = (policy: RolloutPolicy) =>
  startEvidence(policy, { champion: 'm@1', challenger: 'm@2', at: at(0) });
const see = (
  policy: RolloutPolicy,
  evidence: RolloutEvidence,
  seen: Partial<ObservationBatch> & { readonly hours: number },
): RolloutEvidence =>
  observe(policy, evidence, {
    pairs: [],
    answers: [],
    requests: [],
    ...seen,
    asOf: at(seen.hours),
  });
const pair = (hours: number, over: Partial<PairObservation> = {}): PairObservation => ({
  eventTimeMs: startMs + hours * hourMs,
  label: 1,
  champion: 0.5,
  challenger: 0.4,
  ...over,
});
const answer = (hours: number, over: Partial<ArmObservation> = {}): ArmObservation => ({
  eventTimeMs: startMs + hours * hourMs,
  arm: 'champion',
  label: 1,
  score: 0.5,
  ...over,
});

const score = fc.oneof(
  fc.double({ min: -0.2, max: 1.2, noNaN: true }),
  fc.constant(null),
  fc.constant(NaN),
);
const label = fc.constantFrom(0, 1, 1, 0, null);
const hours = fc.double({ min: 0, max: 200, noNaN: true });
const inOrder = <T extends { readonly eventTimeMs: number }>(seen: readonly T[]): T[] =>
  seen.toSorted((a, b) => a.eventTimeMs - b.eventTimeMs);
const anyPairs = fc
  .array(
    fc.record({
      eventTimeMs: hours.map((each) => startMs + each * hourMs),
      label,
      champion: score,
      challenger: score,
    }),
    {
      maxLength: 40,
    },
  )
  .map(inOrder);
const anyAnswers = fc
  .array(
    fc.record({
      eventTimeMs: hours.map((each) => startMs + each * hourMs),
      arm: fc.constantFrom('champion' as const, 'challenger' as const),
      label,
      score,
    }),
    { maxLength: 40 },
  )
  .map(inOrder);
const anyRequests = fc.array(
  fc.record({ failed: fc.boolean(), latencyMs: fc.constantFrom(null, 20, 150, 151, 900) }),
  { maxLength: 20 },
);
const policies = {
  pairs: [
    policyWith(),
    policyWith({ quality: { metric: 'brier' } }),
    policyWith({ quality: { metric: 'mae', bound: 0.5 } }),
    policyWith({ canary: { guardrails: [] } }),
  ],
  arms: [
    policyWith({ comparison: 'arms' }),
    policyWith({ comparison: 'arms', quality: { metric: 'mae', bound: 0.5 } }),
  ],
};

describe('observations', () => {
  test('give the same evidence in one batch or many, with JSON in between (pairs)', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...policies.pairs),
        anyPairs,
        anyRequests,
        fc.array(fc.nat(40), { maxLength: 5 }),
        (policy, pairs, requests, cuts) => {
          const whole = see(policy, begin(policy), { pairs, requests, hours: 200 });
          let evidence = begin(policy);
          const ends = [...cuts.toSorted((a, b) => a - b), 40];
          ends.forEach((end, index) => {
            const from = index === 0 ? 0 : (ends[index - 1] ?? 0);
            const some = pairs.slice(from, end);
            // As the queue does it: everything up to the last delivered one.
            const asOf = some.at(-1)?.eventTimeMs ?? Date.parse(evidence.asOf);
            evidence = observe(policy, JSON.parse(JSON.stringify(evidence)) as RolloutEvidence, {
              pairs: some,
              answers: [],
              requests: requests.slice(from, end),
              asOf: new Date(asOf).toISOString(),
            });
          });
          expect(see(policy, evidence, { hours: 200 })).toEqual(whole);
        },
      ),
    );
  });

  test('give the same evidence in one batch or two (arms)', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...policies.arms),
        anyAnswers,
        fc.nat(40),
        (policy, answers, cut) => {
          const whole = see(policy, begin(policy), { answers, hours: 200 });
          const first = answers.slice(0, cut);
          const asOf = first.at(-1)?.eventTimeMs ?? startMs;
          const half = see(policy, begin(policy), {
            answers: first,
            hours: (asOf - startMs) / hourMs,
          });
          expect(see(policy, half, { answers: answers.slice(cut), hours: 200 })).toEqual(whole);
        },
      ),
    );
  });

  test('count each pair as compared, unlabelled or unscored', () => {
    fc.assert(
      fc.property(fc.constantFrom(...policies.pairs), anyPairs, (policy, pairs) => {
        const { quality } = see(policy, begin(policy), { pairs, hours: 200 });
        if (quality.kind !== 'pairs') throw new Error('pairs');
        expect(quality.shadow.n + quality.unlabelled + quality.unscored).toBe(pairs.length);
      }),
    );
  });

  test.each([
    ['logloss', 2.5],
    ['logloss', -1],
    ['brier', 2.5],
    ['brier', 0.5],
  ] as const)('of %s with the invalid label %d count as unlabelled', (metric, wrong) => {
    const policy = policyWith({ quality: { metric } });
    const { quality } = see(policy, begin(policy), {
      pairs: [pair(1, { label: wrong }), pair(2)],
      hours: 3,
    });
    expect(quality).toMatchObject({ unlabelled: 1, shadow: { n: 1 } });
  });

  test('of a regression count the absolute error up to the bound', () => {
    const policy = policyWith({ quality: { metric: 'mae', margin: 1, bound: 10 } });
    const pairs = [
      pair(1, { label: 100, champion: 101, challenger: 97 }),
      pair(2, { label: -5, champion: 300, challenger: -5 }),
    ];
    const { quality } = see(policy, begin(policy), { pairs, hours: 3 });
    expect(quality).toMatchObject({ shadow: { n: 2, sum: 3 - 1 + (0 - 10) } });
  });

  test('of extreme probabilities are clipped at 0.001 and 0.999 for log loss', () => {
    const policy = policyWith();
    const { quality } = see(policy, begin(policy), {
      pairs: [pair(1, { champion: 0.999, challenger: 0 })],
      hours: 3,
    });
    if (quality.kind !== 'pairs') throw new Error('pairs');
    expect(quality.shadow.sum).toBeCloseTo(Math.log(0.999) - Math.log(0.001), 12);
  });

  test('before the first whole day belong to no day and are not late', () => {
    const policy = policyWith();
    const { quality } = see(policy, begin(policy), {
      pairs: [pair(-30), pair(-1), pair(1)],
      hours: 24,
    });
    expect(quality).toMatchObject({ shadow: { n: 3 }, days: { week: { days: 1 }, late: 0 } });
  });

  test('belong to days in the time zone of the lifecycle', () => {
    const policy = policyWith({ canary: { timezone: 'America/New_York' } });
    // It begins at 20:00 local time, so the first whole day is from hour 4 to hour 28.
    const seen = see(policy, begin(policy), { pairs: [pair(1), pair(5), pair(27)], hours: 28 });
    expect(seen.quality).toMatchObject({ days: { week: { days: 1 }, open: null } });
    expect(
      see(policyWith(), begin(policyWith()), { pairs: [pair(1), pair(5), pair(27)], hours: 28 })
        .quality,
    ).toMatchObject({
      days: { week: { days: 1 }, open: { challenger: { n: 1 } } },
    });
  });

  test('are rejected if they are earlier than the evidence or of the other comparison', () => {
    const policy = policyWith();
    const seen = see(policy, begin(policy), { hours: 5 });
    expect(() => see(policy, seen, { hours: 4 })).toThrow(
      `cannot add a batch as of ${at(4)}: the evidence is as of ${at(5)}, which is later`,
    );
    expect(() => see(policy, seen, { answers: [answer(1)], hours: 6 })).toThrow(RangeError);
  });

  test('of requests count failures, and slow or missing answers', () => {
    const policy = policyWith();
    const requests = [
      { failed: false, latencyMs: 150 },
      { failed: false, latencyMs: 151 },
      { failed: true, latencyMs: null },
    ];
    const seen = see(policy, begin(policy), { requests, hours: 1 });
    expect(seen).toMatchObject({
      requestsInStep: 3,
      guardrails: { errors: { n: 3, events: 1 }, latency_ms: { n: 3, events: 2 } },
    });
  });
});

describe('a new step', () => {
  const requests = [{ failed: true, latencyMs: 20 }];

  test('resets the requests, and also the pairs when serving begins', () => {
    const policy = policyWith();
    const seen = see(policy, begin(policy), { pairs: [pair(1), pair(25)], requests, hours: 50 });
    expect(seen.quality).toMatchObject({ phase: 'shadow', days: { week: { days: 2 } } });
    const entered = enterStep(policy, seen, { step: 1, at: at(50) });
    expect(entered).toMatchObject({
      step: 1,
      stepStartedAt: at(50),
      servingSince: at(50),
      startedAt: at(0),
      guardrails: {},
      requestsInStep: 0,
    });
    expect(entered.quality).toMatchObject({
      phase: 'serving',
      shadow: { n: 2 },
      serving: { n: 0 },
      days: { week: { days: 0 }, weekFrom: null },
    });
  });

  test('keeps the pairs of all serving steps, and resets those of the step', () => {
    const policy = policyWith();
    const first = see(policy, enterStep(policy, begin(policy), { step: 1, at: at(0) }), {
      pairs: [pair(1), pair(2)],
      hours: 3,
    });
    const second = see(policy, enterStep(policy, first, { step: 2, at: at(3) }), {
      pairs: [pair(4)],
      hours: 5,
    });
    expect(second).toMatchObject({
      servingSince: at(0),
      quality: { serving: { n: 3 }, step: { n: 1 } },
    });
  });

  test('counts a late due label of the shadow for the shadow', () => {
    const policy = policyWith();
    const entered = enterStep(policy, see(policy, begin(policy), { pairs: [pair(1)], hours: 30 }), {
      step: 1,
      at: at(30),
    });
    const late = see(policy, entered, {
      pairs: [pair(31, { step: 0 }), pair(32, { step: 1 })],
      hours: 60,
    });
    expect(late.quality).toMatchObject({ shadow: { n: 2 }, serving: { n: 1 }, step: { n: 1 } });
    // The day on which serving began is not a whole day.
    expect(late.quality.days).toMatchObject({
      weekFrom: Date.parse(at(48)) / 86_400_000,
      open: null,
      late: 0,
    });
  });

  test('begins the arms of the step anew, and keeps those of all serving steps and their days', () => {
    const policy = policyWith({ comparison: 'arms', canary: { steps: [10, 50] } });
    const answers = [
      answer(1),
      answer(2, { arm: 'challenger' }),
      answer(25),
      answer(26, { arm: 'challenger' }),
    ];
    const entered = enterStep(policy, see(policy, begin(policy), { answers, hours: 30 }), {
      step: 1,
      at: at(30),
    });
    expect(entered.quality).toMatchObject({
      champion: { n: 2 },
      challenger: { n: 2 },
      step: { champion: { n: 0 }, challenger: { n: 0 } },
      days: { week: { days: 1 } },
    });
  });

  test('counts no arm in shadow, where the challenger answers nothing', () => {
    const policy = policyWith({ comparison: 'arms' });
    const shadow = see(policy, begin(policy), { answers: [answer(1), answer(25)], hours: 30 });
    expect(shadow.quality).toMatchObject({ champion: { n: 0, weight: 0 }, challenger: { n: 0 } });
  });

  test('changes nothing if it is the current step', () => {
    const policy = policyWith();
    const seen = see(policy, begin(policy), { requests, hours: 30 });
    expect(enterStep(policy, seen, { step: 0, at: at(31) })).toBe(seen);
  });
});

describe('pairs of a multiclass model', () => {
  const policy = policyWith();

  test('bring their own range of differences', () => {
    const seen = pair(1, { champion: 0.5, challenger: 0.4, differences: { min: -6, max: 6 } });
    const known = see(policy, begin(policy), { hours: 2, pairs: [seen] });
    expect(known.quality).toMatchObject({ kind: 'pairs', shadow: { n: 1 } });
    const { differences: _, ...binary } = seen;
    expect(known).not.toEqual(see(policy, begin(policy), { hours: 2, pairs: [binary] }));
    // A difference outside its range would make the bounds invalid.
    const impossible = { ...seen, differences: { min: -0.1, max: 0.1 } };
    expect(() => see(policy, begin(policy), { hours: 2, pairs: [impossible] })).toThrow(RangeError);
  });
});
