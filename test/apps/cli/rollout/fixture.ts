import type { RolloutJson } from '../../../../apps/cli/rollout/view';
import type { HistoryPoint } from '../../../../domain/rollout/history';

/** A difference that converges to `mean`, with bounds that narrow with √n. */
export function settling(points: number, mean: number): readonly HistoryPoint[] {
  return Array.from({ length: points }, (_, index) => {
    const n = (index + 1) * 40;
    const estimate = mean + (0.025 * Math.cos(index / 3)) / Math.sqrt(index + 1);
    const width = 1.2 / Math.sqrt(n);
    return {
      n,
      eventTime: `2013-08-${String(1 + Math.floor(index / 8)).padStart(2, '0')}T00:00:00Z`,
      estimate,
      lower: estimate - width,
      upper: estimate + width,
    };
  });
}

const arm = { requests: 5_900, errors: 0, assigned: 5_600, slow: 12, ripe: 5_000, labelled: 4_720 };

/** A rollout in its second step, after four of fourteen days. */
export const running: RolloutJson = {
  id: 'roll_1',
  model: 'flight-delay',
  champion: 1,
  challenger: 2,
  runId: 'run_1',
  status: 'running',
  judge: null,
  arms: null,
  shares: null,
  winner: null,
  attempt: 1,
  method: 'canary',
  steps: [0, 5, 50],
  step: 1,
  weight: 0.05,
  verdict: null,
  decision: null,
  waitingFor: null,
  startedAt: '2026-01-01T00:00:00Z',
  endedAt: null,
  quality: {
    metric: 'logloss',
    rule: 'nonInferiority',
    limit: 0.01,
    comparison: 'pairs',
    n: 2_400,
    estimate: -0.0038,
    lower: -0.0285,
    upper: 0.0209,
  },
  shadow: { n: 9_800, estimate: -0.0041, lower: -0.0152, upper: 0.007 },
  reasons: [
    {
      gate: 'quality',
      code: 'quality.open',
      message:
        'logloss −0.0038 (99.67 % CI −0.0285 … +0.0209, 2,400 pairs): ' +
        'not yet below the 0.01 margin',
      outcome: 'inconclusive',
    },
    {
      gate: 'errors',
      code: 'guardrail.unharmed',
      message: '0 % of requests failed (0 % … 0.9 %, 300 requests): within the 1 % limit',
      outcome: 'passed',
    },
    {
      gate: 'rollout',
      code: 'rollout.quality',
      message: 'logloss is not yet shown to be below the 0.01 margin',
      outcome: 'inconclusive',
    },
  ],
  remaining: { observations: 1_650, seconds: 237_600 },
  traffic: {
    total: {
      champion: arm,
      challenger: { requests: 5_900, errors: 3, assigned: 300, slow: 5, ripe: 260, labelled: 250 },
    },
  },
  test: { alpha: 0.03, maxDurationSeconds: 1_209_600, extendedSeconds: 0 },
  rollback: null,
  history: settling(60, -0.004),
  eventStartedAt: '2013-08-01T00:00:00Z',
  eventNow: '2013-08-05T00:00:00Z',
  temporalUrl: null,
};

/** The same rollout with a judge. */
export const judged: RolloutJson = {
  ...running,
  judge: {
    dimension: 'sound',
    digest: `sha256:${'a'.repeat(64)}`,
    sensitivity: 0.9,
    specificity: 0.8,
    pairs: 1_240,
    withoutVerdict: 7,
    mostPairs: 2_000,
    costUsd: 0.31416,
    silence: null,
    over: null,
    labels: {
      needed: 100,
      pairs: 120,
      champion: { right: 60, wrong: 52 },
      challenger: { right: 58, wrong: 55 },
      whyNot: ['missing labels: champion 40 right, 48 wrong; challenger 42 right, 45 wrong'],
    },
  },
};

export const rolledBack: RolloutJson = {
  ...running,
  status: 'rolledBack',
  weight: 0,
  endedAt: '2026-01-01T01:00:00Z',
  verdict: {
    kind: 'failed',
    reasons: [
      {
        gate: 'quality',
        code: 'quality.refuted',
        message: 'logloss worse by 0.21: refuted',
        outcome: 'failed',
      },
      { gate: 'errors', code: 'guardrail.unharmed', message: 'kept', outcome: 'passed' },
    ],
  },
  remaining: null,
  rollback: { from: 2, to: 1, secondsToFullTraffic: 0.412, unconfirmed: [] },
  history: settling(20, 0.2),
};
