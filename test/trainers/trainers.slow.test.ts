import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { openTrainerCatalog } from '../../data/training/catalog';
import type { LocalBackend } from '../../activities/training/compute/local/backend';
import { createLocalBackend } from '../../activities/training/compute/local/backend';
import { openOnnxModel } from '../../data/onnx/session';
import type { ArtifactRef } from '../../domain/artifact';
import type { JobMetric, JobState, TrainerJob } from '../../domain/training/job';
import { computeMetric } from '../../domain/evaluation/metrics/metrics';
import { computeWidth } from '../../domain/evaluation/metrics/sample';
import type { Task } from '../../domain/model/model';
import { missingText } from '../../domain/model/model';
import { waitForEnd, runningUntil } from '../../sdk/contracts/compute-backend';
import { directoryArtifacts } from '../support/directory-artifacts';
import { pythonPath } from '../support/platform';
import {
  flightFeatures,
  readRows,
  trainingClasses,
  trainingRows,
} from '../support/training/training-rows';

// Real training on a machine that may be busy with other tests.
const trainersDir = resolve('trainers');
const tasks: readonly Task[] = ['classification', 'multiclass', 'regression'];
let folder: string;
let backend: LocalBackend;
let artifacts: ReturnType<typeof directoryArtifacts>;
let jobs = 0;
const inputs = new Map<Task, { train: ArtifactRef[]; tuning: ArtifactRef[] }>();

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'perennial-trainers-'));
  artifacts = directoryArtifacts(join(folder, 'artifacts'));
  backend = createLocalBackend({
    python: pythonPath(),
    trainersDir,
    stateDir: join(folder, 'state'),
    artifacts,
    maxConcurrent: 1,
  });
  for (const task of tasks) {
    const train = await trainingRows(artifacts, folder, { task, rows: 8_000 });
    const tuning = await trainingRows(artifacts, folder, { task, rows: 2_000, first: 8_000 });
    inputs.set(task, { train: [train], tuning: [tuning] });
  }
});
afterAll(async () => {
  await backend.close();
  await rm(folder, { recursive: true, force: true });
});

function job(
  trainer: string,
  task: Task,
  params: Readonly<Record<string, unknown>> = {},
  seed = 7,
): TrainerJob {
  jobs += 1;
  return {
    id: `run_trainers/train/job/${jobs}`,
    tenant: 'default',
    trainer,
    params,
    seed,
    inputs: { ...inputs.get(task) },
    context: {
      task,
      ...(listClasses(task) && { classes: listClasses(task) }),
      label: '__label',
      features: flightFeatures,
    },
    resources: { cpus: 1, memoryBytes: 2 ** 30, timeoutSeconds: 100 },
  };
}

function listClasses(task: Task): readonly string[] | undefined {
  return task === 'multiclass' ? trainingClasses : undefined;
}

async function tuningRows(task: Task) {
  const [ref] = inputs.get(task)?.tuning ?? [];
  if (!ref) throw new Error('no tuning rows');
  return readRows(artifacts, folder, ref);
}

type Succeeded = Extract<JobState, { kind: 'succeeded' }>;

function succeeded(state: JobState): Succeeded & { readonly onnx: ArtifactRef } {
  if (state.kind !== 'succeeded') throw new Error(JSON.stringify(state));
  const onnx = state.outputs.find(({ name }) => name === 'model.onnx')?.artifact;
  if (!onnx) throw new Error('no model.onnx');
  return { ...state, onnx };
}

const train = async (...of: Parameters<typeof job>) =>
  succeeded(await waitForEnd(backend, await backend.submit(job(...of))));

const strange = {
  hour: [8, 8, Number.NaN, Number.POSITIVE_INFINITY, -1e30],
  wind: [Number.NaN, 12, Number.NaN, Number.NEGATIVE_INFINITY, 3],
  seats: [150, Number.NaN, Number.NaN, 0, 1e30],
  carrier: ['B6', 'never seen', missingText, '', 'ünïcödé ✈'],
  tailnum: ['N100', missingText, 'never seen', '', 'B6'],
};

const catalog = openTrainerCatalog(trainersDir);
/** Those with the packages of language models have their tests in the tier of that name. */
const kinds = catalog
  .list()
  .filter(({ name }) => catalog.environment(name) === null)
  .flatMap(({ name, tasks: known }) =>
    known.flatMap((task) => (task === 'generation' ? [] : [[name, task] as const])),
  );

