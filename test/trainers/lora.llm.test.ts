import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { DuckDBInstance } from '@duckdb/node-api';
import {
  createLocalBackend,
  type LocalBackend,
} from '../../activities/training/compute/local/backend';
import { listFiles, toJobFile } from '../../activities/training/compute/job-file';
import { llmDataPath, llmModelPath } from '../../data/language/runtime-module';
import type { ArtifactRef } from '../../domain/artifact';
import type { JobHandle, JobState, TrainerJob } from '../../domain/training/job';
import { directoryArtifacts, type DirectoryArtifacts } from '../support/directory-artifacts';
import { pythonPath } from '../support/platform';

// On a busy machine, importing PyTorch takes up to a minute.
jest.setTimeout(600_000);

const pythonLlm =
  process.env['PERENNIAL_PYTHON_LLM'] ?? resolve('.perennial', 'python-llm', 'bin', 'python');
const kinds = ['noun.animal', 'noun.food', 'noun.location', 'noun.time'];
let folder: string;
let backend: LocalBackend;
let artifacts: DirectoryArtifacts;
let inputs: Readonly<Record<'base' | 'train' | 'holdout', readonly ArtifactRef[]>>;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'perennial-lora-'));
  artifacts = directoryArtifacts(join(folder, 'artifacts'));
  backend = createLocalBackend({
    python: pythonPath(),
    pythonLlm,
    trainersDir: resolve('trainers'),
    stateDir: join(folder, 'state'),
    artifacts,
    maxConcurrent: 1,
  });
  const base = join(folder, 'base.gguf');
  await promisify(execFile)(pythonLlm, [
    resolve('test', 'support', 'serving', 'cut_model.py'),
    llmModelPath('smollm2-135m-instruct.gguf'),
    base,
    '2',
  ]);
  inputs = {
    base: [
      await artifacts.putFile({
        tenant: 'default',
        path: base,
        mediaType: 'application/octet-stream',
      }),
    ],
    train: [await glosses('train', 0, 64)],
    holdout: [await glosses('holdout', 64, 16)],
  };
});
afterAll(async () => {
  await backend.close();
  await rm(folder, { recursive: true, force: true });
});

/** Definitions of WordNet with their kinds. */
async function glosses(name: string, first: number, rows: number): Promise<ArtifactRef> {
  const path = join(folder, `${name}.parquet`);
  const instance = await DuckDBInstance.create(':memory:', { threads: '1' });
  const connection = await instance.connect();
  try {
    await connection.run(`
      COPY (SELECT 'What kind of thing is this? ' || gloss AS prompt, substr(category, 6) AS completion
            FROM '${llmDataPath('wordnet-glosses.parquet')}'
            WHERE category IN (${kinds.map((kind) => `'${kind}'`).join(', ')}) AND length(gloss) < 80
            ORDER BY hash(id) LIMIT ${rows} OFFSET ${first}) TO '${path}' (FORMAT parquet)`);
  } finally {
    connection.closeSync();
    instance.closeSync();
  }
  return artifacts.putFile({
    tenant: 'default',
    path,
    mediaType: 'application/vnd.apache.parquet',
  });
}

