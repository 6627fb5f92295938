/**
 * Whether a compute backend takes jobs: one real training of a few generated rows, by the port that
 * the train stage uses.
 */
import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { trialFeatures, trialLabel, writeTrialRows } from '../../../data/training/trial-rows';
import type { BuiltComputeKind, Job, JobHandle, JobState } from '../../../domain/training/job';
import type { CliCompute, TestedBackend } from '../context';

export type BackendCheck =
  | {
      readonly backend: BuiltComputeKind;
      readonly ok: true;
      readonly trainer: string;
      readonly rows: number;
      /** What it says of itself: its slots, and what jobs are kept from. */
      readonly detail: string;
      /** Until it could take the first job; a worker pays this once. */
      readonly readySeconds: number;
      /** From before the submission until its result, model and logs were stored and seen. */
      readonly seconds: number;
      /** Of those, while the job's own process lived. */
      readonly processSeconds: number;
      readonly overheadSeconds: number;
    }
  | { readonly backend: BuiltComputeKind; readonly ok: false; readonly detail: string };

/** Every platform needs it: what a model must beat. */
export const checkTrainer = 'baseline';
const rows = 200;
/** As often as the train stage looks at a young job. */
const pauseMs = 20;
const logBytes = 2_000;

/** Everything that it makes is in a folder of its own, removed at the end. */
export async function checkBackend(
  compute: CliCompute,
  kind: BuiltComputeKind,
): Promise<BackendCheck> {
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
    const state = await ended(backend, handle);
    const seconds = secondsSince(submitting);
    if (state.kind !== 'succeeded')
      return { backend: kind, ok: false, detail: await reasonOf(backend, handle, state) };
    const processSeconds = backend.processSeconds(handle);
    if (processSeconds === null)
      return {
        backend: kind,
        ok: false,
        detail: 'its job has ended, but its process is still running',
      };
    const overheadSeconds = rounded(seconds - processSeconds);
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
    await backend.port.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

async function tinyJob({ artifacts }: TestedBackend, folder: string): Promise<Job> {
  const path = join(folder, 'train.parquet');
  await writeTrialRows(path, { task: 'classification', rows, first: 0, odd: false });
  const train = await artifacts.putFile({
    tenant: 'default',
    path,
    mediaType: 'application/vnd.apache.parquet',
  });
  return {
    id: `compute-check/${randomUUID()}`,
    tenant: 'default',
    trainer: checkTrainer,
    params: {},
    seed: 1,
    inputs: { train: [train] },
    context: { task: 'classification', label: trialLabel, features: trialFeatures },
    resources: { cpus: 1, memoryBytes: 2 ** 30, timeoutSeconds: 60 },
  };
}

type EndedState = Exclude<JobState, { readonly kind: 'queued' | 'running' }>;

async function ended({ port }: TestedBackend, handle: JobHandle): Promise<EndedState> {
  for (;;) {
    const state = await port.poll(handle);
    if (state.kind !== 'queued' && state.kind !== 'running') return state;
    await sleep(pauseMs);
  }
}

/** The rows are generated: there is nothing in the log to keep secret. */
async function reasonOf(
  { port }: TestedBackend,
  handle: JobHandle,
  state: EndedState,
): Promise<string> {
  const what =
    state.kind === 'failed' ? `${state.failure}: ${state.message}` : 'its job was cancelled';
  const log = (await port.logs(handle, logBytes)).trimEnd();
  return log === '' ? what : `${what}\n${log}`;
}

function secondsSince(began: number): number {
  return rounded((performance.now() - began) / 1000);
}

/** To the millisecond, which is what the backend measures its processes by. */
function rounded(seconds: number): number {
  return Math.round(seconds * 1000) / 1000;
}
