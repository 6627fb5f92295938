/**
 * Checks a compute backend with one real training on a few generated rows, through the port that
 * the train stage uses.
 */
import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { trialFeatures, trialLabel, writeTrialRows } from '../../../data/training/trial-rows';
import type { ComputeKind, Job, JobHandle, JobState } from '../../../domain/training/job';
import type { CliCompute, TestedBackend } from '../context';

export type BackendCheck =
  | {
      readonly backend: ComputeKind;
      readonly ok: true;
      readonly trainer: string;
      readonly rows: number;
      /** Its own description: its slots, and the confinement of jobs. */
      readonly detail: string;
      /** Time until the backend accepted the first job, which happens once per worker. */
      readonly readySeconds: number;
      /** Time from the submission until result, model and logs were stored and read. */
      readonly seconds: number;
      /** The part in which the job's own process was running. */
      readonly processSeconds: number;
      readonly overheadSeconds: number;
    }
  | { readonly backend: ComputeKind; readonly ok: false; readonly detail: string };

/** Every platform has it, because models are compared with it. */
export const checkTrainer = 'baseline';
const rows = 200;
/** Polling interval, the same as that of the train stage for a new job. */
const pauseMs = 20;
const logBytes = 2_000;
const maxSeconds = 300;

/** All its files are in a separate folder, which is removed at the end. */
export async function checkBackend(compute: CliCompute, kind: ComputeKind): Promise<BackendCheck> {
  const folder = mkdtempSync(join(tmpdir(), 'perennial-compute-'));
  const backend = compute.open(kind, folder);
  try {
    const job = await tinyJob(backend, folder);
    const opening = performance.now();
    const { ready, detail } = await backend.port.check();
    const readySeconds = secondsSince(opening);
    if (!ready) return { backend: kind, ok: false, detail };
    const submitting = performance.now();
    const handle = await backend.port.submit(job);
    const state = await waitForEnd(backend, handle);
    if (state === null) {
      await backend.port.cancel(handle);
      const detail = `its job has not ended within ${maxSeconds} s; it may wait for resources`;
      return { backend: kind, ok: false, detail };
    }
    const seconds = secondsSince(submitting);
    if (state.kind !== 'succeeded')
      return { backend: kind, ok: false, detail: await describeFailure(backend, handle, state) };
    const processSeconds = await backend.processSeconds(handle);
    if (processSeconds === null)
      return {
        backend: kind,
        ok: false,
        detail: 'its job has ended, but its process is still running',
      };
    const overheadSeconds = roundSeconds(seconds - processSeconds);
    return {
      backend: kind,
      ok: true,
      trainer: checkTrainer,
      rows,
      detail,
      readySeconds,
      seconds,
      processSeconds,
      overheadSeconds,
    };
  } finally {
    await backend.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

async function tinyJob({ artifacts }: TestedBackend, folder: string): Promise<Job> {
  // Its artifacts in the store of a platform are apart from those of tenants and of other checks.
  const tenant = `compute-check-${randomUUID().slice(0, 8)}`;
  const path = join(folder, 'train.parquet');
  await writeTrialRows(path, { task: 'classification', rows, first: 0, odd: false });
  const train = await artifacts.putFile({
    tenant,
    path,
    mediaType: 'application/vnd.apache.parquet',
  });
  return {
    id: `${tenant}/job`,
    tenant,
    trainer: checkTrainer,
    params: {},
    seed: 1,
    inputs: { train: [train] },
    context: { task: 'classification', label: trialLabel, features: trialFeatures },
    resources: { cpus: 1, memoryBytes: 2 ** 30, timeoutSeconds: 60 },
  };
}

type EndedState = Exclude<JobState, { readonly kind: 'queued' | 'running' }>;

async function waitForEnd({ port }: TestedBackend, handle: JobHandle): Promise<EndedState | null> {
  for (const until = Date.now() + maxSeconds * 1000; Date.now() < until;) {
    const state = await port.poll(handle);
    if (state.kind !== 'queued' && state.kind !== 'running') return state;
    await sleep(pauseMs);
  }
  return null;
}

/** The rows are generated, so the log contains no secrets. */
async function describeFailure(
  { port }: TestedBackend,
  handle: JobHandle,
  state: EndedState,
): Promise<string> {
  const what =
    state.kind === 'failed' ? `${state.failure}: ${state.message}` : 'its job was cancelled';
  const log = (await port.logs(handle, logBytes)).text.trimEnd();
  return log === '' ? what : `${what}\n${log}`;
}

function secondsSince(began: number): number {
  return roundSeconds((performance.now() - began) / 1000);
}

/** Rounds to milliseconds, like the measurements of the backend. */
function roundSeconds(seconds: number): number {
  return Math.round(seconds * 1000) / 1000;
}
