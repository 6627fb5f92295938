/**
 * Memory and time of the `lightgbm` trainer on many rows, beside LightGBM alone, which reads the
 * same Parquet into one matrix. `npm run bench -- training-rows [rows] [trees] [threads]`
 */
import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { loadavg, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import { report, rounded } from '../figures';

const [rows = 30_000_000, trees = 20, threads = 1] = process.argv.slice(2).map(Number);
const root = resolve(__dirname, '..', '..');
const python = join(root, '.perennial', 'python', 'bin', 'python');
const gibibyte = 1024 ** 3;

async function main(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'perennial-bench-'));
  try {
    const file = join(folder, 'inputs', 'rows.parquet');
    mkdirSync(join(folder, 'inputs'));
    await writeRows(file);
    writeFileSync(join(folder, 'job.json'), JSON.stringify(job()));
    const trainer = await measured([
      join(root, 'trainers', 'runtime', 'run.py'),
      join(root, 'trainers', 'lightgbm'),
      folder,
    ]);
    const alone = await measured([
      join(__dirname, 'lightgbm_alone.py'),
      file,
      String(trees),
      String(threads),
    ]);
    const { metrics } = JSON.parse(readFileSync(join(folder, 'result.json'), 'utf8')) as {
      metrics: Record<string, number>;
    };
    const text = ({ seconds, peakBytes }: Measured) =>
      `${seconds.toFixed(0)} s, at most ${(peakBytes / gibibyte).toFixed(2)} GiB`;
    report(
      `${rows} rows of 5 features, ${trees} trees, ${threads} threads`,
      [
        ['trainer', text(trainer)],
        ['LightGBM alone', text(alone)],
        ['ratio of the times', (trainer.seconds / alone.seconds).toFixed(2)],
      ],
      {
        rows,
        trees,
        threads,
        metrics,
        load: loadavg()[0],
        trainer: figures(trainer),
        alone: figures(alone),
      },
    );
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Four numbers and a text of 200 values, with a label that depends on them. */
async function writeRows(file: string): Promise<void> {
  const instance = await DuckDBInstance.create(':memory:', { memory_limit: '1GB' });
  const connection = await instance.connect();
  await connection.run(`
    COPY (
      SELECT (hash(i) % 1000000) / 1e6 AS a, (hash(i, 1) % 1000000) / 1e6 AS b,
        (hash(i, 2) % 5000)::DOUBLE AS c,
        CASE WHEN hash(i, 3) % 20 = 0 THEN NULL ELSE (hash(i, 3) % 1000) / 10.0 END AS d,
        'text ' || (hash(i, 4) % 200) AS e,
        (hash(i) % 1000000) / 1e6 + (hash(i, 4) % 200) / 400 + (hash(i, 5) % 1000) / 1e3 > 1.2
          AS __label
      FROM range(${rows}) t(i)
    ) TO '${file}' (FORMAT parquet)`);
  connection.closeSync();
  instance.closeSync();
}

function job() {
  const numbers = ['a', 'b', 'c', 'd'].map((name) => ({ name, type: 'float' }));
  return {
    id: 'bench/train/job/1',
    seed: 1,
    params: { num_iterations: trees },
    resources: { cpus: threads },
    inputs: { train: [{ path: 'inputs/rows.parquet' }] },
    context: {
      task: 'classification',
      label: '__label',
      features: [...numbers, { name: 'e', type: 'string' }],
    },
  };
}

interface Measured {
  readonly seconds: number;
  readonly peakBytes: number;
}

/** The peak of resident memory is what Linux counts for the process. */
async function measured(args: readonly string[]): Promise<Measured> {
  const startedAt = performance.now();
  const child = spawn(python, args, { stdio: ['ignore', 'ignore', 'inherit'] });
  let peakBytes = 0;
  const timer = setInterval(() => {
    const status = readStatus(child.pid ?? 0);
    peakBytes = Math.max(peakBytes, Number(/VmHWM:\s+(\d+)/.exec(status)?.[1] ?? 0) * 1024);
  }, 200);
  const code = await new Promise<number | null>((done) => child.once('close', done));
  clearInterval(timer);
  if (code !== 0) throw new Error(`${args.join(' ')} ended with ${code}`);
  return { seconds: (performance.now() - startedAt) / 1000, peakBytes };
}

function readStatus(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/status`, 'utf8');
  } catch {
    return '';
  }
}

function figures({ seconds, peakBytes }: Measured) {
  return { seconds: rounded(seconds), peakGibibytes: rounded(peakBytes / gibibyte, 2) };
}

void main();
