/**
 * Time per job of each compute backend, from submission until the end is known. On Slurm and Ray,
 * bare REST calls and Perennial's client of the engine run a program that does nothing. The client
 * also starts a Python that does nothing. The backend runs a trainer of one step: it stores the
 * order, reads the rows through a signed URL, and checks and stores a model. All ways ask for the
 * state every 50 ms, in turns. Needs `npm run provision:engines`.
 *
 *     npm run bench -- compute [--jobs 10] [--backend local|slurm|ray]
 */
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { loadavg, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { request } from 'undici';
import { createLocalBackend } from '../activities/training/compute/local/backend';
import { createRayEngine } from '../activities/training/compute/ray/engine';
import { createRemoteBackend } from '../activities/training/compute/remote/backend';
import type { ComputeEngine, EngineJob } from '../activities/training/compute/remote/engine';
import { createSlurmEngine } from '../activities/training/compute/slurm/engine';
import { openArtifactStore, type ArtifactStore } from '../data/artifact/store';
import type { ArtifactRef } from '../domain/artifact';
import type { ComputeBackend, TrainerJob } from '../domain/training/job';
import { openDeathWatch } from '../infra/death-watch';
import { startRay } from '../test/support/engine/ray';
import { startSlurm } from '../test/support/engine/slurm';
import { flightFeatures, trainingRows } from '../test/support/training/training-rows';
import { openEmbeddedS3 } from './embedded-world';
import { median, quantile, report, rounded } from './figures';

/** Runs one job to its end. */
type RunJob = (name: string) => Promise<void>;

interface OpenedForBench {
  readonly ways: Readonly<Record<string, RunJob>>;
  close(): Promise<void>;
}

/** What every backend of the benchmark needs. */
interface BenchWorld {
  readonly folder: string;
  readonly store: ArtifactStore;
  readonly rows: ArtifactRef;
}

const pollMilliseconds = 50;
const mebibyte = 2 ** 20;
const root = resolve(__dirname, '..');
const python = join(root, '.perennial', 'python', 'bin', 'python');
const trainers = {
  trainersDir: join(root, 'sdk', 'contracts', 'trainers'),
  runtimeDir: join(root, 'trainers', 'runtime'),
  packageDir: join(root, 'python'),
};

const openers: Readonly<Record<string, (world: BenchWorld) => Promise<OpenedForBench>>> = {
  local: openLocal,
  slurm: openSlurm,
  ray: openRay,
};

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: { jobs: { type: 'string', default: '10' }, backend: { type: 'string' } },
  });
  const jobs = Number(values.jobs);
  if (!Number.isInteger(jobs) || jobs < 1) throw new Error('--jobs is a positive integer');
  const folder = mkdtempSync(join(tmpdir(), 'perennial-bench-'));
  const watch = openDeathWatch();
  const closers: (() => Promise<void>)[] = [];
  try {
    const store = openArtifactStore({
      ...(await openEmbeddedS3(folder, watch, closers)),
      leases: null,
    });
    closers.push(() => {
      store.close();
      return Promise.resolve();
    });
    await store.ensureBucket();
    const rows = await trainingRows(store, folder, { rows: 500, task: 'classification' });
    for (const [name, open] of Object.entries(openers)) {
      if (values.backend !== undefined && values.backend !== name) continue;
      const opened = await open({ folder, store, rows });
      try {
        await measure(name, opened.ways, jobs);
      } finally {
        await opened.close();
      }
    }
  } finally {
    for (const close of closers.reverse()) await close();
    await watch.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

async function measure(
  engine: string,
  ways: Readonly<Record<string, RunJob>>,
  jobs: number,
): Promise<void> {
  const seconds = new Map(Object.keys(ways).map((way): [string, number[]] => [way, []]));
  // The first turn starts what later jobs share, and is not counted.
  for (let job = 0; job <= jobs; job += 1)
    for (const [way, run] of Object.entries(ways)) {
      const since = performance.now();
      await run(`bench-${engine}-${way.replaceAll(/\W+/g, '-').toLowerCase()}-${job}`);
      if (job > 0) seconds.get(way)?.push((performance.now() - since) / 1000);
    }
  const figures = Object.fromEntries(
    [...seconds].map(([way, all]) => [
      way,
      { median: rounded(median(all), 3), p90: rounded(quantile(all, 0.9), 3) },
    ]),
  );
  report(
    `seconds per job, ${engine}`,
    Object.entries(figures).map(([way, { median: half, p90 }]) => [
      way,
      `median ${half} s, p90 ${p90} s`,
    ]),
    { ...figures, jobs, load: loadavg()[0] },
  );
}

function engineJob(name: string, command: readonly string[]): EngineJob {
  return {
    name,
    command,
    environment: {},
    resources: { cpus: 1, memoryBytes: 64 * mebibyte, timeoutSeconds: 60 },
  };
}

function clientWays(engine: ComputeEngine): Readonly<Record<string, RunJob>> {
  return {
    'engine client': (name) => runOn(engine, name, ['/bin/true']),
    'engine client, Python': (name) => runOn(engine, name, [python, '-c', 'pass']),
  };
}

async function runOn(
  engine: ComputeEngine,
  name: string,
  command: readonly string[],
): Promise<void> {
  await engine.submit(engineJob(name, command));
  for (;;) {
    const state = await engine.state(name);
    if (state.kind === 'ended' && state.end === 'succeeded') return;
    if (state.kind === 'ended' || state.kind === 'unknown')
      throw new Error(`job ${name}: ${JSON.stringify(state)}`);
    await pause(pollMilliseconds);
  }
}

function remoteBackend(engine: ComputeEngine, { store }: BenchWorld): ComputeBackend {
  return createRemoteBackend({ engine, artifacts: store, python, ...trainers });
}

async function trainOn(backend: ComputeBackend, { rows }: BenchWorld, name: string): Promise<void> {
  const job: TrainerJob = {
    id: `run_bench/${name}/job/1`,
    tenant: 'default',
    trainer: 'probe',
    seed: 1,
    inputs: { train: [rows] },
    context: { task: 'classification', label: '__label', features: flightFeatures },
    resources: { cpus: 1, memoryBytes: 512 * mebibyte, timeoutSeconds: 60 },
    params: { behaviour: 'learn', steps: 1, step_seconds: 0 },
  };
  const handle = await backend.submit(job);
  for (;;) {
    const state = await backend.poll(handle);
    if (state.kind === 'succeeded') return;
    if (state.kind === 'failed') throw new Error(`job ${name}: ${JSON.stringify(state)}`);
    await pause(pollMilliseconds);
  }
}

function openLocal(world: BenchWorld): Promise<OpenedForBench> {
  const backend = createLocalBackend({
    python,
    ...trainers,
    stateDir: join(world.folder, 'local'),
    artifacts: world.store,
    maxConcurrent: 1,
  });
  return Promise.resolve({
    close: () => backend.close(),
    ways: {
      'a Python process': () =>
        new Promise<void>((done, fail) => {
          spawn(python, ['-c', 'import numpy, onnx, onnxruntime, pyarrow'])
            .once('error', fail)
            .once('close', () => done());
        }),
      backend: (name) => trainOn(backend, world, name),
    },
  });
}

async function openSlurm(world: BenchWorld): Promise<OpenedForBench> {
  const slurm = await startSlurm();
  const { url, user, workingDirectory } = slurm;
  const engine = createSlurmEngine({ url, user, workingDirectory, token: () => slurm.token() });
  const backend = remoteBackend(engine, world);
  const call = async (method: 'GET' | 'POST', path: string, body?: object) =>
    fetchJson(method, `${url}/slurm/v0.0.42${path}`, body, {
      'x-slurm-user-name': user,
      'x-slurm-user-token': await slurm.token(),
    });
  return {
    close: () => slurm.close(),
    ways: {
      'bare REST': async (name) => {
        const submitted = (await call('POST', '/job/submit', {
          script: '#!/bin/sh\nexec /bin/true\n',
          job: {
            name,
            current_working_directory: workingDirectory,
            environment: ['PATH=/usr/bin:/bin'],
            memory_per_node: { set: true, number: 64 },
            time_limit: { set: true, number: 1 },
          },
        })) as { readonly job_id: number };
        for (;;) {
          const { jobs } = (await call('GET', `/job/${submitted.job_id}`)) as {
            readonly jobs: readonly { readonly job_state: readonly string[] }[];
          };
          const state = jobs[0]?.job_state ?? [];
          if (state.includes('COMPLETED') && !state.includes('COMPLETING')) return;
          if (state.includes('FAILED')) throw new Error(`job ${name} failed`);
          await pause(pollMilliseconds);
        }
      },
      ...clientWays(engine),
      backend: (name) => trainOn(backend, world, name),
    },
  };
}

async function openRay(world: BenchWorld): Promise<OpenedForBench> {
  const ray = await startRay();
  const engine = createRayEngine({ url: ray.url });
  const backend = remoteBackend(engine, world);
  return {
    close: () => ray.close(),
    ways: {
      'bare REST': async (name) => {
        await fetchJson('POST', `${ray.url}/api/jobs/`, {
          submission_id: name,
          entrypoint: 'exec /bin/true',
          entrypoint_num_cpus: 1,
        });
        for (;;) {
          const { status } = (await fetchJson('GET', `${ray.url}/api/jobs/${name}`)) as {
            readonly status: string;
          };
          if (status === 'SUCCEEDED') return;
          if (status === 'FAILED') throw new Error(`job ${name} failed`);
          await pause(pollMilliseconds);
        }
      },
      ...clientWays(engine),
      backend: (name) => trainOn(backend, world, name),
    },
  };
}

async function fetchJson(
  method: 'GET' | 'POST',
  url: string,
  body?: object,
  headers: Readonly<Record<string, string>> = {},
): Promise<unknown> {
  const answer = await request(url, {
    method,
    headers: { 'content-type': 'application/json', ...headers },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  const text = await answer.body.text();
  if (answer.statusCode >= 300) throw new Error(`${method} ${url}: ${text.slice(0, 500)}`);
  return JSON.parse(text);
}

main().catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});
