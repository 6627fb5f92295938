import { MockActivityEnvironment } from '@temporalio/testing';
import { DefaultLogger } from '@temporalio/worker';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { LocalBackend } from '../../../activities/training/compute/local/backend';
import { createLocalBackend } from '../../../activities/training/compute/local/backend';
import type { LaneEnd, LaneInput } from '../../../activities/tuning/lane';
import { createLaneActivities } from '../../../activities/tuning/lane';
import type { Optuna } from '../../../activities/tuning/optuna';
import { createOptuna } from '../../../activities/tuning/optuna';
import type { ArtifactRef } from '../../../domain/artifact';
import { failure } from '../../../domain/failure';
import { effectKey } from '../../../domain/ids';
import type { ComputeBackend } from '../../../domain/training/job';
import type { TrainSpec } from '../../../domain/lifecycle/lifecycle';
import { planPruning } from '../../../domain/tuning/pruning';
import type { RunId } from '../../../domain/ids';
import type { Trial } from '../../../domain/tuning/tuning';
import {
  applyLifecycle,
  openTestRegistry,
  startRun,
  tenant,
  unique,
  type TestRegistry,
} from '../../db/registry-fixture';
import { directoryArtifacts, type DirectoryArtifacts } from '../../support/directory-artifacts';
import { pythonPath } from '../../support/platform';
import { pythonEnvironments } from '../../support/training/python-environments';
import { flightFeatures, trainingRows } from '../../support/training/training-rows';
import type { TuneSpec } from '../../../domain/tuning/tune-spec';

// Real training on a machine that may be busy.
let test_: TestRegistry;
let folder: string;
let artifacts: DirectoryArtifacts;
let backend: LocalBackend;
let optuna: Optuna;
let assembled: ArtifactRef;

beforeAll(async () => {
  test_ = await openTestRegistry();
  folder = await mkdtemp(join(tmpdir(), 'perennial-tune-'));
  artifacts = directoryArtifacts(join(folder, 'artifacts'));
  const [python, trainersDir] = [pythonPath(), resolve('trainers')];
  backend = createLocalBackend({
    python,
    trainersDir,
    stateDir: join(folder, 'state'),
    artifacts,
    maxConcurrent: 2,
    graceSeconds: 2,
  });
  optuna = createOptuna({ python, trainersDir });
  const train = await trainingRows(artifacts, folder, { task: 'classification', rows: 3_000 });
  const tuning = await trainingRows(artifacts, folder, {
    task: 'classification',
    rows: 1_000,
    first: 3_000,
  });
  const value = {
    task: 'classification',
    features: flightFeatures,
    parts: { train: { features: train }, tuning: { features: tuning } },
  };
  assembled = await artifacts.putJson({ tenant, value });
});
afterAll(async () => {
  await Promise.all([backend.close(), optuna.close(), test_.close()]);
  await rm(folder, { recursive: true, force: true });
});

const tune: TuneSpec = {
  metric: 'logloss',
  direction: 'minimize',
  trials: 9,
  parallel: 1,
  sampler: 'tpe',
  pruner: 'hyperband',
  seed: 3,
  budgetSeconds: null,
  space: {
    num_leaves: { kind: 'int', low: 3, high: 63, step: 1, log: true },
    learning_rate: { kind: 'float', low: 0.001, high: 0.5, step: null, log: true },
  },
};
const train: TrainSpec = {
  trainer: 'lightgbm',
  task: null,
  params: { num_iterations: 27 },
  seed: 7,
  compute: { backend: 'local', cpus: 1, memoryBytes: 2 ** 30, timeoutSeconds: 60, retries: 3 },
};
type Report = TestRegistry['registry']['trials'];

interface Study {
  readonly of: { readonly tenant: typeof tenant; readonly runId: RunId; readonly study: string };
  /** One call of the activity of lane 0. */
  readonly lane: (attempt?: number) => Promise<LaneEnd>;
}

async function openStudy(
  backends: ComputeBackend,
  { trials, change }: { readonly trials?: Report; readonly change?: Partial<TuneSpec> } = {},
): Promise<Study> {
  const { registry } = test_;
  const lifecycle = unique('tuned');
  await applyLifecycle(registry, lifecycle);
  const runId = await startRun(registry, lifecycle);
  const of = { tenant, runId, study: 'tune' };
  const lanes = createLaneActivities({
    backends: { local: backends },
    artifacts,
    registry: { ...registry, trials: trials ?? registry.trials },
    prices: {},
    optuna,
    trainersDir: resolve('trainers'),
    environments: pythonEnvironments(folder),
  });
  const asked = { ...tune, ...change };
  const input: LaneInput = {
    ...{ ...of, lifecycle, train, assembled, lane: 0, until: asked.trials, tune: asked },
    pruning: planPruning(asked.pruner, 27),
    key: effectKey(runId, 'tune', 'lane', 1, '0'),
  };
  return { of, lane: (attempt = 1) => run(() => lanes.runLane(input), attempt) };
}

