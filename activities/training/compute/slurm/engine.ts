import { rm } from 'node:fs/promises';
import { constants } from 'node:os';
import { failure, isPerennialError } from '../../../../domain/failure';
import { unknownOffer } from '../../../../domain/training/compute-offer';
import { notReady } from '../engine-request';
import type { ComputeEngine, EngineJob } from '../remote/engine';
import type { SlurmJob } from './answers.schema';
import { openSlurmApi, type SlurmAccess, type SlurmCluster } from './api';
import { canNeverStart, isOpen, toJobState, withSlurmTimes } from './job-state';
import { readEnd } from './log-file';
import { describeOffer } from './offer';
import { describeLimits, readiness } from './readiness';
import { logFile, choosePartition, buildSubmission, type SlurmJobSettings } from './submission';

export interface SlurmSettings extends SlurmAccess, SlurmJobSettings {}

/**
 * Jobs of Slurm through slurmrestd. Slurm has no idempotent submission: a job is looked up by its
 * name before, and its duplicates are cancelled after. It forgets ended jobs after MinJobAge (300
 * seconds by default), and they are then `unknown`.
 *
 * slurmrestd cannot read files. Logs are empty unless this machine sees the working directory of
 * the jobs, by a shared file system.
 */
export function createSlurmEngine(settings: SlurmSettings): ComputeEngine {
  checkSettings(settings);
  const api = openSlurmApi(settings);
  const numbers = new JobNumbers();
  const log = (name: string): string => logFile(settings, name);

  /** The job of that name. The list of all jobs is read only if its number is not known. */
  async function find(name: string): Promise<SlurmJob | null> {
    const number = numbers.get(name);
    const known = number === undefined ? null : await api.job(number);
    if (known?.name === name) return known;
    return (await findAll(name))[0] ?? null;
  }

  async function findAll(name: string): Promise<SlurmJob[]> {
    const jobs = withoutRefused(await api.jobsNamed(name));
    numbers.set(name, jobs[0]?.job_id);
    return jobs;
  }

  /** The oldest job stays. It was found first by everybody who looked. */
  async function cancelDuplicates(jobs: readonly SlurmJob[]): Promise<void> {
    for (const job of jobs.slice(1)) if (isOpen(job)) await api.cancel(job.job_id);
  }

  async function readCluster(): Promise<SlurmCluster | null> {
    const cluster = await api.cluster().catch(() => null);
    return cluster?.controllerUp === true ? cluster : null;
  }

  /** What the cluster has, if it can be read; it explains a refusal. */
  async function limitsFor(resources?: EngineJob['resources']): Promise<string | null> {
    const partition = resources === undefined ? undefined : choosePartition(settings, resources);
    const cluster = await readCluster();
    return cluster === null ? null : describeLimits(cluster, partition);
  }

  async function submitOrExplain(job: EngineJob, submission: object): Promise<void> {
    try {
      await api.submit(submission);
    } catch (error) {
      if (!isPerennialError(error) || error.type !== 'InvalidInput') throw error;
      const limits = await limitsFor(job.resources);
      if (limits === null) throw error;
      throw failure('InvalidInput', `${error.message}; ${limits}`, {
        cause: error,
        next: 'Lower compute.cpus or compute.memory, or name another partition as compute.queue',
      });
    }
  }

  return {
    kind: 'slurm',
    hasPreemptible:
      settings.preemptiblePartition !== undefined || settings.preemptibleQos !== undefined,
    hasSeveralNodes: true,

    async submit(job) {
      const submission = buildSubmission(settings, job);
      const earlier = await findAll(job.name);
      const isFound = earlier.some((other) => !isRefused(other));
      if (!isFound) await submitOrExplain(job, submission);
      await cancelDuplicates(isFound ? earlier : await findAll(job.name));
    },

    async state(name) {
      const job = await find(name);
      if (job === null) return { kind: 'unknown' };
      // A job that can never start would wait forever.
      if (canNeverStart(job) && isOpen(job)) await api.cancel(job.job_id);
      const state = withSlurmTimes(toJobState(job, await isKilledByMemory(log(name), job)), job);
      if (state.kind !== 'ended' || state.end !== 'refused') return state;
      const limits = await limitsFor();
      return limits === null ? state : { ...state, message: `${state.message}; ${limits}` };
    },

    logs: (name, maxBytes) => readEnd(log(name), maxBytes),

    async cancel(name) {
      for (const job of await findAll(name)) if (isOpen(job)) await api.cancel(job.job_id);
    },

    async forget(name) {
      const jobs = await findAll(name);
      if (jobs[0] !== undefined && isOpen(jobs[0])) return;
      // A submission that was lost on its way may have arrived late.
      await cancelDuplicates(jobs);
      await rm(log(name), { force: true });
      numbers.set(name, undefined);
    },

    async offer() {
      const cluster = await readCluster();
      return cluster === null ? unknownOffer('slurm') : describeOffer(settings, cluster);
    },

    async check() {
      try {
        return readiness(settings, await api.cluster());
      } catch (error) {
        return notReady(error);
      }
    },
  };
}

function checkSettings({ url, workingDirectory }: SlurmSettings): void {
  if (!URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol))
    throw failure('InvalidInput', `the address of Slurm is ${JSON.stringify(url)}`, {
      next: 'Set the address of slurmrestd, such as http://head:6820',
    });
  // In the name of a log file, Slurm replaces % and stops replacing at a backslash.
  if (!/^\/[^%\\\n]*$/.test(workingDirectory))
    throw failure(
      'InvalidInput',
      `the working directory for Slurm is ${JSON.stringify(workingDirectory)}`,
      { next: 'Set an absolute path without % and backslash, which exists on the nodes' },
    );
}

const maxNumbers = 10_000;

/** Numbers of jobs by name. A process that does not know one reads the list of jobs once. */
class JobNumbers {
  private readonly numbers = new Map<string, number>();

  get(name: string): number | undefined {
    return this.numbers.get(name);
  }

  set(name: string, number: number | undefined): void {
    this.numbers.delete(name);
    if (number !== undefined) this.numbers.set(name, number);
    const [oldest] = this.numbers.keys();
    if (this.numbers.size > maxNumbers && oldest !== undefined) this.numbers.delete(oldest);
  }
}

/** Slurm keeps a record of a refused submission. It counts only if there is no other. */
function withoutRefused(jobs: readonly SlurmJob[]): SlurmJob[] {
  const accepted = jobs.filter((job) => !isRefused(job));
  return accepted.length > 0 ? accepted : jobs.slice(-1);
}

function isRefused(job: SlurmJob): boolean {
  return canNeverStart(job) && !isOpen(job);
}

/** Without cgroups, Slurm kills the job and names the reason in its log alone. */
async function isKilledByMemory(log: string, job: SlurmJob): Promise<boolean> {
  const isKilled = job.exit_code.signal.id === constants.signals.SIGKILL;
  if (!isKilled || !job.job_state.includes('FAILED')) return false;
  return /slurmstepd[^\n]*xceeded (?:job )?memory limit/.test(await readEnd(log, 4096));
}