describe.each(kinds)('%s for %s', (trainer, task) => {
  test('returns a graph over the feature columns that agrees with the native model', async () => {
    const state = await train(trainer, task);
    expect(state.result.facts['parity']).toMatchObject({
      rows: 5_000,
      share: 1,
      unseen: { share: 1 },
    });
    const model = await openOnnxModel(
      await artifacts.getBytes(state.onnx),
      flightFeatures,
      listClasses(task),
    );
    expect(model.inputs).toEqual(flightFeatures);
    const scores = await model.predict(strange, 5);
    await model.close();
    for (const score of scores) {
      expect(Number.isFinite(score)).toBe(true);
      if (task !== 'regression') expect(score >= 0 && score <= 1).toBe(true);
    }
    if (task === 'multiclass') {
      const sums = [0, 1, 2, 3, 4].map((row) =>
        scores
          .subarray(row * model.width, (row + 1) * model.width)
          .reduce((sum, each) => sum + each, 0),
      );
      for (const sum of sums) expect(sum).toBeCloseTo(1, 5);
    }
  });

  test('returns the same bytes for the same seed and data', async () => {
    const [first, second] = [await train(trainer, task), await train(trainer, task)];
    expect(second.onnx.digest).toBe(first.onnx.digest);
    expect(second.result).toEqual(first.result);
  });

  test('is better than the baseline, unless it is the baseline', async () => {
    const name = task === 'regression' ? 'train_rmse' : 'train_logloss';
    const [own, baseline] = [await train(trainer, task), await train('baseline', task)];
    const ratio = (own.result.metrics[name] ?? Infinity) / (baseline.result.metrics[name] ?? 0);
    expect(ratio).toBeLessThan(trainer === 'baseline' ? 1.001 : 0.9);
  });
});

describe.each(kinds)('a trial of %s in %s', (trainer, task) => {
  const metric = task === 'regression' ? 'mae' : 'logloss';
  const name = `tuning_${metric}`;

  test('is scored as a trial like the kept model and leaves only its score', async () => {
    const asked = job(trainer, task);
    const trial = await waitForEnd(
      backend,
      await backend.submit({
        ...asked,
        context: { ...asked.context, objective: { metric, input: 'tuning' } },
      }),
    );
    if (trial.kind !== 'succeeded') throw new Error(JSON.stringify(trial));
    expect(Object.keys(trial.result.metrics)).toEqual([name]);
    expect(trial.outputs).toEqual([]);
    const kept = await train(trainer, task);
    const model = await openOnnxModel(
      await artifacts.getBytes(kept.onnx),
      flightFeatures,
      listClasses(task),
    );
    const rows = await tuningRows(task);
    const scores = Float64Array.from(await model.predict(rows.features, rows.labels.length));
    await model.close();
    const day = new Int32Array(rows.labels.length);
    expect(trial.result.metrics[name]).toBeCloseTo(
      computeMetric(metric, {
        labels: rows.labels,
        scores,
        ...computeWidth(listClasses(task)),
        day,
        days: 1,
      }),
      5,
    );
  });
});