/** Runs a study for a new run in one lane, and returns how its trials ended. */
async function studied(
  backends: ComputeBackend,
  options: Parameters<typeof openStudy>[1] = {},
): Promise<readonly Trial[]> {
  const { of, lane } = await openStudy(backends, options);
  let end: LaneEnd;
  do end = await lane();
  while (end.kind === 'more');
  expect(end).toMatchObject({ kind: 'started', asked: tune.trials, running: [] });
  return test_.registry.trials.list(of);
}

function run<T>(activity: () => Promise<T>, attempt: number): Promise<T> {
  return new MockActivityEnvironment({ attempt }, { logger: new DefaultLogger('ERROR') }).run(
    activity,
  );
}

const told = (trials: readonly Trial[]) =>
  trials.map(({ number, params, status, value, intermediate }) => ({
    number,
    params,
    status,
    value,
    intermediate,
  }));

describe('a seeded study, one trial at a time', () => {
  let watched: readonly Trial[];
  beforeAll(async () => {
    watched = await studied(backend);
  });

  test('completes some trials and prunes others, each at a rung', () => {
    const of = (status: Trial['status']) => watched.filter((trial) => trial.status === status);
    expect(of('complete').length).toBeGreaterThan(1);
    expect(of('pruned').length).toBeGreaterThan(1);
    expect(of('complete').length + of('pruned').length).toBe(tune.trials);
    for (const { intermediate } of of('pruned'))
      expect([1, 3, 9]).toContain(intermediate.at(-1)?.step);
    for (const { intermediate, value } of of('pruned'))
      expect(value).toBe(intermediate.at(-1)?.value);
  });

  test('is the same when no trial was polled before its end', async () => {
    const unseen: ComputeBackend = {
      ...backend,
      async poll(handle) {
        const state = await backend.poll(handle);
        return state.kind === 'running' ? { ...state, metrics: [] } : state;
      },
    };
    expect(told(await studied(unseen))).toEqual(told(watched));
  });

  test('is the same when the registry was unavailable at the end of each trial', async () => {
    const { trials } = test_.registry;
    let calls = 0;
    const away: Report = {
      ...trials,
      list: (study) => {
        calls += 1;
        return calls % 3 === 1
          ? Promise.reject(failure('DatabaseUnavailable', 'the registry is away'))
          : trials.list(study);
      },
    };
    expect(told(await studied(backend, { trials: away }))).toEqual(told(watched));
    expect(calls).toBeGreaterThan(tune.trials);
  });

  test('is the same when the job of a trial is lost, and the retry returns after that trial', async () => {
    let polls = 0;
    const losing: ComputeBackend = {
      ...backend,
      poll(handle) {
        polls += 1;
        return polls === 3
          ? Promise.reject(failure('JobLost', 'its machine is gone'))
          : backend.poll(handle);
      },
    };
    const { of, lane } = await openStudy(losing);
    await expect(lane()).rejects.toMatchObject({ type: 'JobLost' });
    const before = await test_.registry.trials.list(of);
    expect(before.filter(({ status }) => status === 'running')).toHaveLength(1);
    expect(await lane(2)).toMatchObject({ kind: 'more', asked: before.length, running: [] });
    let end = await lane();
    while (end.kind === 'more') end = await lane();
    expect(told(await test_.registry.trials.list(of))).toEqual(told(watched));
  });

  test.each(['asha', 'median'] as const)('prunes with %s, and again the same', async (pruner) => {
    const first = await studied(backend, { change: { pruner } });
    expect(first.filter(({ status }) => status === 'pruned').length).toBeGreaterThan(0);
    for (const { status, reason } of first)
      expect(reason).toEqual(status === 'pruned' ? expect.stringMatching(`^${pruner}, at`) : null);
    expect(told(await studied(backend, { change: { pruner } }))).toEqual(told(first));
  });

  test('records a value of each objective, and the state of the sampler', async () => {
    const objectives = [
      { metric: 'logloss', direction: 'minimize' },
      { metric: 'auc', direction: 'maximize' },
    ] as const;
    const change = { objectives, pruner: 'none', sampler: 'nsga2' } as const;
    for (const { value, values, samplerState } of await studied(backend, { change })) {
      expect(values).toEqual([value, expect.any(Number)]);
      expect(values?.[1]).toBeGreaterThan(0.3);
      expect(Object.values(samplerState)).toContain(0);
    }
  });
});
