/**
 * Checks a trainer against the job contract: trains for real on a small generated table and loads
 * the model in the runtime of the gateway.
 */
import { spawn } from 'node:child_process';
import {
  closeSync,
  existsSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { figure } from '../../domain/format';
import type { TrainerManifest } from '../../domain/training/job';
import { computeMetric } from '../../domain/evaluation/metrics/metrics';
import { computeWidth } from '../../domain/evaluation/metrics/sample';
import type { Task } from '../../domain/model/model';
import { sha256 } from '../digest';
import type { OnnxModel } from '../onnx/session';
import { openOnnxModel } from '../onnx/session';
import { parseTrialResult } from './manifest.schema';
import type { TrialSample } from './trial-rows';
import {
  readTrialRows,
  trialClasses,
  trialFeatures,
  trialLabel,
  writeTrialRows,
} from './trial-rows';

export interface TrialOptions {
  readonly python: string;
  /** Python for trainers with `environment: llm`. */
  readonly pythonLlm: string;
  readonly trainersDir: string;
  readonly trainer: TrainerManifest;
  readonly params: Readonly<Record<string, unknown>>;
  readonly rows: number;
  readonly seed: number;
  readonly timeoutSeconds: number;
}

export interface TrainerCheck {
  readonly what: string;
  readonly outcome: 'passed' | 'failed' | 'notApplicable';
  readonly detail: string;
}

export interface TrainerTestResult {
  readonly task: Task;
  readonly checks: readonly TrainerCheck[];
}

const tolerance = 1e-4;
const minShare = 0.999;

/**
 * Stops at the first failed check, because later checks depend on it. All files are in a temporary
 * folder, which is removed at the end.
 */
export async function testTrainer(options: TrialOptions, task: Task): Promise<TrainerTestResult> {
  const folder = mkdtempSync(join(tmpdir(), 'perennial-trainer-'));
  const checks: TrainerCheck[] = [];
  const recordPassed = (what: string, detail: string): void =>
    void checks.push({ what, outcome: 'passed', detail });
  try {
    const rows = await generate(folder, options.rows, task);
    const first = await train(options, { folder, task, program: 'runtime/run.py', name: 'first' });
    recordPassed('trains', `${options.rows} rows in ${first.seconds.toFixed(1)} s, exit code 0`);
    const metrics = readMetrics(first);
    recordPassed('result.json', metrics === '' ? 'no metrics' : metrics);
    const graph = readGraph(first);
    const model = await load(graph, listClasses(task));
    try {
      recordPassed('model.onnx', `${graph.byteLength} bytes; loads in the runtime of the gateway`);
      const scores = await score(model, rows, task);
      recordPassed(
        'scores',
        `${rows.label.length} unseen rows, one by one and in a batch: ${quality(task, scores, rows)}`,
      );
      const second = await trainAgain(options, folder, task);
      sameModel(first, second);
      recordPassed(
        'deterministic',
        `two trainings with seed ${options.seed} give the same ${sha256(graph).slice(0, 19)}`,
      );
      checks.push(agreement(scores, second));
    } finally {
      await model.close();
    }
  } catch (error) {
    if (!(error instanceof TrialCheckFailure)) throw error;
    checks.push({ what: error.what, outcome: 'failed', detail: error.message });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  return { task, checks };
}

class TrialCheckFailure extends Error {
  readonly what: string;
  constructor(what: string, detail: string) {
    super(detail);
    this.what = what;
  }
}

const parts = { train: 'train.parquet', tuning: 'tuning.parquet', unseen: 'unseen.parquet' };

async function generate(folder: string, rows: number, task: Task): Promise<TrialSample> {
  const fewer = Math.max(50, Math.floor(rows / 4));
  await writeTrialRows(join(folder, parts.train), { task, rows, first: 0, odd: false });
  await writeTrialRows(join(folder, parts.tuning), { task, rows: fewer, first: rows, odd: false });
  await writeTrialRows(join(folder, parts.unseen), {
    task,
    rows: fewer,
    first: rows + fewer,
    odd: true,
  });
  return readTrialRows(join(folder, parts.unseen));
}

interface Training {
  readonly folder: string;
  readonly task: Task;
  /** Below the trainers' folder. */
  readonly program: string;
  readonly name: string;
}

interface TrialTraining {
  readonly directory: string;
  readonly seconds: number;
}

async function train(
  options: TrialOptions,
  { folder, task, program, name }: Training,
): Promise<TrialTraining> {
  const directory = join(folder, name);
  mkdirSync(join(directory, 'outputs'), { recursive: true });
  // The platform creates this folder for each job, and programs rely on it.
  mkdirSync(join(directory, 'checkpoint'));
  const inputs = program === 'trial.py' ? parts : { train: parts.train, tuning: parts.tuning };
  for (const [input, file] of Object.entries(inputs)) {
    mkdirSync(join(directory, 'inputs', input), { recursive: true });
    linkSync(join(folder, file), join(directory, 'inputs', input, '0.parquet'));
  }
  const job = {
    id: `trial/${name}`,
    tenant: 'default',
    trainer: options.trainer.name,
    params: options.params,
    seed: options.seed,
    inputs: Object.fromEntries(
      Object.keys(inputs).map((input) => [input, [{ path: `inputs/${input}/0.parquet` }]]),
    ),
    context: {
      task,
      ...(task === 'multiclass' && { classes: trialClasses }),
      label: trialLabel,
      features: trialFeatures,
    },
    resources: { cpus: 1, memoryBytes: 2 ** 31, timeoutSeconds: options.timeoutSeconds },
  };
  writeFileSync(join(directory, 'job.json'), JSON.stringify(job));
  const since = performance.now();
  const ended = await run(options, join(options.trainersDir, program), directory);
  const seconds = (performance.now() - since) / 1000;
  if (ended !== 0) {
    const how =
      ended === null
        ? `stopped after the time limit of ${options.timeoutSeconds} s`
        : `ended with exit code ${ended}`;
    throw new TrialCheckFailure('trains', `${how}\n${readLog(directory)}`);
  }
  return { directory, seconds };
}

/** The exit code, or null when the time limit was exceeded. */
async function run(
  { python, pythonLlm, trainersDir, trainer, timeoutSeconds }: TrialOptions,
  program: string,
  directory: string,
): Promise<number | null> {
  const log = openSync(join(directory, 'log.txt'), 'a');
  // As a worker runs jobs: a clean environment, one thread, and a process group to end as a whole.
  const child = spawn(python, [program, join(trainersDir, trainer.name), directory], {
    cwd: directory,
    detached: true,
    stdio: ['ignore', log, log],
    env: {
      PATH: [dirname(python), '/usr/local/bin', '/usr/bin', '/bin'].join(':'),
      HOME: directory,
      LANG: 'C.UTF-8',
      PYTHONHASHSEED: '0',
      PYTHONUNBUFFERED: '1',
      PYTHONDONTWRITEBYTECODE: '1',
      OMP_NUM_THREADS: '1',
      OMP_WAIT_POLICY: 'PASSIVE',
      PERENNIAL_PYTHON_LLM: pythonLlm,
    },
  });
  closeSync(log);
  const end = (): void => {
    try {
      if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
    } catch {
      // The process group has already ended.
    }
  };
  let late = false;
  const timer = setTimeout(() => {
    late = true;
    end();
  }, timeoutSeconds * 1000);
  try {
    return await new Promise<number | null>((resolve, reject) => {
      child.once('error', (error) =>
        reject(new TrialCheckFailure('trains', `${python} could not be started: ${error.message}`)),
      );
      child.once('close', (code) => resolve(late ? null : (code ?? -1)));
    });
  } finally {
    clearTimeout(timer);
    end();
  }
}

/**
 * The trainer's error, or the last lines of its output. The rows are generated, so nothing is
 * private.
 */
function readLog(directory: string): string {
  const error = readText(join(directory, 'error.json'));
  const { message, traceback } = (error === null ? {} : JSON.parse(error)) as {
    readonly message?: string;
    readonly traceback?: string;
  };
  return (traceback ?? message ?? readText(join(directory, 'log.txt')) ?? '')
    .trimEnd()
    .split('\n')
    .slice(-20)
    .join('\n');
}

function readMetrics({ directory }: TrialTraining): string {
  const text = readText(join(directory, 'result.json'));
  if (text === null)
    throw new TrialCheckFailure(
      'result.json',
      `exit code 0, but no result.json\n${readLog(directory)}`,
    );
  const result = parseTrialResult(text);
  if (result === null)
    throw new TrialCheckFailure(
      'result.json',
      'does not have the form { "metrics": { name: number }, "facts": { … } }',
    );
  return Object.entries(result.metrics)
    .map(([name, value]) => `${name} ${figure(value)}`)
    .join(', ');
}

function readGraph({ directory }: TrialTraining): Buffer {
  const path = join(directory, 'outputs', 'model.onnx');
  if (!existsSync(path))
    throw new TrialCheckFailure('model.onnx', 'outputs/model.onnx does not exist');
  return readFileSync(path);
}

function listClasses(task: Task): readonly string[] | undefined {
  return task === 'multiclass' ? trialClasses : undefined;
}

async function load(graph: Buffer, classes: readonly string[] | undefined): Promise<OnnxModel> {
  try {
    return await openOnnxModel(graph, trialFeatures, classes);
  } catch (error) {
    throw new TrialCheckFailure('model.onnx', (error as Error).message);
  }
}

async function score(
  model: OnnxModel,
  { columns, label }: TrialSample,
  task: Task,
): Promise<Float64Array> {
  const together = await predict(model, columns, label.length);
  const { width } = model;
  const bad = together.findIndex(
    (value) => !Number.isFinite(value) || (task !== 'regression' && (value < 0 || value > 1)),
  );
  if (bad >= 0) {
    const expected = task === 'regression' ? 'a finite number' : 'a probability from 0 to 1';
    throw new TrialCheckFailure(
      'scores',
      `row ${Math.floor(bad / width)} scores ${together[bad]}; expected ${expected}`,
    );
  }
  const unsummed =
    task === 'multiclass'
      ? label.findIndex(
          (_, row) => !near(sumValues(together.subarray(row * width, (row + 1) * width)), 1),
        )
      : -1;
  if (unsummed >= 0)
    throw new TrialCheckFailure(
      'scores',
      `the probabilities of row ${unsummed} do not add up to 1`,
    );
  for (let row = 0; row < Math.min(20, label.length); row += 1) {
    const one = Object.fromEntries(
      Object.entries(columns).map(([name, values]) => [name, values.slice(row, row + 1)]),
    );
    const alone = await predict(model, one, 1);
    const batched = together.subarray(row * width, (row + 1) * width);
    if (!alone.every((value, column) => near(value, batched[column] ?? NaN)))
      throw new TrialCheckFailure(
        'scores',
        `row ${row} scores ${alone.join(', ')} alone and ${batched.join(', ')} in a batch`,
      );
  }
  return together;
}

function sumValues(values: Float64Array): number {
  return values.reduce((sum, value) => sum + value, 0);
}

async function predict(
  model: OnnxModel,
  columns: TrialSample['columns'],
  rows: number,
): Promise<Float64Array> {
  try {
    return await model.predict(columns, rows);
  } catch (error) {
    throw new TrialCheckFailure('scores', (error as Error).message);
  }
}

function quality(task: Task, scores: Float64Array, { label }: TrialSample): string {
  const metric = ({ classification: 'auc', multiclass: 'accuracy', regression: 'r2' } as const)[
    task
  ];
  const sample = {
    labels: label,
    scores,
    ...computeWidth(listClasses(task)),
    day: new Int32Array(label.length),
    days: 1,
  };
  return `${metric} ${figure(computeMetric(metric, sample))}`;
}

interface SecondTraining extends TrialTraining {
  /** The native model's scores of the unseen rows; null for a program without a native model. */
  readonly predictions: readonly number[] | null;
}

/** Trains again. A Python trainer also returns the predictions of its model before the export. */
async function trainAgain(
  options: TrialOptions,
  folder: string,
  task: Task,
): Promise<SecondTraining> {
  if (!existsSync(join(options.trainersDir, options.trainer.name, 'train.py')))
    return {
      ...(await train(options, { folder, task, program: 'runtime/run.py', name: 'second' })),
      predictions: null,
    };
  const trained = await train(options, { folder, task, program: 'trial.py', name: 'second' });
  return {
    ...trained,
    predictions: JSON.parse(
      readText(join(trained.directory, 'predictions.json')) ?? '[]',
    ) as number[],
  };
}

function agreement(scores: Float64Array, { predictions }: SecondTraining): TrainerCheck {
  const what = 'agrees offline';
  if (predictions === null)
    return {
      what,
      outcome: 'notApplicable',
      detail: 'not a Python trainer, so there is no native model to compare the graph with',
    };
  const agreeing = scores.reduce(
    (count, value, row) => count + (near(value, predictions[row] ?? NaN) ? 1 : 0),
    0,
  );
  const detail = `${agreeing} of ${scores.length} rows score within ${tolerance} of the model before its export`;
  if (agreeing / scores.length < minShare)
    throw new TrialCheckFailure(what, `${detail}; at least ${minShare * 100} % are required`);
  return { what, outcome: 'passed', detail };
}

/**
 * Relative beyond 1, because regression values can be in the millions, where float32 is coarser
 * than the tolerance.
 */
function near(a: number, b: number): boolean {
  return Math.abs(a - b) <= tolerance * Math.max(1, Math.abs(b));
}

function sameModel(first: TrialTraining, second: TrialTraining): void {
  const what = 'deterministic';
  if (!readGraph(first).equals(readGraph(second)))
    throw new TrialCheckFailure(what, 'two trainings with the same seed give different graphs');
  const [one, two] = [readMetrics(first), readMetrics(second)];
  if (one !== two)
    throw new TrialCheckFailure(
      what,
      `two trainings with the same seed give different metrics: ${one} and ${two}`,
    );
}

function readText(path: string): string | null {
  return existsSync(path) ? readFileSync(path, 'utf8') : null;
}
