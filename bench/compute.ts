/**
 * Time per job on the engines for jobs, from submission until the end is known, for a program that
 * does nothing. Perennial's clients stand beside the bare REST calls that they are made of. Both
 * ask for the state every 50 ms, in turns. Needs `npm run provision:engines`.
 *
 *     npm run bench:compute -- [--jobs 10] [--engine slurm|ray]
 */
import { request } from 'undici';
import { loadavg } from 'node:os';
import { setTimeout as pause } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { createRayEngine } from '../activities/training/compute/ray/engine';
import type { ComputeEngine, EngineJob } from '../activities/training/compute/remote/engine';
import { createSlurmEngine } from '../activities/training/compute/slurm/engine';
import { startRay } from '../test/support/engine/ray';
import { startSlurm } from '../test/support/engine/slurm';
import { median, quantile, report, rounded } from './figures';

/** Runs one job to its end. */
type RunJob = (name: string) => Promise<void>;

interface OpenedForBench {
  readonly ways: Readonly<Record<string, RunJob>>;
  close(): Promise<void>;
}

const pollMilliseconds = 50;
const mebibyte = 2 ** 20;

const openers: Readonly<Record<string, () => Promise<OpenedForBench>>> = {
  slurm: openSlurm,
  ray: openRay,
};

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: { jobs: { type: 'string', default: '10' }, engine: { type: 'string' } },
  });
  const jobs = Number(values.jobs);
  if (!Number.isInteger(jobs) || jobs < 1) throw new Error('--jobs is a positive integer');
  for (const [name, open] of Object.entries(openers)) {
    if (values.engine !== undefined && values.engine !== name) continue;
    const opened = await open();
    try {
      await measure(name, opened.ways, jobs);
    } finally {
      await opened.close();
    }
  }
}

async function measure(
  engine: string,
  ways: Readonly<Record<string, RunJob>>,
  jobs: number,
): Promise<void> {
  const seconds = new Map(Object.keys(ways).map((way): [string, number[]] => [way, []]));
  for (let job = 0; job < jobs; job += 1)
    for (const [way, run] of Object.entries(ways)) {
      const since = performance.now();
      await run(`bench-${way.replaceAll(' ', '-')}-${job}`);
      seconds.get(way)?.push((performance.now() - since) / 1000);
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

function benchJob(name: string): EngineJob {
  return {
    name,
    command: ['/bin/true'],
    environment: {},
    resources: { cpus: 1, memoryBytes: 64 * mebibyte, timeoutSeconds: 60 },
  };
}

async function runOn(engine: ComputeEngine, name: string): Promise<void> {
  await engine.submit(benchJob(name));
  for (;;) {
    const state = await engine.state(name);
    if (state.kind === 'ended' && state.end === 'succeeded') return;
    if (state.kind === 'ended' || state.kind === 'unknown')
      throw new Error(`job ${name}: ${JSON.stringify(state)}`);
    await pause(pollMilliseconds);
  }
}

async function openSlurm(): Promise<OpenedForBench> {
  const slurm = await startSlurm();
  const { url, user, workingDirectory } = slurm;
  const engine = createSlurmEngine({ url, user, workingDirectory, token: () => slurm.token() });
  const call = async (method: 'GET' | 'POST', path: string, body?: object) =>
    jsonOf(method, `${url}/slurm/v0.0.42${path}`, body, {
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
      'engine client': (name) => runOn(engine, name),
    },
  };
}

async function openRay(): Promise<OpenedForBench> {
  const ray = await startRay();
  const engine = createRayEngine({ url: ray.url });
  return {
    close: () => ray.close(),
    ways: {
      'bare REST': async (name) => {
        await jsonOf('POST', `${ray.url}/api/jobs/`, {
          submission_id: name,
          entrypoint: 'exec /bin/true',
          entrypoint_num_cpus: 1,
        });
        for (;;) {
          const { status } = (await jsonOf('GET', `${ray.url}/api/jobs/${name}`)) as {
            readonly status: string;
          };
          if (status === 'SUCCEEDED') return;
          if (status === 'FAILED') throw new Error(`job ${name} failed`);
          await pause(pollMilliseconds);
        }
      },
      'engine client': (name) => runOn(engine, name),
    },
  };
}

async function jsonOf(
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