function job(
  name: string,
  params: Readonly<Record<string, unknown>>,
  more: Partial<TrainerJob> = {},
): TrainerJob {
  return {
    id: `run_lora/fine-tune/job/${name}`,
    tenant: 'default',
    trainer: 'lora',
    params: { steps: 10, batch: 4, micro_batch: 2, upper_layers: 2, report_steps: 1, ...params },
    seed: 3,
    inputs,
    context: {
      task: 'generation',
      label: 'completion',
      features: [{ name: 'prompt', type: 'string' }],
    },
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

/** Sends the signal to the job's process after it has reported this step. */
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

async function trained(handle: JobHandle): Promise<Extract<JobState, { kind: 'succeeded' }>> {
  const state = await whenOver(handle);
  if (state.kind !== 'succeeded')
    throw new Error(`${JSON.stringify(state)}\n${(await backend.logs(handle, 4_000)).text}`);
  return state;
}

const digestOfAdapter = (state: Extract<JobState, { kind: 'succeeded' }>) =>
  state.outputs.find(({ name }) => name === 'adapter.gguf')?.artifact.digest;
const training = (state: Extract<JobState, { kind: 'succeeded' }>) =>
  state.result.facts['training'] as { readonly resumedAt: number | null };

describe('a fine-tuning', () => {
  let through: Extract<JobState, { kind: 'succeeded' }>;

  test('returns an adapter, its compute, and its quality compared with the base model and a bag of words', async () => {
    through = await trained(await backend.submit(job('through', {})));
    expect(digestOfAdapter(through)).toMatch(/^sha256:/);
    expect(through.result.facts['base']).toMatchObject({
      digest: inputs.base[0]?.digest,
      architecture: 'llama',
    });
    const {
      loss,
      base_loss: baseLoss,
      ...rest
    } = through.result.metrics as Record<'loss' | 'base_loss', number>;
    expect(loss).toBeLessThan(baseLoss);
    for (const name of ['accuracy', 'base_accuracy', 'tfidf_accuracy', 'majority_accuracy'])
      expect(rest).toHaveProperty(name);
    const compute = through.result.facts['compute'] as Record<string, number>;
    // Both layers have an adapter: a full backward pass, but only its own weight gradients.
    expect(compute['shareOfAllWeightsSameTokens']).toBeGreaterThan(2 / 3);
    expect(compute['shareOfAllWeightsSameTokens']).toBeLessThan(0.75);
    expect(compute['flopsFromScratch']).toBe(120 * (compute['parameters'] ?? 0) ** 2);
    expect(through.result.facts['holdout']).toMatchObject({
      rows: 16,
      labels: ['animal', 'food', 'location', 'time'],
    });
  });

  test('continues from its last checkpoint after SIGKILL and gives the same bytes', async () => {
    const asked = job('killed', { checkpoint_seconds: 0 });
    const handle = await backend.submit(asked);
    await signalAfter(4, 'SIGKILL', handle);
    expect(await whenOver(handle)).toMatchObject({ kind: 'failed', failure: 'JobLost' });
    const state = await trained(await backend.submit(asked));
    // Nothing of the interrupted step is kept, and everything before it.
    expect(training(state).resumedAt).toBeGreaterThanOrEqual(3);
    expect(digestOfAdapter(state)).toBe(digestOfAdapter(through));
  });

  test('saves its state after SIGTERM, however long the interval', async () => {
    const asked = job('stopped', { checkpoint_seconds: 3_600 });
    const handle = await backend.submit(asked);
    await signalAfter(3, 'SIGTERM', handle);
    expect((await whenOver(handle)).kind).toBe('failed');
    const state = await trained(await backend.submit(asked));
    expect(training(state).resumedAt).toBeGreaterThanOrEqual(3);
    expect(digestOfAdapter(state)).toBe(digestOfAdapter(through));
  });

  /** Each kill imports PyTorch again. The whole suite has 30: `LORA_KILLS=30`. */
  const kills = process.env['LORA_KILLS'] ?? '4';
  /** A kill takes half a minute, and on a busy machine four times as long. */
  const killsMs = 600_000 + 240_000 * Number(kills);

  test(
    'survives random kills, which cost at most one interval each',
    async () => {
      const given = toJobFile(job('kills', { steps: 40 }));
      const directory = join(folder, 'kills');
      for (const { path, artifact } of listFiles(given)) {
        await mkdir(dirname(join(directory, path)), { recursive: true });
        await artifacts.toFile(artifact, join(directory, path));
      }
      await writeFile(join(directory, 'job.json'), JSON.stringify(given));
      const { stdout } = await promisify(execFile)(
        pythonPath(),
        [
          resolve('trainers/runtime/tests/kills.py'),
          resolve('trainers/lora'),
          directory,
          kills,
          '7',
        ],
        { env: { ...process.env, PERENNIAL_PYTHON_LLM: pythonLlm }, maxBuffer: 1 << 24 },
      );
      const report = JSON.parse(stdout) as {
        readonly kills: Readonly<Record<string, number>>;
        readonly too_much: readonly string[];
        readonly whole: { readonly metrics: unknown };
        readonly killed: { readonly metrics: unknown };
        readonly has_same_outputs: boolean;
      };
      expect(Object.values(report.kills).reduce((sum, each) => sum + each, 0)).toBe(Number(kills));
      expect(report.too_much).toEqual([]);
      expect(report.killed.metrics).toEqual(report.whole.metrics);
      expect(report.has_same_outputs).toBe(true);
    },
    killsMs,
  );

  test('leaves out training examples that are too long and counts them, but measures such held-out ones', async () => {
    const whole = through.result.facts['training'] as {
      readonly leftOut: number;
      readonly longest: number;
    };
    expect(whole).toMatchObject({ leftOut: 0, maxTokens: 256 });
    const state = await trained(
      await backend.submit(job('short', { steps: 1, max_tokens: whole.longest - 8 })),
    );
    const { leftOut, ...training } = state.result.facts['training'] as Record<
      'rows' | 'leftOut' | 'maxTokens' | 'longest',
      number
    >;
    expect(training).toMatchObject({
      rows: 64,
      maxTokens: whole.longest - 8,
      longest: whole.longest,
    });
    expect(leftOut).toBeGreaterThan(0);
    expect(leftOut).toBeLessThan(64);
    expect(state.result.facts['holdout']).toMatchObject({ rows: 16, leftOut: 0 });
    expect(
      await whenOver(await backend.submit(job('none', { steps: 1, max_tokens: 16 }))),
    ).toMatchObject({
      kind: 'failed',
      failure: 'JobFailed',
      message: expect.stringMatching(
        /^all 64 training rows are longer than 16 tokens; the shortest has \d+: raise max_tokens/,
      ) as string,
    });
  });

  test('is refused with the reason when the base is not a model', async () => {
    const path = join(folder, 'no.gguf');
    await writeFile(path, 'not a model');
    const base = [
      await artifacts.putFile({ tenant: 'default', path, mediaType: 'application/octet-stream' }),
    ];
    const state = await whenOver(
      await backend.submit(job('no-model', {}, { inputs: { ...inputs, base } })),
    );
    expect(state).toMatchObject({
      kind: 'failed',
      failure: 'JobFailed',
      message: expect.stringMatching(/^the base model is not a GGUF file/) as string,
    });
  });
});
