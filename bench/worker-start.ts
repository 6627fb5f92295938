/**
 * How soon a killed worker accepts tasks again: from its start until it polls its queues, in
 * seconds of wall-clock and processor time, from the bundle and from the sources.
 */
import { spawn, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { loadavg, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { openDeathWatch } from '../infra/death-watch';
import { findServer } from '../infra/embedded/binaries';
import { startTemporal } from '../infra/embedded/temporal';
import { freePorts } from '../infra/ports';
import { openEmbeddedWorld } from './embedded-world';
import { median, report, rounded } from './figures';
import { processorSeconds } from './processor-seconds';

const root = resolve(__dirname, '..');
const rounds = 5;
const loaders = { bundle: join(root, 'bin', 'load-sources.cjs'), sources: 'tsx/cjs' } as const;
type From = keyof typeof loaders;

async function main(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'perennial-bench-'));
  const watch = openDeathWatch();
  const closers: (() => Promise<void>)[] = [];
  try {
    const environment = await openPlatform(folder, watch, closers);
    const starts: Record<From, Start[]> = { bundle: [], sources: [] };
    for (let round = 0; round < rounds; round += 1) {
      for (const from of ['bundle', 'sources'] as const)
        starts[from].push(await startWorker(folder, from, environment));
    }
    const figures = Object.fromEntries(
      (['bundle', 'sources'] as const).flatMap((from) => [
        [`${from}ReadySeconds`, rounded(median(starts[from].map(({ ready }) => ready)), 2)],
        [`${from}CpuSecondsUntilReady`, rounded(median(starts[from].map(({ cpu }) => cpu)), 2)],
      ]),
    );
    report(
      'start of a worker',
      Object.entries(figures).map(([name, value]) => [name, `${value} s`]),
      { ...figures, rounds, load: loadavg()[0] },
    );
  } finally {
    for (const close of closers.reverse()) await close();
    await watch.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Returns the settings of a worker with its own registry, store and Temporal server. */
async function openPlatform(
  folder: string,
  watch: ReturnType<typeof openDeathWatch>,
  closers: (() => Promise<void>)[],
): Promise<NodeJS.ProcessEnv> {
  const { databaseUrl, s3 } = await openEmbeddedWorld(folder, watch, closers);
  const [grpc = 0, ui = 0] = await freePorts(2);
  const temporal = await startTemporal({
    binary: findServer('temporal', {
      environment: process.env,
      cacheDir: join(root, '.perennial', 'bin'),
    }),
    stateDir: join(folder, 'temporal'),
    logFile: join(folder, 'temporal.log'),
    ports: { grpc, ui },
    guard: watch,
  });
  closers.push(() => temporal.stop());
  const stateDir = join(folder, 'platform');
  mkdirSync(stateDir, { recursive: true });
  const environment = {
    PATH: process.env['PATH'],
    HOME: process.env['HOME'],
    AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: 'true',
    PERENNIAL_TEMPORAL_ADDRESS: temporal.address,
    PERENNIAL_DATABASE_URL: databaseUrl,
    PERENNIAL_S3_ENDPOINT: s3.endpoint,
    PERENNIAL_S3_BUCKET: s3.bucket,
    AWS_REGION: s3.region,
    AWS_ACCESS_KEY_ID: s3.accessKeyId,
    AWS_SECRET_ACCESS_KEY: s3.secretAccessKey,
    PERENNIAL_STATE_DIR: stateDir,
  };
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    ['-r', 'tsx/cjs', 'workers/main.ts', 'setup'],
    {
      cwd: root,
      env: environment,
      encoding: 'utf8',
    },
  );
  if (status !== 0) throw new Error(`setup failed: ${stderr}`);
  const { service } = JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as {
    readonly service: string;
  };
  return { ...environment, PERENNIAL_SERVICE_KEY: service };
}

interface Start {
  readonly ready: number;
  readonly cpu: number;
}

/** Kills it with kill -9, as in a crash. */
async function startWorker(
  folder: string,
  from: From,
  environment: NodeJS.ProcessEnv,
): Promise<Start> {
  const [port = 0] = await freePorts(1);
  const logFile = join(folder, 'worker.log');
  const startedAt = performance.now();
  const child = spawn(
    process.execPath,
    [...profile(from), '-r', loaders[from], 'workers/main.ts', 'worker'],
    {
      cwd: root,
      stdio: ['ignore', openSync(logFile, 'a'), openSync(logFile, 'a')],
      env: { ...environment, PERENNIAL_WORKER_PORT: String(port) },
    },
  );
  const exited = new Promise<void>((done) => child.once('exit', () => done()));
  try {
    while (!(await isReady(port))) {
      if (child.exitCode !== null)
        throw new Error(`the worker ended: ${readFileSync(logFile, 'utf8').slice(-2_000)}`);
      await new Promise((again) => setTimeout(again, 20));
    }
    return { ready: (performance.now() - startedAt) / 1000, cpu: processorSeconds(child.pid ?? 0) };
  } finally {
    child.kill(profileFolder === undefined ? 'SIGKILL' : 'SIGTERM');
    await exited;
  }
}

/** With PROFILE=<folder>, each start of the bundle writes a profile there. */
const profileFolder = process.env['PROFILE'];
const profile = (from: From): readonly string[] =>
  profileFolder === undefined || from === 'sources'
    ? []
    : ['--cpu-prof', `--cpu-prof-dir=${profileFolder}`];

async function isReady(port: number): Promise<boolean> {
  try {
    return (await fetch(`http://127.0.0.1:${port}/readyz`)).ok;
  } catch {
    return false;
  }
}

void main();
