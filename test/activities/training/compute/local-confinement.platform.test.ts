import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type AddressInfo, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { LocalBackend } from '../../../../activities/training/compute/local/backend';
import { createLocalBackend } from '../../../../activities/training/compute/local/backend';
import type { JobConfinement } from '../../../../activities/training/compute/local/confinement';
import { JobDirectory } from '../../../../activities/training/compute/local/job-directory';
import type { ArtifactRef } from '../../../../domain/artifact';
import type { Job } from '../../../../domain/training/job';
import { waitForEnd } from '../../../../sdk/contracts/compute-backend';
import { writeBadTrainers } from '../../../support/training/bad-trainers';
import { directoryArtifacts } from '../../../support/directory-artifacts';
import { pythonPath } from '../../../support/platform';
import { flightFeatures, trainingRows } from '../../../support/training/training-rows';

let folder: string;
let platform: string;
let rows: ArtifactRef;
let server: Server;
let connections = 0;
let backend: LocalBackend;
let confinement: JobConfinement | null = null;
const artifacts = () => directoryArtifacts(join(folder, 'artifacts'));

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'perennial-confined-'));
  platform = join(folder, 'platform');
  mkdirSync(join(platform, 'run'), { recursive: true, mode: 0o700 });
  writeFileSync(join(platform, 'run', 'audit-key.pem'), 'the audit key');
  writeFileSync(join(platform, 'run', 'client.json'), 'the API key');
  rows = await trainingRows(artifacts(), folder, { rows: 500, task: 'classification' });
  server = createServer((socket) => {
    connections += 1;
    socket.destroy();
  }).listen(0, '127.0.0.1');
  backend = createLocalBackend({
    python: pythonPath(),
    trainersDir: writeBadTrainers(join(folder, 'trainers')),
    stateDir: join(platform, 'state'),
    hidden: [platform],
    artifacts: artifacts(),
    maxConcurrent: 2,
    graceSeconds: 1,
    onConfinement: (found) => (confinement = found),
  });
  expect(await backend.check()).toMatchObject({ ready: true });
});
afterAll(async () => {
  await backend.close();
  server.close();
  await rm(folder, { recursive: true, force: true });
});

function job(id: string, more: Partial<Job> = {}): Job {
  return {
    id,
    tenant: 'default',
    trainer: 'hostile',
    params: {},
    seed: 1,
    inputs: { train: [rows] },
    context: { task: 'classification', label: '__label', features: flightFeatures },
    resources: { cpus: 1, memoryBytes: 2 ** 30, timeoutSeconds: 60 },
    ...more,
  };
}

async function attack(id: string): Promise<{
  readonly user: number;
  readonly attempts: Record<string, string>;
  readonly outputs: readonly string[];
}> {
  const other = job('run_other/train/job/1', { trainer: 'raises' });
  await waitForEnd(backend, await backend.submit(other));
  const params = {
    worker: process.pid,
    audit_key: join(platform, 'run', 'audit-key.pem'),
    api_key: join(platform, 'run', 'client.json'),
    other_job: new JobDirectory(join(platform, 'state', 'compute'), other.id).file('job.json'),
    state: platform,
    port: (server.address() as AddressInfo).port,
  };
  expect(existsSync(params.other_job)).toBe(true);
  const state = await waitForEnd(backend, await backend.submit(job(id, { params })));
  if (state.kind !== 'succeeded') throw new Error(JSON.stringify(state));
  const { metrics, facts } = state.result;
  return {
    user: metrics['user'] ?? -1,
    attempts: facts['attempts'] as Record<string, string>,
    outputs: state.outputs.map(({ name }) => name),
  };
}

/**
 * Full confinement needs root on Linux with namespaces. Elsewhere less is enforced, which the
 * description states.
 */
const isFull = (): boolean => confinement?.users != null && confinement.network;

test('describes the confinement in one line', async () => {
  const { detail } = await backend.check();
  expect(detail).toMatch(
    /jobs run as (separate users|the platform's user).*, (without|with the machine's) network/,
  );
  if (process.platform === 'linux' && process.geteuid?.() === 0 && !isFull())
    process.stderr.write(`not enforced to the full here: ${detail}\n`);
});

test('a hostile trainer gets neither secrets, nor other jobs, nor the network, nor the worker', async () => {
  const { user, attempts, outputs } = await attack('run_hostile/train/job/1');
  // For every user, a link to a file of the platform is not an output.
  expect(outputs).toEqual(['kept.txt']);
  if (!isFull()) return;
  const [first = 0, count = 0] = confinement?.users ?? [];
  expect(user).toBeGreaterThanOrEqual(first);
  expect(user).toBeLessThan(first + count);
  expect(attempts).toEqual({
    environment: 'PermissionError',
    memory: 'PermissionError',
    auditKey: 'FileNotFoundError',
    apiKey: 'FileNotFoundError',
    otherJob: 'PermissionError',
    listJobs: 'PermissionError',
    listState: "done: ['state']",
    connect: 'ConnectionRefusedError',
    connectOut: 'OSError',
    killWorker: 'PermissionError',
    killHost: 'PermissionError',
    becomeRoot: 'PermissionError',
    mount: 'PermissionError',
    forgeProcess: 'PermissionError',
    forgeJob: 'PermissionError',
    changeInput: 'PermissionError',
  });
  expect(connections).toBe(0);
});

test('jobs of a study share a user, and are forked from a process of that user', async () => {
  const trial = (number: number): Job =>
    job(`run_study/tune/trial/${number}`, {
      trainer: 'lightgbm',
      params: { num_iterations: 5 + number },
      inputs: { train: [rows], tuning: [rows] },
      context: {
        task: 'classification',
        label: '__label',
        features: flightFeatures,
        objective: { metric: 'logloss', input: 'tuning' },
      },
    });
  let parent = 0;
  for (let number = 1; number <= 40; number += 1) {
    const given = trial(number);
    const state = await waitForEnd(backend, await backend.submit(given));
    expect(state).toMatchObject({ kind: 'succeeded' });
    const text = readFileSync(
      new JobDirectory(join(platform, 'state', 'compute'), given.id).file('process.json'),
      'utf8',
    );
    const started = JSON.parse(text) as {
      readonly parent: number;
      readonly host: { readonly pid: number };
    };
    parent = started.parent;
    if (started.parent !== started.host.pid) break;
  }
  if (process.platform !== 'linux') return;
  // The code of a trainer also runs in this parent process.
  const status = readFileSync(`/proc/${parent}/status`, 'utf8');
  expect(status).toMatch(/^Name:\s+zygote$/m);
  const user = Number(/^Uid:\s+(\d+)/m.exec(status)?.[1]);
  if (isFull()) expect(user).toBeGreaterThanOrEqual(confinement?.users?.[0] ?? 0);
});
