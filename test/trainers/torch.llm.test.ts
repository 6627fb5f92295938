import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { DuckDBInstance } from '@duckdb/node-api';
import {
  createLocalBackend,
  type LocalBackend,
} from '../../activities/training/compute/local/backend';
import { openOnnxModel, type OnnxModel } from '../../data/onnx/session';
import type { ArtifactRef } from '../../domain/artifact';
import type { JobHandle, JobState, TrainerJob } from '../../domain/training/job';
import { directoryArtifacts, type DirectoryArtifacts } from '../support/directory-artifacts';
import { freePort } from '../../infra/ports';
import { pythonPath } from '../support/platform';

// On a busy machine, importing PyTorch takes up to a minute.
jest.setTimeout(600_000);

type SucceededJob = Extract<JobState, { kind: 'succeeded' }>;

const pythonLlm =
  process.env['PERENNIAL_PYTHON_LLM'] ?? resolve('.perennial', 'python-llm', 'bin', 'python');
const digits = resolve('.perennial', 'samples', 'digits.parquet');
const pixels = Array.from({ length: 64 }, (_, at) => `pixel_${String(at).padStart(2, '0')}`);
const classes = Array.from({ length: 10 }, (_, digit) => String(digit));
const features = pixels.map((name) => ({ name, type: 'float' as const }));
const image = { prefix: 'pixel_', height: 8, width: 8 };

let folder: string;
let backend: LocalBackend;
let artifacts: DirectoryArtifacts;
let inputs: Readonly<Record<'train' | 'tuning', readonly ArtifactRef[]>>;
let unseen: readonly Readonly<Record<string, number>>[];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'perennial-torch-'));
  artifacts = directoryArtifacts(join(folder, 'artifacts'));
  backend = createLocalBackend({
    python: pythonPath(),
    pythonLlm,
    trainersDir: resolve('trainers'),
    stateDir: join(folder, 'state'),
    artifacts,
    maxConcurrent: 1,
  });
  inputs = {
    train: [await storeImages('first', 0, 500), await storeImages('second', 500, 700)],
    tuning: [await storeImages('tuning', 1_200, 200)],
  };
  unseen = await readImages(1_400, 300);
});
afterAll(async () => {
  await backend.close();
  await rm(folder, { recursive: true, force: true });
});

const selected = (first: number, rows: number): string =>
  `SELECT ${pixels.map((name) => `${name}::DOUBLE AS ${name}`).join(', ')}, digit::DOUBLE AS __label
   FROM '${digits}'
   ORDER BY written_at LIMIT ${rows} OFFSET ${first}`;

async function storeImages(name: string, first: number, rows: number): Promise<ArtifactRef> {
  const path = join(folder, `${name}.parquet`);
  await query(`COPY (${selected(first, rows)}) TO '${path}' (FORMAT parquet)`);
  const mediaType = 'application/vnd.apache.parquet';
  return artifacts.putFile({ tenant: 'default', path, mediaType });
}

async function readImages(first: number, rows: number) {
  return (await query(selected(first, rows))) as readonly Record<string, number>[];
}

async function query(sql: string): Promise<readonly unknown[]> {
  const instance = await DuckDBInstance.create(':memory:', { threads: '1' });
  const connection = await instance.connect();
  try {
    const read = await connection.runAndReadAll(sql);
    return read.getRowObjectsJS();
  } finally {
    connection.closeSync();
    instance.closeSync();
  }
}

function job(
  name: string,
  params: Readonly<Record<string, unknown>>,
  more: Partial<TrainerJob> = {},
): TrainerJob {
  return {
    id: `run_torch/train/job/${name}`,
    tenant: 'default',
    trainer: 'torch',
    params: { image, epochs: 8, batch: 64, report_steps: 1, ...params },
    seed: 3,
    inputs,
    context: { task: 'multiclass', classes, label: '__label', features },
    resources: { cpus: 1, memoryBytes: 4 * 2 ** 30, timeoutSeconds: 500 },
    ...more,
  };
}

