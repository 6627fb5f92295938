import { Writable } from 'node:stream';
import { openRunLines } from '../../../../apps/cli/run/lines';
import { describeRun } from '../../../../apps/cli/run/view';
import { openTerminal } from '../../../../apps/cli/terminal';
import type { TrialJson } from '../../../../apps/api/tuning/trial-view';
import type { FakeApi } from '../fake-api';
import { openFakeApi } from '../fake-api';

const { paint } = openTerminal({ stdout: new Writable(), stderr: new Writable(), noColor: true });

const trial = (number: number, rest: Partial<TrialJson>): TrialJson => ({
  run: 'run_1',
  number,
  status: 'complete',
  metric: 'logloss',
  value: 0.5,
  best: false,
  reason: null,
  seconds: 2,
  intermediate: [],
  startedAt: '2026-01-01T00:00:00Z',
  endedAt: null,
  params: { num_leaves: 31, learning_rate: 0.0512345 },
  ...rest,
});
const trials = [
  trial(0, { value: 0.431234 }),
  trial(1, { value: 0.42, best: true, params: { num_leaves: 7, learning_rate: 0.1 } }),
  trial(2, {
    status: 'pruned',
    value: 0.7,
    reason: 'hyperband, at tuning_logloss 0.7 after 3 iterations',
  }),
  trial(3, { status: 'failed', value: null, reason: 'used 3 GiB of memory' }),
  trial(4, { status: 'running', value: null, seconds: null }),
];

describe('the trials of a run', () => {
  let api: FakeApi;
  beforeEach(async () => {
    api = await openFakeApi();
    api.routes.set('GET /runs/run_1/trials', { items: trials, nextPageToken: null });
  });
  afterEach(() => api.close());

  test('are a table with the best marked', async () => {
    const { exitCode, stdout } = await api.cli('run', 'trials', 'run_1');
    expect(exitCode).toBe(0);
    expect(stdout.split('\n')).toEqual([
      'TRIAL  NUM_LEAVES  LEARNING_RATE  LOGLOSS  STATUS    SECONDS',
      '0      31          0.0512         0.431    complete  2.0',
      '1      7           0.1            0.42     complete  2.0      best',
      '2      31          0.0512         0.7      pruned    2.0      hyperband, at tuning_logloss 0.7 after 3 iterations',
      '3      31          0.0512                  failed    2.0      used 3 GiB of memory',
      '4      31          0.0512                  running',
      '',
    ]);
  });

  test('are printed as JSON on request, with their run', async () => {
    const { stdout, stderr } = await api.cli('run', 'trials', 'run_1', '--json');
    expect(JSON.parse(stdout)).toEqual(trials);
    expect(stderr).toBe('');
    api.routes.set('GET /runs/run_2/trials', { items: trials, nextPageToken: null });
    expect((await api.cli('run', 'trials', 'run_2')).stderr).toBe('reused from run_1\n');
  });

  test('that have not started are reported as such', async () => {
    api.routes.set('GET /runs/run_1/trials', { items: [], nextPageToken: null });
    expect(await api.cli('run', 'trials', 'run_1')).toEqual({
      exitCode: 0,
      stdout: '',
      stderr: 'run_1 has no trials yet; next: perennial run watch run_1\n',
    });
  });
});

test('a study is followed by occasional lines and a last one', () => {
  const linesOf = openRunLines(paint);
  const lines = [0, 1, 2, 6, 7, 8].flatMap((second, index) => {
    const best = second === 0 ? null : { number: 1, value: 0.43123 };
    const data = {
      number: index,
      status: 'complete',
      value: 0.5,
      best,
      metric: 'logloss',
      ended: index + 1,
      of: 6,
    };
    return linesOf({
      seq: index,
      kind: 'trial.ended',
      stage: 'tune',
      data,
      at: `2026-01-01T00:00:0${second}.000Z`,
    });
  });
  expect(lines).toEqual([
    '00:00:00  tune      1 of 6 trials, none complete',
    '00:00:06  tune      4 of 6 trials, best logloss 0.431',
    '00:00:08  tune      6 of 6 trials, best logloss 0.431',
  ]);
});

test.each([
  ['train', 'run_1/train/job/1', 'lightgbm step 7: loss 0.5'],
  ['tune', 'run_1/tune/winner/1', 'winner: lightgbm step 7: loss 0.5'],
  ['evaluate', 'run_1/evaluate/baseline/1', 'baseline: lightgbm step 7: loss 0.5'],
])('training is shown under its stage: %s', (stage, job, text) => {
  const data = { trainer: 'lightgbm', job, metrics: [{ step: 7, name: 'loss', value: 0.5 }] };
  const lines = openRunLines(paint)({
    seq: 1,
    kind: 'train.metrics',
    stage,
    data,
    at: '2026-01-01T00:00:00.000Z',
  });
  expect(lines).toEqual([`00:00:00  ${stage.padEnd(9)} ${text}`]);
});

test('metrics of a Python step are shown with its name', () => {
  const metrics = [
    { step: 3, name: 'progress', value: 0.25 },
    { step: 3, name: 'loss', value: 0.5 },
  ];
  const lines = openRunLines(paint)({
    seq: 1,
    kind: 'step.metrics',
    stage: 'score',
    data: { step: 'score_shop', job: 'run_1/score/score_shop/1', metrics },
    at: '2026-01-01T00:00:00.000Z',
  });
  expect(lines).toEqual(['00:00:00  score     score_shop: progress 0.25, loss 0.5']);
});

test.each([
  ['tuned', 'trial 1 of 6 chosen: num_leaves 7, learning_rate 0.1'],
  ['default', 'default parameters kept, 6 trials'],
] as const)('a run shows the choice of its study: %s', (chosen, text) => {
  const tuning = {
    chosen,
    params: {},
    trials: { complete: 3, pruned: 2, failed: 1 },
    confirm: null,
    best: { number: 1, value: 0.42, params: { num_leaves: 7, learning_rate: 0.1 } },
  };
  const shown = describeRun(
    {
      id: 'run_1',
      lifecycle: 'shop',
      status: 'running',
      version: null,
      waitingFor: null,
      failure: null,
      actor: 'ada',
      traceId: 't',
      revision: '',
      request: {},
      rerunOf: null,
      createdAt: '',
      startedAt: null,
      endedAt: null,
      temporalUrl: null,
      verdict: null,
      rollout: null,
      sentEvents: [],
      plannedStages: [],
      approvals: [],
      children: [],
      parent: null,
      stages: [
        {
          name: 'tune',
          status: 'succeeded',
          seconds: 9,
          reusedFrom: 'run_0',
          decision: null,
          verdict: null,
          contracts: null,
          tuning,
          prompts: null,
          fineTuning: null,
          batch: null,
          failure: null,
        },
      ],
    },
    paint,
  );
  expect(shown).toContain(`tune   succeeded  9.0      reused from run_0; ${text}`);
});
