import { toYearDecision, type DecidedRun } from '../../../../apps/cli/demo-year/decisions';

const run: DecidedRun = {
  id: 'run_1',
  actor: 'retraining:event',
  revision: 'sha256:a',
  request: { reason: 'flights landed' },
  version: 2,
  status: 'stopped',
  verdict: null,
  failure: null,
  waitingFor: null,
  stages: [],
  rollout: null,
};
const gate = (name: string, message: string) => ({ gate: name, code: name, message });
const buildRollout = (kind: 'passed' | 'failed' | 'inconclusive') =>
  ({
    verdict: { kind, reasons: [gate('errors', 'no errors'), gate('quality', 'logloss −0.02')] },
  }) as unknown as DecidedRun['rollout'];

test.each<[string, Partial<DecidedRun>, string, string]>([
  [
    'a version that traffic promoted',
    { status: 'succeeded', rollout: buildRollout('passed') },
    'promoted',
    'logloss −0.02',
  ],
  ['one that did harm', { rollout: buildRollout('failed') }, 'rolled back', 'logloss −0.02'],
  [
    'one without a verdict',
    { rollout: buildRollout('inconclusive') },
    'undecided on traffic',
    'logloss −0.02',
  ],
  [
    'the champion itself',
    {
      status: 'succeeded',
      verdict: {
        kind: 'passed',
        reasons: [{ ...gate('promote', 'no change'), code: 'promote.unchanged' }],
      },
    },
    'already the champion',
    'no change',
  ],
  [
    'a version that a gate did not pass',
    { verdict: { kind: 'failed', reasons: [gate('no-worse', 'logloss +0.3')] } },
    'stopped by a gate',
    'logloss +0.3',
  ],
])('%s', (_, changes, outcome, reason) => {
  expect(toYearDecision({ ...run, ...changes })).toEqual({
    run: 'run_1',
    revision: 'sha256:a',
    trigger: 'event: flights landed',
    version: 2,
    outcome,
    reason,
  });
});