async function whenOver(handle: JobHandle): Promise<JobState> {
  for (;;) {
    const state = await backend.poll(handle);
    if (state.kind !== 'queued' && state.kind !== 'running') return state;
    await new Promise((again) => setTimeout(again, 100));
  }
}

/** Sends the signal to the first process of the job after it has reported this step. */
async function signalAfter(step: number, signal: NodeJS.Signals, handle: JobHandle): Promise<void> {
  for (;;) {
    const state = await backend.poll(handle);
    if (state.kind !== 'queued' && state.kind !== 'running')
      throw new Error(`over before step ${step}: ${JSON.stringify(state)}`);
    if (state.kind === 'running' && state.metrics.some((metric) => metric.step >= step)) break;
    await new Promise((again) => setTimeout(again, 20));
  }
  const { pid } = JSON.parse(
    readFileSync(join(handle.detail['directory'] ?? '', 'process.json'), 'utf8'),
  ) as { readonly pid: number };
  process.kill(pid, signal);
}

async function trained(asked: TrainerJob): Promise<SucceededJob> {
  const handle = await backend.submit(asked);
  const state = await whenOver(handle);
  if (state.kind !== 'succeeded')
    throw new Error(`${JSON.stringify(state)}\n${(await backend.logs(handle, 4_000)).text}`);
  return state;
}

const findGraph = ({ outputs }: SucceededJob) =>
  outputs.find(({ name }) => name === 'model.onnx')?.artifact;

/** The share of the unseen images whose most probable class is their digit. */
async function measureAccuracy(state: SucceededJob): Promise<number> {
  const graph = findGraph(state);
  if (!graph) throw new Error('no graph');
  const model = await openOnnxModel(await artifacts.getBytes(graph), features, classes);
  try {
    const scores = await predictScores(model);
    const right = unseen.filter((row, place) => {
      const own = Array.from(scores.subarray(place * 10, place * 10 + 10));
      return own.indexOf(Math.max(...own)) === row['__label'];
    });
    return right.length / unseen.length;
  } finally {
    await model.close();
  }
}

function predictScores(model: OnnxModel): Promise<Float64Array> {
  const columns = Object.fromEntries(
    pixels.map((name) => [name, unseen.map((row) => row[name] ?? NaN)]),
  );
  return model.predict(columns, unseen.length);
}

describe('the trainer torch on images', () => {
  let through: SucceededJob;

  test('reads unseen digits in the runtime of the gateway, and agrees with its graph', async () => {
    through = await trained(job('through', {}));
    expect(await measureAccuracy(through)).toBeGreaterThan(0.85);
    expect(through.result.facts).toMatchObject({
      rows: 1_200,
      epochs: 8,
      steps: 8 * Math.floor(1_200 / 64),
      resumedAt: null,
      parity: { share: 1 },
    });
  });

  test('continues after SIGKILL from its last checkpoint, and gives the same bytes', async () => {
    const asked = job('killed', { checkpoint_seconds: 0 });
    const handle = await backend.submit(asked);
    // In the third of eight epochs.
    await signalAfter(40, 'SIGKILL', handle);
    expect(await whenOver(handle)).toMatchObject({ kind: 'failed', failure: 'JobLost' });
    const state = await trained(asked);
    expect(state.result.facts['resumedAt']).toBeGreaterThanOrEqual(39);
    expect(findGraph(state)?.digest).toBe(findGraph(through)?.digest);
    expect(state.result.metrics).toEqual(through.result.metrics);
  });

  test('saves its state after SIGTERM, however long the interval', async () => {
    const asked = job('stopped', { checkpoint_seconds: 3_600 });
    const handle = await backend.submit(asked);
    await signalAfter(40, 'SIGTERM', handle);
    expect((await whenOver(handle)).kind).toBe('failed');
    const state = await trained(asked);
    expect(state.result.facts['resumedAt']).toBeGreaterThanOrEqual(40);
    expect(findGraph(state)?.digest).toBe(findGraph(through)?.digest);
  });

  test('ends early with its best epoch on the tuning rows', async () => {
    const state = await trained(
      job('early', { epochs: 200, early_stopping_epochs: 2, schedule: 'constant' }),
    );
    const { epochs, bestEpoch } = state.result.facts as Record<string, number>;
    expect(epochs).toBeLessThan(200);
    expect(bestEpoch).toBe((epochs ?? 0) - 2);
    expect(state.result.metrics['tuning_logloss']).toBeLessThan(1);
  });

  test('reads the same rows in small buffers and adds up the gradients of small parts', async () => {
    const state = await trained(
      job('parts', { shuffle_rows: 200, micro_batch: 10, precision: 'bfloat16' }),
    );
    expect(await measureAccuracy(state)).toBeGreaterThan(0.8);
  });

  test('refuses columns that are not an image of this size, and GPUs that are not there', async () => {
    const wrong = await whenOver(
      await backend.submit(job('wrong', { image: { ...image, width: 9 } })),
    );
    expect(wrong).toMatchObject({
      kind: 'failed',
      message: expect.stringContaining(
        '1 × 8 × 9 pixels need 72 number columns that begin with pixel_; the features have 64',
      ) as string,
    });
    const resources = { cpus: 1, memoryBytes: 4 * 2 ** 30, timeoutSeconds: 500, gpus: 1 };
    const without = await whenOver(await backend.submit(job('gpu', {}, { resources })));
    expect(without).toMatchObject({
      kind: 'failed',
      message: expect.stringContaining('asked for 1 GPU, but PyTorch') as string,
    });
  });
});

