import { setTimeout as sleep } from 'node:timers/promises';
import type { Assessment } from '../assess';
import { assessJob } from '../assess';
import type { JobDirectory } from './job-directory';
import { isAlive, signalProcess } from '../../../../data/process-identity';

/** The current state of a job, from its files and processes. */
export function observe(directory: JobDirectory): Assessment {
  const attempt = directory.attempt();
  const started = directory.started();
  const process = started?.attempt === attempt?.number ? started : null;
  // Check the processes before the files: a process that is dead by now has written all its files.
  const liveness = process && { alive: isAlive(process), hostAlive: isAlive(process.host) };
  const exit = directory.exit();
  return assessJob({
    cancelled: directory.isCancelled(),
    attempt: attempt && { number: attempt.number, ownerAlive: isAlive(attempt.owner) },
    process: liveness,
    exit: exit?.attempt === attempt?.number ? exit : null,
    result: directory.result(),
    error: directory.error(),
  });
}

/**
 * Sends SIGTERM, so that the job can save its state, then SIGKILL. Returns when the process is gone
 * and its host has written the exit. `ended` settles when the host reports the end.
 */
export async function endProcess(
  directory: JobDirectory,
  graceMs: number,
  ended: Promise<void> = new Promise(() => undefined),
): Promise<void> {
  const started = directory.started();
  if (!started) return;
  signalProcess(started, 'SIGTERM', 'group');
  await Promise.race([ended, until(() => !isAlive(started), graceMs)]);
  signalProcess(started, 'SIGKILL', 'group');
  await Promise.race([
    ended,
    until(() => directory.exit()?.attempt === started.attempt || !isAlive(started.host), 5_000),
  ]);
}

async function until(condition: () => boolean, milliseconds: number): Promise<void> {
  const deadline = Date.now() + milliseconds;
  while (!condition() && Date.now() < deadline) await sleep(20);
}
