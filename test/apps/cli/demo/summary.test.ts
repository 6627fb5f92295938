import {
  demoRun,
  readRollback,
  roundsTable,
  type NamedRound,
} from '../../../../apps/cli/demo/summary';
import type { ReplayEnd } from '../../../../apps/cli/serving/replay/replay';
import type { RolloutJson } from '../../../../apps/cli/rollout/view';
import type { RunJson } from '../../../../apps/cli/run/view';
import { rolledBack } from '../rollout/fixture';

const run: RunJson = {
  id: 'run_1',
  lifecycle: 'flight-delay',
  status: 'stopped',
  verdict: { kind: 'failed', reasons: [] },
  version: 2,
  waitingFor: null,
  failure: null,
  actor: 'key:ada',
  traceId: 'a'.repeat(32),
  createdAt: '2026-01-01T00:00:00Z',
  startedAt: null,
  endedAt: null,
  revision: '',
  request: {},
  rerunOf: null,
  temporalUrl: null,
  rollout: null,
  sentEvents: [],
  plannedStages: [],
  approvals: [],
  children: [],
  parent: null,
  stages: [
    {
      name: 'canary',
      status: 'failed',
      seconds: 12.345,
      reusedFrom: null,
      decision: null,
      verdict: null,
      contracts: null,
      tuning: null,
      prompts: null,
      fineTuning: null,
      batch: null,
      failure: null,
    },
  ],
};
const sent: ReplayEnd = {
  at: 0,
  requests: 0,
  failed: 0,
  labels: 0,
  answeredBy: {},
  lagMs: 0,
  seconds: 10,
  latency: { p50: 5, p97: 9 },
  firstFailure: null,
};
const buildRound = (rollout: RolloutJson | null): NamedRound => ({
  name: 'labels shuffled',
  run,
  rollout,
  traffic: rollout && { ...sent, requests: 1_234, labels: 1_000 },
});
const withAnswers = (assigned: number): RolloutJson => {
  const { total } = rolledBack.traffic ?? {};
  if (!total) throw new Error('on record');
  return {
    ...rolledBack,
    traffic: { total: { ...total, challenger: { ...total.challenger, assigned } } },
  };
};

describe('the table of the demo', () => {
  test('shows how soon the traffic was back after a rollback', () => {
    expect(roundsTable([buildRound(withAnswers(300))])).toMatch(
      /@2 +failed, rolled back .* 1,234 +1,000 +0\.41 s +12\.3/,
    );
  });

  test('shows no such time if the version had no traffic', () => {
    expect(roundsTable([buildRound(withAnswers(0))])).toMatch(/1,234 +1,000 +12\.3/);
  });

  test('shows that a run without a champion had no canary', () => {
    expect(roundsTable([buildRound(null)])).toContain('no canary');
  });
});

test('the JSON line has verdict, pairs and bounds of each rollout, and the rollback', () => {
  const { verdict, quality } = rolledBack;
  expect(demoRun(buildRound(rolledBack))).toMatchObject({
    id: 'run_1',
    version: 2,
    stages: [{ name: 'canary', seconds: 12.35, reused: false }],
    rollout: { verdict, pairs: quality.n, lower: quality.lower, upper: quality.upper },
  });
  expect(readRollback(buildRound(rolledBack))).toEqual({
    model: 'flight-delay',
    from: 2,
    to: 1,
    secondsToFullTraffic: 0.412,
    failedRequests: 0,
  });
  expect(readRollback(buildRound(null))).toBeNull();
});
