import { armRows, sharesReason } from '../../../apps/web/src/rollout/arm-rows';

const none = { estimate: null, lower: null, upper: null };
const arm = { share: 1 / 3, entities: 1_030, requests: 4_100, stopped: false, n: 900 };
const arms = [
  {
    ...arm,
    version: 2,
    role: 'challenger',
    outcome: 'passed',
    estimate: -0.01234,
    lower: -0.0285,
    upper: 0.0039,
  },
  {
    ...arm,
    ...none,
    version: 5,
    role: 'challenger',
    outcome: 'failed',
    n: 0,
    requests: 121,
    stopped: true,
  },
  {
    ...arm,
    ...none,
    version: 1,
    role: 'champion',
    outcome: null,
    n: 0,
    entities: 940,
    requests: 3_900,
  },
] as const;
const guardrail = { max: 0.01, quantile: null, limit: 0.01, ...none };
const guardrails = [
  { ...guardrail, version: 2, metric: 'errors', outcome: 'passed', n: 4_100 },
  { ...guardrail, version: 2, metric: 'latency_ms', outcome: 'inconclusive', n: 4_100 },
  { ...guardrail, version: 5, metric: 'errors', outcome: 'failed', n: 120 },
] as const;
const rollout = { arms, guardrails, winner: 2, quality: { metric: 'logloss' } };

describe('the table of arms', () => {
  test('has each challenger with its own guardrails, then the champion', () => {
    expect(armRows(rollout)).toEqual([
      {
        version: 2,
        marks: ['winner'],
        shares: ['33.3 %', '34.3 %', '1,030'],
        requests: '4,100',
        labels: '900',
        difference: '-0.0123 (-0.0285 … 0.0039)',
        outcomes: [
          { name: 'logloss', outcome: 'passed' },
          { name: 'errors', outcome: 'passed' },
          { name: 'latency_ms', outcome: 'inconclusive' },
        ],
      },
      {
        version: 5,
        marks: ['stopped'],
        shares: ['33.3 %', '34.3 %', '1,030'],
        requests: '121',
        labels: '0',
        difference: 'nothing is measured yet',
        outcomes: [
          { name: 'logloss', outcome: 'failed' },
          { name: 'errors', outcome: 'failed' },
        ],
      },
      {
        version: 1,
        marks: ['champion'],
        shares: ['33.3 %', '31.3 %', '940'],
        requests: '3,900',
        labels: '—',
        difference: '—',
        outcomes: [],
      },
    ]);
  });

  test('has no real share before an entity is assigned, and no requests once they are deleted', () => {
    const idle = arms.map((each) => ({ ...each, entities: 0, requests: null }));
    for (const { shares, requests } of armRows({ ...rollout, arms: idle }))
      expect([shares, requests]).toEqual([['33.3 %', '—', '0'], '—']);
  });

  test('is empty for other methods', () => {
    expect(armRows({ ...rollout, arms: null, winner: null })).toEqual([]);
  });

  test('has the reason of the sample-ratio test beside it, and not the end that it caused', () => {
    const shares = { gate: 'shares', code: 'shares.mismatch', message: 'entities are not divided' };
    const ended = { gate: 'rollout', code: 'rollout.sampleRatio', message: 'not valid' };
    expect(sharesReason({ reasons: [ended, shares] })).toBe(shares);
    expect(sharesReason({ reasons: [ended] })).toBeUndefined();
  });
});