describe('several processes', () => {
  test.each([
    ['tcp', 0, /^only 1 of 2 processes came within 4 s; missing: 1; the nodes .* all ports$/],
    ['tcp', 1, /^process 1 of 2 cannot reach the first process at 127\.0\.0\.1:\d+: /],
    ['file', 0, /^only 1 of 2 processes came within 4 s; missing: 1/],
  ])('that meet by %s do not wait long for process %s’s other one', async (scheme, rank, error) => {
    const at = scheme === 'tcp' ? `127.0.0.1:${await freePort()}` : join(folder, 'meeting');
    const program = `
import importlib.util, sys
sys.path.append(${JSON.stringify(resolve('trainers'))})
spec = importlib.util.spec_from_file_location("processes", ${JSON.stringify(resolve('trainers/torch/processes.py'))})
processes = importlib.util.module_from_spec(spec)
sys.modules["processes"] = processes
spec.loader.exec_module(processes)
processes.MEETING_SECONDS = 4
try:
    processes._meet(processes.Group(processes.Ranks(${rank}, 2)), "${scheme}://${at}")
except processes.Refused as error:
    print(str(error).partition("\\n")[0])
`;
    const { stdout } = await promisify(execFile)(pythonLlm, ['-c', program]);
    expect(stdout.trim()).toMatch(error);
  });

  /** Without dropout, which draws for each row. */
  const together = { processes: 2, dropout: 0, batch: 60 };

  test('train the same model as one, but for rounding', async () => {
    const [one, two] = [
      await trained(job('one', { ...together, processes: 1 })),
      await trained(job('two', together)),
    ];
    expect(two.result.facts['processes']).toBe(2);
    const [alone, shared] = [one, two].map(({ result }) => result.metrics['train_logloss'] ?? NaN);
    expect(Math.abs((alone ?? NaN) - (shared ?? NaN))).toBeLessThan(0.01);
  });

  test('continue together after SIGTERM and give the same bytes', async () => {
    const asked = job('two-stopped', { ...together, checkpoint_seconds: 3_600 });
    const handle = await backend.submit(asked);
    await signalAfter(40, 'SIGTERM', handle);
    expect((await whenOver(handle)).kind).toBe('failed');
    const state = await trained(asked);
    expect(state.result.facts['resumedAt']).toBeGreaterThanOrEqual(40);
    const whole = await trained(job('two', together));
    expect(findGraph(state)?.digest).toBe(findGraph(whole)?.digest);
  });

  test('end the job with the reason of the one that failed', async () => {
    const state = await whenOver(await backend.submit(job('few', { processes: 2, batch: 1 })));
    expect(state).toMatchObject({
      kind: 'failed',
      failure: 'JobFailed',
      message: expect.stringContaining('2 processes cannot divide a batch of 1 rows') as string,
    });
  });
});
