import { chmodSync, mkdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import type { JobArea } from '../../../../data/artifact/job-area';
import type { ArtifactStore } from '../../../../data/artifact/store';
import { shareConcurrentCalls } from '../../../../data/share-in-flight';
import { sha256 } from '../../../../data/digest';
import {
  environmentsFolder,
  openPythonEnvironments,
} from '../../../../data/training/python-environments';
import { canonicalJson } from '../../../../domain/canonical';
import { failure } from '../../../../domain/failure';
import type { ComputeBackend, Job, JobHandle, JobState } from '../../../../domain/training/job';
import { redact } from '../redact';
import { describeConfinement, chooseUser, type JobConfinement } from './confinement';
import { claimArea } from './area-claim';
import { createInputCache } from './input-cache';
import {
  asksForMore,
  assertPlainNames,
  assertSameJob,
  environmentLock,
  listFiles,
  readRunId,
  type JobFile,
} from '../job-file';
import { openCheckpointMirror, storedCheckpoint, type CheckpointMirror } from './checkpoint-mirror';
import { JobDirectory, jobDirectories } from './job-directory';
import { endProcessesOfDeadWorkers } from './orphan-processes';
import type { ChangeFlag } from './change-flag';
import { createChangeFlag } from './change-flag';
import { openLogMirror, type LogMirror } from './log-mirror';
import { readMachineMemory } from './machine-memory';
import { endProcess, observe } from './observe';
import { storeLogs, storeOutcome } from './outcome';
import { signalProcess, thisProcess } from '../../../../data/process-identity';
import { createSlots } from './slots';
import { reportLost } from '../store-outcome';
import { openTracking, type JobTracking } from '../tracking';
import type { WarmHost } from './warm-host';
import { startWarmHost } from './warm-host';

export interface LocalBackend extends ComputeBackend {
  /** Ends the jobs whose ids have this prefix and removes their directories, if there are any. */
  cleanup(jobIdPrefix: string): Promise<void>;
  /** Lifetime of the newest attempt's process, in seconds; null while it lives. */
  processSeconds(handle: JobHandle): number | null;
}

export interface LocalBackendSettings {
  readonly python: string;
  /** Python with PyTorch, for trainers with `environment: llm`; beside `python` by default. */
  readonly pythonLlm?: string;
  /** Makes the environments of jobs with own requirements; `bin/uv` beside `python` by default. */
  readonly uv?: string;
  /** Variables for uv, such as its index. */
  readonly uvVariables?: Readonly<Record<string, string>>;
  readonly trainersDir: string;
  /** The job runtime; `runtime` in `trainersDir` by default. */
  readonly runtimeDir?: string;
  /** Folder with the Python package `perennial`; `python` beside the trainers by default. */
  readonly packageDir?: string;
  readonly stateDir: string;
  /** Without `jobs`, checkpoints and logs of running jobs stay on this machine. */
  readonly artifacts: Pick<ArtifactStore, 'toFile' | 'putFile' | 'putBytes'> &
    Partial<Pick<ArtifactStore, 'jobs'>>;
  /** Seconds between uploads of checkpoints and logs; default 10. */
  readonly checkpointSeconds?: number;
  /** Called with the job's id when an upload failed. The next upload tries again. */
  readonly onMirrorError?: (job: string, error: Error) => void;
  readonly maxConcurrent: number;
  /** Folders that are hidden from jobs if the system can do so; the state folder by default. */
  readonly hidden?: readonly string[];
  /** Run jobs as separate users and without network, if the system allows it; default true. */
  readonly confine?: boolean;
  /** Lets programs of jobs log to the tracking API; none by default. */
  readonly tracking?: JobTracking | null;
  /** Called once with the confinement that is in force. */
  readonly onConfinement?: (confinement: JobConfinement) => void;
  /** Seconds that a cancelled job has to save its state; default 5. */
  readonly graceSeconds?: number;
  /**
   * Seconds without a poll after which a job is stopped; default 60. A terminated workflow sends no
   * cancellation, so its job would otherwise run on.
   */
  readonly abandonedAfterSeconds?: number;
}

/** A job of this process, from its claim to its end. */
interface Active {
  readonly directory: JobDirectory;
  readonly attempt: number;
  readonly memoryBytes: number;
  mirror: CheckpointMirror | null;
  log: LogMirror | null;
  /** The newest copy of its checkpoint and log. */
  saving: Promise<void> | null;
  readonly leave: AbortController;
  /** Interpreter of the trainer's own environment. */
  python: string | null;
  seenAt: number;
  /** Settles when its process has started or could not be started. */
  starting: Promise<void> | null;
  /** Whether its inputs are complete, and what the host last reported. */
  state: 'preparing' | 'waiting' | 'running' | 'ended';
  ended(): void;
  readonly end: Promise<void>;
  readonly news: ChangeFlag;
  execution: Promise<void> | null;
}

const forgottenAfterDays = 7;

/**
 * Runs jobs as children of a warm Python parent on this machine (trainers/runtime/host.py). All
 * state is in files below `stateDir/compute`.
 */
export function createLocalBackend(settings: LocalBackendSettings): LocalBackend {
  const stateDir = resolve(settings.stateDir);
  const root = join(stateDir, 'compute');
  const trainersDir = resolve(settings.trainersDir);
  const runtimeDir = settings.runtimeDir ?? join(trainersDir, 'runtime');
  const packageDir = settings.packageDir ?? join(dirname(dirname(runtimeDir)), 'python');
  const pythonLlm =
    settings.pythonLlm ??
    join(dirname(dirname(dirname(settings.python))), 'python-llm', 'bin', 'python');
  const environments = openPythonEnvironments({
    python: settings.python,
    uv: settings.uv,
    runtimeDir,
    folder: environmentsFolder(stateDir),
    variables: settings.uvVariables,
  });
  const graceMs = (settings.graceSeconds ?? 5) * 1000;
  const abandonedMs = (settings.abandonedAfterSeconds ?? 60) * 1000;
  const owner = thisProcess();
  const slots = createSlots(settings.maxConcurrent);
  const inputs = createInputCache(join(stateDir, 'job-inputs'), settings.artifacts);
  const submitting = new Map<string, Promise<void>>();
  const actives = new Map<string, Active>();
  let host: Promise<WarmHost> | null = null;
  let closed = false;

  mkdirSync(root, { recursive: true, mode: 0o711 });
  // Jobs of other users pass through this folder to their own, but cannot list it.
  chmodSync(root, 0o711);
  clearLeftovers(root);
  inputs.sweep();
  const watch = setInterval(stopAbandoned, Math.min(5_000, abandonedMs / 2));
  watch.unref();
  const mirroring = setInterval(mirrorJobs, (settings.checkpointSeconds ?? 10) * 1000);
  mirroring.unref();

  function warmHost(): Promise<WarmHost> {
    if (closed) throw failure('BackendUnavailable', 'the local backend is closed');
    if (host) return host;
    const onGone = () => {
      host = null;
      // A job that is being prepared has not reached this host.
      for (const active of actives.values()) if (active.state !== 'preparing') active.ended();
    };
    const onEnded = (directory: string) => actives.get(directory)?.ended();
    const onRung = (directory: string) => actives.get(directory)?.news.arrive();
    const { hidden = [stateDir], confine = true } = settings;
    const { folder } = environments;
    const place = {
      runtimeDir,
      packageDir,
      trainersDir,
      environments: folder,
      stateDir: root,
      hidden,
      confine,
    };
    host = startWarmHost({
      python: settings.python,
      pythonLlm,
      owner,
      ...place,
      onRung,
      onEnded,
      onGone,
    });
    host.then(
      ({ confinement }) => settings.onConfinement?.(confinement),
      () => (host = null),
    );
    return host;
  }

  async function begin(job: Job, directory: JobDirectory): Promise<void> {
    const known = directory.job();
    const outcome = directory.outcome();
    const hasEnded = outcome !== null && !asksForMore(outcome, job);
    if (known && (hasEnded || (outcome === null && observe(directory).kind !== 'lost'))) return;
    // The last attempt may still upload its checkpoint.
    await actives.get(directory.path)?.execution;
    const area = findArea(job);
    const [stored] = await Promise.all([area && storedCheckpoint(area), warmHost()]);
    const file = known ?? directory.create(job);
    const before = directory.started();
    if (before) signalProcess(before, 'SIGKILL', 'group');
    const last = directory.attempt();
    const attempt = (last?.number ?? 0) + 1;
    const memoryBytes = Math.max(
      job.resources.memoryBytes,
      last?.owner.memoryBytes ?? 0,
      stored?.memoryBytes ?? 0,
    );
    if (!directory.claim(attempt - 1, { ...owner, backend: 'local', memoryBytes })) return;
    const active = toActive({ directory, attempt, memoryBytes });
    actives.set(directory.path, active);
    try {
      const [claim] = await Promise.all([area && claimArea(area), materialise(file, active)]);
      if (area && claim) {
        active.mirror = openCheckpointMirror({ area, claim, directory, memoryBytes });
        await active.mirror.restore();
        active.log = await openLogMirror({ area, claim, directory });
      }
      if (file.environment)
        active.python = await environments.ensure(
          readFileSync(directory.file(environmentLock), 'utf8'),
        );
    } catch (error) {
      actives.delete(directory.path);
      // The run may have ended meanwhile, and its folder is removed.
      if (directory.job())
        directory.endWithoutProcess(attempt, 'its inputs or its environment could not be prepared');
      if (directory.isCancelled()) return;
      throw error;
    }
    if (active.state === 'preparing') active.state = 'waiting';
    active.seenAt = Date.now();
    active.execution = execute(file, active);
  }

  async function materialise(file: JobFile, { directory, leave }: Active): Promise<void> {
    for (const input of listFiles(file)) {
      if (!directory.hasInput(input))
        await inputs.place(input.artifact, directory.file(input.path), leave.signal);
    }
  }

  /** Never rejects; a failure is written to the directory, where `poll` reads it. */
  async function execute(file: JobFile, active: Active): Promise<void> {
    const { directory, attempt } = active;
    let release: (() => void) | null = null;
    try {
      release = await slots.take(active.leave.signal);
      const warm = await warmHost();
      active.leave.signal.throwIfAborted();
      if (directory.isCancelled()) return;
      const siblings = formatSiblingsKey(file);
      const user = chooseUser(warm.confinement, siblings ?? sha256(Buffer.from(file.id)));
      directory.giveTo(user);
      const tracking = await openTracking(file, settings.tracking ?? null);
      active.leave.signal.throwIfAborted();
      active.starting = warm.run({
        attempt,
        trainer: 'trainer' in file ? join(trainersDir, file.trainer) : null,
        python: active.python,
        directory: directory.path,
        memoryBytes: active.memoryBytes,
        timeoutSeconds: file.resources.timeoutSeconds,
        siblings,
        user,
        tracking,
      });
      await active.starting;
      // It may have ended already.
      if (active.state === 'waiting') active.state = 'running';
      // Another process may have cancelled it during the start.
      if (directory.isCancelled()) await endProcess(directory, graceMs, active.end);
      await active.end;
      // Of a job that has ended well, no checkpoint is needed, and none may arrive late.
      if (directory.job() && directory.exit()?.code !== 0) await saveCopies(active);
      else await active.saving;
    } catch (error) {
      if (directory.job() && directory.started()?.attempt !== attempt)
        directory.endWithoutProcess(attempt, (error as Error).message);
    } finally {
      release?.();
      actives.delete(directory.path);
    }
  }

  function findArea({ id, tenant }: Pick<Job, 'id' | 'tenant'>): JobArea | null {
    const { jobs } = settings.artifacts;
    return jobs?.of({ tenant, jobId: id, runId: readRunId({ id }) }) ?? null;
  }

  function mirrorJobs(): void {
    for (const active of actives.values())
      if (active.state === 'running') active.saving = saveCopies(active);
  }

  /** A store that is away must not end the job. */
  async function saveCopies({ directory, mirror, log }: Active): Promise<void> {
    try {
      if (!directory.isCancelled()) await Promise.all([mirror?.save(), log?.save()]);
    } catch (error) {
      settings.onMirrorError?.(directory.job()?.id ?? directory.path, error as Error);
    }
  }

  function stopAbandoned(): void {
    for (const active of actives.values()) {
      // The caller of `submit` still waits while the job is prepared, which may take minutes.
      if (active.state === 'preparing') continue;
      if (Date.now() - active.seenAt < abandonedMs) continue;
      active.seenAt = Date.now();
      active.leave.abort(failure('JobLost', 'no activity polled the job any more'));
      void endProcess(active.directory, graceMs, active.end);
    }
  }

  async function cancel(handle: JobHandle): Promise<void> {
    const directory = new JobDirectory(root, handle.jobId);
    if (!directory.job() || directory.outcome() !== null) return;
    const kind = observe(directory).kind;
    if (kind === 'succeeded' || kind === 'failed') return;
    directory.markCancelled();
    const active = actives.get(directory.path);
    active?.leave.abort(failure('JobLost', 'cancelled'));
    await active?.starting?.catch(() => undefined);
    await endProcess(directory, graceMs, active?.end);
    await active?.execution;
  }

  return {
    kind: 'local',
    mostMemoryBytes: readMachineMemory(),

    async submit(job) {
      assertPlainNames(job);
      const directory = new JobDirectory(root, job.id);
      await shareConcurrentCalls(submitting, job.id, () => begin(job, directory));
      const first = directory.job();
      if (first) assertSameJob(first, job);
      const active = actives.get(directory.path);
      if (active) active.seenAt = Date.now();
      return {
        backend: 'local',
        jobId: job.id,
        tenant: job.tenant,
        detail: { directory: directory.path },
      };
    },

    async poll(handle): Promise<JobState> {
      const directory = new JobDirectory(root, handle.jobId);
      const active = actives.get(directory.path);
      if (active) {
        active.seenAt = Date.now();
        active.news.read();
        // The host reports the end, so files need not be read until then.
        if (active.state === 'running' && !directory.isCancelled())
          return { kind: 'running', metrics: await directory.metrics() };
      }
      const job = directory.job();
      if (!job) return reportLost('the job is not on this machine');
      const outcome = directory.outcome();
      if (outcome) return outcome;
      const state = observe(directory);
      switch (state.kind) {
        case 'queued':
        case 'cancelled':
          return { kind: state.kind };
        case 'running':
          return { kind: 'running', metrics: await directory.metrics() };
        case 'lost':
          return reportLost(state.message, await storeLogs(settings.artifacts, job, directory));
        case 'succeeded':
        case 'failed': {
          const stored = await storeOutcome(settings.artifacts, job, directory, state);
          if (state.kind === 'succeeded') {
            await active?.execution;
            await findArea(job)?.clear();
          }
          return stored;
        }
      }
    },

    async news(handle) {
      const directory = new JobDirectory(root, handle.jobId);
      const active = actives.get(directory.path);
      // A job of another worker gives no news and is polled. A job that has ended returns at once.
      if (!active && directory.exit() === null) return new Promise(() => undefined);
      await active?.news.wait();
    },

    times: ({ jobId }) => Promise.resolve(new JobDirectory(root, jobId).times()),

    async logs(handle, maxBytes) {
      const { text, size } = await new JobDirectory(root, handle.jobId).end('log.txt', maxBytes);
      return { text: redact(text), bytes: size };
    },

    cancel,

    discard({ jobId }) {
      const directory = new JobDirectory(root, jobId);
      if (directory.outcome() !== null) directory.remove();
      return Promise.resolve();
    },

    async cleanup(jobIdPrefix) {
      if (jobIdPrefix === '')
        throw failure(
          'InvalidInput',
          'cleanup needs a prefix of job ids; an empty one would match all jobs',
        );
      const siblings = new Set<string | null>();
      for (const directory of jobDirectories(root)) {
        const job = directory.job();
        if (!job?.id.startsWith(jobIdPrefix)) continue;
        siblings.add(formatSiblingsKey(job));
        await cancel({ backend: 'local', jobId: job.id, tenant: job.tenant, detail: {} });
        directory.remove();
      }
      inputs.sweep();
      const warm = await host?.catch(() => null);
      for (const key of siblings) if (key !== null) warm?.forget(key);
    },

    processSeconds: (handle) => new JobDirectory(root, handle.jobId).exit()?.seconds ?? null,

    async check() {
      try {
        const { confinement } = await warmHost();
        const detail = `${settings.maxConcurrent} jobs at once with ${settings.python}; ${describeConfinement(confinement)}`;
        return { ready: true, detail };
      } catch (error) {
        const next = (error as { next?: string }).next;
        return { ready: false, detail: `${(error as Error).message}${next ? `; ${next}` : ''}` };
      }
    },

    async close() {
      closed = true;
      clearInterval(watch);
      clearInterval(mirroring);
      const running = [...actives.values()];
      for (const active of running)
        active.leave.abort(failure('JobLost', 'the worker stopped before the job began'));
      const warm = await host?.catch(() => null);
      await warm?.close();
      for (const active of running) await active.execution;
    },
  };
}

function toActive({
  directory,
  attempt,
  memoryBytes,
}: Pick<Active, 'directory' | 'attempt' | 'memoryBytes'>): Active {
  const news = createChangeFlag();
  let settle: () => void = () => undefined;
  const end = new Promise<void>((done) => (settle = done));
  const active: Active = {
    directory,
    attempt,
    memoryBytes,
    mirror: null,
    log: null,
    saving: null,
    leave: new AbortController(),
    python: null,
    seenAt: Date.now(),
    starting: null,
    state: 'preparing',
    execution: null,
    end,
    news,
    ended() {
      active.state = 'ended';
      settle();
      news.arrive();
    },
  };
  return active;
}

/**
 * Key of the jobs of one run that differ only in their parameters. It includes the run, because the
 * trainer's code may differ between runs. Null for jobs that share nothing.
 */
function formatSiblingsKey(file: JobFile): string | null {
  if (!('trainer' in file) || file.environment) return null;
  const { id, tenant, trainer, inputs, context, seed } = file;
  return sha256(
    Buffer.from(
      canonicalJson({ run: id.split('/')[0] ?? id, tenant, trainer, inputs, context, seed }),
    ),
  );
}

/** Removes what killed workers left: their processes, and old jobs that no run continued. */
function clearLeftovers(root: string): void {
  endProcessesOfDeadWorkers(root);
  const old = Date.now() - forgottenAfterDays * 86_400_000;
  for (const directory of jobDirectories(root)) {
    const { kind } = observe(directory);
    if (kind !== 'queued' && kind !== 'running' && statSync(directory.path).mtimeMs < old)
      directory.remove();
  }
}