describe('lightgbm', () => {
  test('reports its objective as a trial after every tree', async () => {
    const asked = job('lightgbm', 'classification', { num_iterations: 300 });
    const trial = {
      ...asked,
      context: { ...asked.context, objective: { metric: 'auc', input: 'tuning' } },
    };
    const handle = await backend.submit(trial);
    const state = await waitForEnd(backend, handle);
    if (state.kind !== 'succeeded') throw new Error(JSON.stringify(state));
    const lines = readFileSync(join(handle.detail['directory'] ?? '', 'metrics.ndjson'), 'utf8')
      .trimEnd()
      .split('\n');
    const reported = lines.map((line) => JSON.parse(line) as JobMetric);
    expect(reported.map(({ step, name }) => `${name} ${step}`)).toEqual(
      Array.from({ length: 300 }, (_, at) => `tuning_auc ${at + 1}`),
    );
    expect(reported.at(-1)?.value).toBe(state.result.metrics['tuning_auc']);
  });

  const long = {
    num_iterations: 1_000,
    num_leaves: 15,
    bagging_fraction: 0.8,
    bagging_freq: 1,
    feature_fraction: 0.8,
    checkpoint_seconds: 0.2,
  };

  test.each([
    ['classification', 1_000, [320, 620]],
    ['multiclass', 350, [270]],
  ] as const)(
    'for %s that was killed and resumed gives the same bytes as one that was not',
    async (task, trees, killedAt) => {
      const params = { ...long, num_iterations: trees };
      const undisturbed = await train('lightgbm', task, params);
      const disturbed = job('lightgbm', task, params);
      for (const step of killedAt) {
        const handle = await backend.submit(disturbed);
        await runningUntil(backend, handle, (metrics) =>
          metrics.some((metric) => metric.step >= step),
        );
        process.kill(findProcess(handle.detail), 'SIGKILL');
        expect(await waitForEnd(backend, handle)).toMatchObject({
          kind: 'failed',
          failure: 'JobLost',
        });
      }
      const handle = await backend.submit(disturbed);
      const resumed = succeeded(await waitForEnd(backend, handle));
      expect((await backend.logs(handle, 10_000)).text).toContain('resumes at iteration');
      expect(resumed.onnx.digest).toBe(undisturbed.onnx.digest);
    },
  );

  test('returns another model for another seed when it samples', async () => {
    const params = { ...long, num_iterations: 20 };
    const [first, second] = [
      await train('lightgbm', 'classification', params, 1),
      await train('lightgbm', 'classification', params, 2),
    ];
    expect(second.onnx.digest).not.toBe(first.onnx.digest);
  });

  test('stops early by the tuning rows only when configured', async () => {
    const params = { num_iterations: 400, learning_rate: 0.3 };
    const plain = await train('lightgbm', 'classification', params);
    expect(plain.result.facts).toMatchObject({ trees: 400 });
    expect(plain.result.metrics).not.toHaveProperty('tuning_logloss');
    const early = await train('lightgbm', 'classification', {
      ...params,
      early_stopping_rounds: 10,
    });
    expect(early.result.facts['trees']).toBeLessThan(100);
    expect(early.result.metrics).toHaveProperty('tuning_logloss');
  });

  test.each([
    [
      'an objective of the other task',
      { objective: 'regression' },
      /\/params\/objective: regression does not fit a classification/,
    ],
    [
      'a parameter out of range',
      { num_leaves: 1 },
      /\/params\/num_leaves: 1 is less than the minimum of 2/,
    ],
  ])('refuses %s', async (_, params, message) => {
    const state = await waitForEnd(
      backend,
      await backend.submit(job('lightgbm', 'classification', params)),
    );
    expect(state).toMatchObject({
      kind: 'failed',
      failure: 'JobFailed',
      message: expect.stringMatching(message) as string,
    });
  });
});

describe('baseline by groups', () => {
  test('is the seasonal naive forecast of the columns in the context', async () => {
    const seasonal = job('baseline', 'classification');
    const context = { ...seasonal.context, seasonal: { hourOfDay: 'hour' } };
    const state = succeeded(
      await waitForEnd(backend, await backend.submit({ ...seasonal, context })),
    );
    expect(state.result.facts).toMatchObject({ groups: 25, groupBy: ['hour'] });
    const model = await openOnnxModel(await artifacts.getBytes(state.onnx), flightFeatures);
    const [early = 0, late = 0, unknown = 0] = await model.predict(
      {
        hour: [1, 22, Number.NaN],
        wind: [1, 1, 1],
        seats: [1, 1, 1],
        carrier: ['AA', 'AA', 'AA'],
        tailnum: ['N1', 'N1', 'N1'],
      },
      3,
    );
    await model.close();
    expect(late).toBeGreaterThan(early + 0.3);
    expect(unknown).toBeCloseTo(state.result.facts['mean'] as number, 6);
  });

  test('refuses columns that are not features', async () => {
    const state = await waitForEnd(
      backend,
      await backend.submit(job('baseline', 'regression', { group_by: ['weekday'] })),
    );
    expect(state).toMatchObject({
      kind: 'failed',
      message: expect.stringContaining('weekday is not a feature column') as string,
    });
  });
});

function findProcess({ directory }: Readonly<Record<string, string>>): number {
  return (
    JSON.parse(readFileSync(join(directory ?? '', 'process.json'), 'utf8')) as { pid: number }
  ).pid;
}
