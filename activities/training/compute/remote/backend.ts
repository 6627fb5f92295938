import { join } from 'node:path';
import type { ArtifactStore } from '../../../../data/artifact/store';
import type { JobArea } from '../../../../data/artifact/job-area';
import { sha256 } from '../../../../data/digest';
import { shareConcurrentCalls } from '../../../../data/share-in-flight';
import type { ArtifactRef, Digest } from '../../../../domain/artifact';
import { failure } from '../../../../domain/failure';
import {
  defaultMaxPreemptions,
  type AttemptTime,
  type ComputeBackend,
  type Job,
  type JobHandle,
  type JobState,
  type LogEnd,
} from '../../../../domain/training/job';
import type { JobKeeper } from '../../../run/release';
import type { Assessment } from '../assess';
import {
  asksForMore,
  assertPlainNames,
  assertSameJob,
  listFiles,
  toJobFile,
  keptLogBytes,
  readRunId,
  type JobFile,
  type JobOutcome,
} from '../job-file';
import { parseMetrics } from '../job-files.schema';
import { findMediaType } from '../media-types';
import { redact } from '../redact';
import { buildOutcome, reportLost, storeLogText, type EndedAttempt } from '../store-outcome';
import { openTracking, type JobTracking } from '../tracking';
import { bootstrapProgram, codeArchive, type CodeFolders } from './code-archive';
import type { ComputeEngine, EngineJobState } from './engine';
import { findCause, ofExit, type NodeReport } from './node-reports';
import { refuseShortage, supervisorBytes } from './refuse-shortage';
import {
  remoteCheckpointSchema,
  remoteClaimSchema,
  remoteExitSchema,
  type RemoteClaim,
  type RemoteExit,
} from './remote-files.schema';

export interface RemoteBackendSettings extends Omit<CodeFolders, 'runtimeDir' | 'packageDir'> {
  readonly engine: ComputeEngine;
  readonly artifacts: Pick<ArtifactStore, 'putBytes' | 'jobs'>;
  /** `runtime` in `trainersDir` by default. */
  readonly runtimeDir?: string;
  readonly packageDir: string;
  /** The Python of the engine's machines, with the packages of the trainers. */
  readonly python: string;
  /** Lets programs of jobs log to the tracking API; none by default. */
  readonly tracking?: JobTracking | null;
  /** Seconds between uploads of metrics and log; default 2. */
  readonly newsSeconds?: number;
  /** Seconds between uploads of checkpoints; default 10. */
  readonly checkpointSeconds?: number;
  /** Seconds that a job has to save its state before it is killed; default 20. */
  readonly graceSeconds?: number;
  /** Seconds without a poll after which a job ends itself; default one hour. */
  readonly abandonedAfterSeconds?: number;
}

export interface RemoteBackend extends ComputeBackend, JobKeeper {
  /** How long the process of an ended job ran, in seconds; null without a report. */
  processSeconds(handle: JobHandle): Promise<number | null>;
}

/** One attempt of a job, as its files and its engine show it. */
type AttemptState = Assessment | { readonly kind: 'unsubmitted' };

/** Only below this folder the job itself writes; the other files are those of the workers. */
const jobFolder = 'job/';
const blobs = `${jobFolder}blobs/`;
const formatBlobPath = (digest: Digest): string => `${blobs}${digest.slice('sha256:'.length)}`;
const formatReportName = (attempt: number, name: string): string =>
  `${jobFolder}attempts/${attempt}/${name}`;
/** The first node reports for the job. The others report only their log and their end. */
const ofItsNode = (node: number, name: string): string =>
  node === 0 ? name : `nodes/${node}/${name}`;

/** How long a job may wait in the queue of the engine before its signed URLs expire. */
const queueSeconds = 24 * 3600;
/** Beyond its own limit, for the transfers before and after. The engine then ends the job. */
const transferSeconds = 900;
/** An engine that restarts may not know its jobs for a moment. */
const unknownForMs = 15_000;
const endSeconds = 30;
/** Bytes from the end of the log of each further node, added to the log of the job. */
const nodeLogBytes = 64 * 2 ** 10;
/**
 * A job uploads only the newest `keptLogBytes` of its log, from the start of a line. A smaller file
 * is the whole log, unless that line is several MiB long.
 */
const wholeLogBytes = keptLogBytes / 2;
/** How long the accounting of an engine may lag behind the report of a job. */
const accountedMs = 10_000;

/**
 * Runs jobs on the machines of an engine. Everything that a later attempt or another worker needs
 * is in the job's area of the artifact store: job.json, attempts/<n>/ (claim, submitted, and what
 * the job reports), cancelled.json and outcome.json. The job gets its inputs and stores its results
 * by signed URLs, so bytes never pass through the worker, and no key leaves it.
 */
export function createRemoteBackend(settings: RemoteBackendSettings): RemoteBackend {
  const { engine, artifacts, python } = settings;
  const { kind } = engine;
  const runtimeDir = settings.runtimeDir ?? join(settings.trainersDir, 'runtime');
  const folders = { ...settings, runtimeDir };
  const graceSeconds = settings.graceSeconds ?? 20;
  const abandonedSeconds = settings.abandonedAfterSeconds ?? 3600;
  const submitting = new Map<string, Promise<void>>();
  const unknownSince = new Map<string, number>();
  const renewedAt = new Map<string, number>();
  const tidiedAt = new Map<string, number>();

  const findArea = ({ tenant, jobId }: Pick<JobHandle, 'tenant' | 'jobId'>): JobArea =>
    artifacts.jobs.of({ tenant, jobId, runId: readRunId({ id: jobId }) });
  const formatJobName = (jobId: string, attempt: number): string =>
    `pn-${sha256(Buffer.from(jobId)).slice('sha256:'.length, 27)}-${attempt}`;

  async function begin(job: Job, area: JobArea): Promise<void> {
    if (await area.create('job.json', toJobFile(job))) return send(job, area, 1, firstTry(job));
    const first = await fileIn(area);
    if (!first) throw failure('Conflict', `the files of job ${job.id} are being removed`);
    assertSameJob(first, job);
    if (await area.read('cancelled.json')) return;
    const attempt = await newestAttempt(area);
    if (attempt === 0) return send(job, area, 1, firstTry(job));
    const claim = await claimIn(area, attempt);
    const outcome = await outcomeIn(area);
    if (outcome) {
      if (asksForMore(outcome, job))
        await send(job, area, attempt + 1, { ...claim, ...job.resources });
      return;
    }
    const state = await assess(area, first, attempt);
    if (state.kind === 'unsubmitted') await send(job, area, attempt, claim);
    else if (state.kind === 'lost') {
      // An engine that queues a job again would run two attempts.
      await engine.cancel(formatJobName(job.id, attempt));
      const machinesLost = claim.machinesLost + (state.isMachineLost ? 1 : 0);
      await send(job, area, attempt + 1, { ...claim, machinesLost });
    } else if (isOpen(state) && !(await area.read(`attempts/${attempt}/submitted.json`)))
      // A submission that was interrupted is completed.
      await send(job, area, attempt, claim);
  }

  const firstTry = (job: Job): RemoteClaim => ({
    backend: kind,
    machinesLost: 0,
    memoryBytes: job.resources.memoryBytes,
  });

  /** Two workers may send the same attempt: the engine then has one job of that name. */
  async function send(
    job: Job,
    area: JobArea,
    attempt: number,
    { machinesLost, memoryBytes }: RemoteClaim,
  ): Promise<void> {
    const folder = `attempts/${attempt}/`;
    const at = new Date().toISOString();
    const wanted = { backend: kind, at, machinesLost, memoryBytes };
    const isMine = await area.create(`${folder}claim.json`, wanted);
    const claim = isMine ? wanted : await claimIn(area, attempt);
    const preemptible = choosePreemptible(job, claim);
    const placed = preemptible === undefined ? {} : { preemptible };
    await refuseShortage(engine, {
      id: job.id,
      resources: { ...job.resources, memoryBytes: claim.memoryBytes, ...placed },
    });
    await renewLease(area);
    const seconds = queueSeconds + job.resources.timeoutSeconds + transferSeconds;
    await area.write(`${folder}order.json`, await buildOrder(job, area, attempt, claim, seconds));
    const { cpus, gpus, nodes, queue, image } = job.resources;
    await engine.submit({
      name: formatJobName(job.id, attempt),
      command: [python, '-c', bootstrapProgram(runtimeDir)],
      environment: { PERENNIAL_JOB_ORDER: await area.signUrl(`${folder}order.json`, seconds) },
      resources: {
        cpus,
        memoryBytes: claim.memoryBytes + supervisorBytes,
        timeoutSeconds: job.resources.timeoutSeconds + transferSeconds,
        ...(gpus !== undefined && { gpus }),
        ...(nodes !== undefined && { nodes }),
        ...(queue !== undefined && { queue }),
        ...(image !== undefined && { image }),
        ...placed,
      },
    });
    await area.create(`${folder}submitted.json`, { at: new Date().toISOString() });
    // Another worker may have cancelled the job, or removed it, meanwhile.
    if ((await area.read('cancelled.json')) || !(await fileIn(area)))
      await engine.cancel(formatJobName(job.id, attempt));
  }

  async function buildOrder(
    job: Job,
    area: JobArea,
    attempt: number,
    { memoryBytes }: RemoteClaim,
    seconds: number,
  ) {
    const { jobs } = artifacts;
    const asked = toJobFile(job);
    const file = { ...asked, resources: { ...asked.resources, memoryBytes } };
    const code = await artifacts.putBytes({
      tenant: job.tenant,
      runId: readRunId(job),
      bytes: codeArchive(folders, job),
      mediaType: 'application/gzip',
    });
    const inputs = listFiles(file).map(async ({ path, artifact }) => ({
      path,
      digest: artifact.digest,
      bytes: artifact.bytes,
      url: await jobs.signUrl(artifact, seconds),
    }));
    const tracking = await openTracking(file, settings.tracking ?? null, seconds);
    const saved = await savedState(area, attempt, seconds);
    return {
      runtime: { url: await jobs.signUrl(code, seconds), digest: code.digest },
      attempt,
      job: file,
      downloads: [...(await Promise.all(inputs)), ...saved.downloads],
      uploads: await area.uploads(jobFolder, seconds),
      lease: { url: await area.signUrl('lease.json', seconds), seconds: abandonedSeconds },
      known: saved.known,
      tracking,
      every: {
        newsSeconds: settings.newsSeconds ?? 2,
        checkpointSeconds: settings.checkpointSeconds ?? 10,
      },
      graceSeconds,
    };
  }

  async function assess(
    area: JobArea,
    { id: jobId, resources: { nodes = 1 } }: JobFile,
    attempt: number,
  ): Promise<AttemptState> {
    const exit = await exitIn(area, attempt);
    if (exit && (nodes === 1 || exit.code === 0))
      return withCause(ofExit(exit), formatJobName(jobId, attempt));
    const state = await engine.state(formatJobName(jobId, attempt));
    const key = `${jobId} ${attempt}`;
    if (state.kind !== 'unknown') unknownSince.delete(key);
    // Its nodes report one after the other. The engine ends the job when the last has ended.
    if (nodes > 1 && (state.kind === 'ended' || state.kind === 'unknown')) {
      const cause = findCause(await reportsIn(area, attempt, nodes));
      if (cause !== null) return withMachines(cause, state, kind);
    }
    switch (state.kind) {
      case 'queued':
      case 'running':
        return state;
      case 'unknown': {
        if (!(await area.read(`attempts/${attempt}/submitted.json`)))
          return { kind: 'unsubmitted' };
        const since = unknownSince.get(key) ?? Date.now();
        unknownSince.set(key, since);
        if (Date.now() - since < unknownForMs) return { kind: 'queued' };
        return {
          kind: 'lost',
          message: `${kind} has no record of the job`,
          isMachineLost: true,
        };
      }
      case 'ended': {
        // The job reports its end before it ends.
        const late = await exitIn(area, attempt);
        return late
          ? withCause(ofExit(late), formatJobName(jobId, attempt))
          : ofEngine(state, kind);
      }
    }
  }

  /** A process that was stopped does not know why. Its engine may have taken the machine. */
  async function withCause(end: Assessment, name: string): Promise<Assessment> {
    if (end.kind !== 'lost') return end;
    const state = await engine.state(name);
    if (state.kind === 'running') return { kind: 'running' };
    if (state.kind === 'queued')
      return {
        ...end,
        message: `${kind} took its machine and queued it again`,
        isMachineLost: true,
      };
    return withMachines(end, state, kind);
  }

  async function storedOutcome(
    area: JobArea,
    job: JobFile,
    attempt: number,
    state: EndedAttempt['state'],
  ): Promise<JobOutcome> {
    const outcome = await buildOutcome({
      job,
      attempt,
      state,
      storeLog: () => storeLogs(area, job, attempt),
      storeOutputs: () => adopt(area, job, attempt),
      readMemoryBytes: async () => (await claimIn(area, attempt)).memoryBytes,
    });
    await area.write('outcome.json', outcome);
    return outcome;
  }

  async function adopt(area: JobArea, job: JobFile, attempt: number) {
    const files = (await exitIn(area, attempt))?.outputs ?? [];
    const outputs = files.map(async ({ path, digest, bytes }) => ({
      name: path,
      artifact: await artifacts.jobs.adopt({
        tenant: job.tenant,
        key: `${area.prefix}${formatReportName(attempt, `outputs/${digest.slice('sha256:'.length)}`)}`,
        digest,
        bytes,
        mediaType: findMediaType(path),
      }),
    }));
    return Promise.all(outputs);
  }

  async function logEnd(
    area: JobArea,
    jobId: string,
    attempt: number,
    most: number,
  ): Promise<LogEnd> {
    const log = await area.end(formatReportName(attempt, 'log.txt'), most);
    if (log) {
      const all = log.content.toString('utf8');
      const text = log.size > log.content.byteLength ? all.slice(all.indexOf('\n') + 1) : all;
      return { text: redact(text), bytes: log.size <= wholeLogBytes ? log.size : null, attempt };
    }
    return { text: await engineText(jobId, attempt, most), bytes: null, attempt };
  }

  async function engineText(jobId: string, attempt: number, most: number): Promise<string> {
    // Without a report, the engine may show why the job did not begin.
    const name = formatJobName(jobId, attempt);
    const text = await engine.logs(name, most);
    if (text !== '') return redact(text);
    const state = await engine.state(name);
    const waits = state.kind === 'queued' && state.reason !== undefined;
    return waits ? `${kind}: the job waits: ${redact(state.reason)}\n`.slice(0, most) : '';
  }

  async function storeLogs(area: JobArea, job: JobFile, attempt: number): Promise<ArtifactRef> {
    const log = await logEnd(area, job.id, attempt, keptLogBytes);
    const others = await otherLogs(area, job, attempt);
    return storeLogText(artifacts, job, [log.text, ...others].join(''));
  }

  /** A job whose lease is not renewed ends itself. */
  async function renewLease(area: JobArea): Promise<void> {
    const last = renewedAt.get(area.prefix) ?? 0;
    if (Date.now() - last < Math.min(60_000, (abandonedSeconds * 1000) / 4)) return;
    await area.write('lease.json', { at: new Date().toISOString() });
    renewedAt.set(area.prefix, Date.now());
  }

  async function cancel(handle: JobHandle): Promise<void> {
    await submitting.get(handle.jobId)?.catch(() => undefined);
    const area = findArea(handle);
    if (!(await fileIn(area)) || (await outcomeIn(area))) return;
    await area.write('cancelled.json', { at: new Date().toISOString() });
    const attempt = await newestAttempt(area);
    if (attempt === 0) return;
    const name = formatJobName(handle.jobId, attempt);
    // A job that begins in spite of that ends at once.
    await area.write(`attempts/${attempt}/order.json`, { cancelled: true });
    await engine.cancel(name);
    for (const until = Date.now() + (graceSeconds + endSeconds) * 1000; ;) {
      const { kind: now } = await engine.state(name);
      if (now !== 'running') return;
      if (Date.now() > until)
        throw failure(
          'BackendUnavailable',
          `job ${name} is still running on ${kind} after it was cancelled`,
        );
      await new Promise((resolve) => setTimeout(resolve, 250));
    }
  }

  /** The engine's own times. A job that reported its end is over for the engine soon after. */
  async function readTime(
    name: string,
    exit: RemoteExit | null,
  ): Promise<Omit<AttemptTime, 'attempt'> | null> {
    for (const until = Date.now() + (exit ? accountedMs : 0); ;) {
      const state = await engine.state(name);
      if (state.kind === 'unknown' || state.kind === 'queued') return null;
      const { startedAt } = state;
      const endedAt = state.kind === 'ended' ? state.endedAt : undefined;
      if (startedAt === undefined) return null;
      if (endedAt !== undefined || Date.now() >= until)
        return { startedAt, endedAt: endedAt ?? null };
      await new Promise((resolve) => setTimeout(resolve, 250));
    }
  }

  /** The run time that the job itself reports, for an engine that has forgotten the job. */
  async function reportedTime(
    area: JobArea,
    attempt: number,
    { seconds }: RemoteExit,
  ): Promise<Omit<AttemptTime, 'attempt'> | null> {
    const text = await area.read(`attempts/${attempt}/submitted.json`);
    if (!text) return null;
    const { at } = JSON.parse(text.toString('utf8')) as { readonly at: string };
    return { startedAt: at, endedAt: new Date(Date.parse(at) + seconds * 1000).toISOString() };
  }

  async function remove(area: JobArea, jobId: string): Promise<void> {
    for (let attempt = await newestAttempt(area); attempt > 0; attempt--) {
      await engine.cancel(formatJobName(jobId, attempt));
      await engine.forget(formatJobName(jobId, attempt));
    }
    await area.clear();
    renewedAt.delete(area.prefix);
    tidiedAt.delete(area.prefix);
  }

  return {
    kind,

    async submit(job) {
      assertPlainNames(job);
      const { nodes = 1 } = job.resources;
      if (nodes > 1 && engine.hasSeveralNodes !== true)
        throw failure(
          'InvalidInput',
          `job ${job.id} asks for ${nodes} nodes, and ${kind} gives one`,
          {
            next: 'Use the backend slurm, or remove nodes',
          },
        );
      const handle = { backend: kind, jobId: job.id, tenant: job.tenant, detail: {} };
      const area = findArea(handle);
      await shareConcurrentCalls(submitting, job.id, () => begin(job, area));
      const claim = await claimIn(area, await newestAttempt(area));
      const isPreemptible =
        engine.hasPreemptible === true && choosePreemptible(job, claim) === true;
      return {
        ...handle,
        detail: {
          machinesLost: String(claim.machinesLost),
          ...(isPreemptible && { preemptible: 'true' }),
        },
      };
    },

    async poll(handle): Promise<JobState> {
      const area = findArea(handle);
      const outcome = await outcomeIn(area);
      if (outcome) return outcome;
      const job = await fileIn(area);
      if (!job) return reportLost('the job does not exist');
      if (await area.read('cancelled.json')) return { kind: 'cancelled' };
      await renewLease(area);
      const attempt = await newestAttempt(area);
      await removeSuperseded(area, attempt);
      const state: AttemptState =
        attempt === 0 ? { kind: 'unsubmitted' } : await assess(area, job, attempt);
      switch (state.kind) {
        case 'queued':
          return state;
        case 'cancelled':
          return { kind: 'cancelled' };
        case 'running': {
          const metrics = await area.read(formatReportName(attempt, 'metrics.ndjson'));
          return { kind: 'running', metrics: parseMetrics(metrics?.toString('utf8') ?? '') };
        }
        case 'unsubmitted':
          return reportLost(`the job did not reach ${kind}`);
        case 'lost':
          return {
            ...reportLost(state.message, await storeLogs(area, job, attempt)),
            ...(state.isMachineLost && { isMachineLost: true }),
          };
        case 'succeeded':
        case 'failed':
          return storedOutcome(area, job, attempt, state);
      }
    },

    async times(handle) {
      const area = findArea(handle);
      const newest = await newestAttempt(area);
      const times: AttemptTime[] = [];
      for (let attempt = 1; attempt <= newest; attempt++) {
        const name = formatJobName(handle.jobId, attempt);
        const exit = await exitIn(area, attempt);
        const time =
          (await readTime(name, exit)) ?? (exit && (await reportedTime(area, attempt, exit)));
        if (time) times.push({ attempt: name, ...time });
      }
      return times;
    },

    async logs(handle, maxBytes) {
      const area = findArea(handle);
      const attempt = await newestAttempt(area);
      if (attempt === 0) return { text: '', bytes: null };
      return logEnd(area, handle.jobId, attempt, maxBytes);
    },

    cancel,

    async discard(handle) {
      const area = findArea(handle);
      if (await outcomeIn(area)) await remove(area, handle.jobId);
    },

    async cleanup(jobIdPrefix, tenant) {
      const runId = readRunId({ id: jobIdPrefix });
      for (const jobId of await artifacts.jobs.list({ tenant, runId })) {
        const handle = { backend: kind, jobId, tenant, detail: {} };
        const area = findArea(handle);
        if (!jobId.startsWith(jobIdPrefix) || !(await isMine(area))) continue;
        await cancel(handle);
        await remove(area, jobId);
      }
    },

    async processSeconds(handle) {
      const area = findArea(handle);
      return (await exitIn(area, await newestAttempt(area)))?.seconds ?? null;
    },

    check: () => engine.check(),
    close: () => Promise.resolve(),
  };

  /** Areas of jobs of other backends are beside those of this one. */
  async function isMine(area: JobArea): Promise<boolean> {
    const claim = await area.read('attempts/1/claim.json');
    return (
      claim !== null && remoteClaimSchema.parse(JSON.parse(claim.toString('utf8'))).backend === kind
    );
  }

  /**
   * The newest complete checkpoint of the attempts before, for the next one. Files that it does not
   * have are removed.
   */
  async function savedState(area: JobArea, attempt: number, seconds: number) {
    const stored = new Set(attempt === 1 ? [] : await area.names(blobs));
    // With the metrics of an attempt whose checkpoint is lost, the job logs that it starts again.
    let downloads: Awaited<ReturnType<typeof readProgress>> = [];
    for (let before = attempt - 1; before > 0; before--) {
      const index = await checkpointIn(area, before);
      const complete = [index?.files ?? [], index?.before ?? []].find(
        (files) =>
          files.length > 0 && files.every(({ digest }) => stored.has(formatBlobPath(digest))),
      );
      if (index && downloads.length === 0) downloads = await readProgress(area, before, seconds);
      if (!complete) continue;
      const saved = complete.map(async ({ path, digest, bytes }) => ({
        path: `checkpoint/${path}`,
        digest,
        bytes,
        url: await area.signUrl(formatBlobPath(digest), seconds),
      }));
      const known = [...new Set(complete.map(({ digest }) => digest))];
      const needed = new Set(known.map(formatBlobPath));
      await area.remove([...stored].filter((name) => !needed.has(name)));
      const progress = await readProgress(area, before, seconds);
      return { downloads: [...(await Promise.all(saved)), ...progress], known };
    }
    return { downloads, known: [] };
  }

  async function readProgress(area: JobArea, attempt: number, seconds: number) {
    const name = formatReportName(attempt, 'metrics.ndjson');
    const metrics = await area.read(name);
    if (!metrics) return [];
    const url = await area.signUrl(name, seconds);
    const bytes = metrics.byteLength;
    return [{ path: 'metrics.ndjson', digest: sha256(metrics), bytes, url }];
  }

  /** A job cannot remove objects, so the worker that follows it does. */
  async function removeSuperseded(area: JobArea, attempt: number): Promise<void> {
    const last = tidiedAt.get(area.prefix) ?? 0;
    if (attempt === 0 || Date.now() - last < (settings.checkpointSeconds ?? 10) * 1000) return;
    tidiedAt.set(area.prefix, Date.now());
    const index = await checkpointIn(area, attempt);
    if (!index || index.superseded.length === 0) return;
    const gone = new Set(index.superseded.map(formatBlobPath));
    await area.remove((await area.names(blobs)).filter((name) => gone.has(name)));
  }
}

async function checkpointIn(area: JobArea, attempt: number) {
  const text = await area.read(formatReportName(attempt, 'checkpoint.json'));
  return text && remoteCheckpointSchema.parse(JSON.parse(text.toString('utf8')));
}

function isOpen({ kind }: AttemptState): boolean {
  return kind === 'queued' || kind === 'running';
}

/** A job that ended without a report: what its engine says. */
function ofEngine(
  { end, message }: Extract<EngineJobState, { kind: 'ended' }>,
  engine: string,
): Assessment {
  const detail = `${engine}: ${message}`;
  switch (end) {
    case 'timeout':
      return { kind: 'failed', failure: 'JobTimeout', message: detail };
    case 'outOfMemory':
      return { kind: 'failed', failure: 'JobOutOfMemory', message: detail };
    case 'refused':
      return { kind: 'failed', failure: 'JobFailed', message: detail };
    case 'preempted':
    case 'nodeLost':
      return { kind: 'lost', message: detail, isMachineLost: true };
    case 'cancelled':
      return { kind: 'lost', message: detail };
    case 'succeeded':
    case 'failed':
      // A failure of the user's code is reported. This one is of the machine or the transfers.
      return { kind: 'lost', message: `the job ended without a report. ${detail}` };
  }
}

/** A job that was stopped or lost a connection does not know that its engine lost a machine. */
function withMachines(end: Assessment, state: EngineJobState, engine: string): Assessment {
  const isTaken = state.kind === 'ended' && ['preempted', 'nodeLost'].includes(state.end);
  const isLimit = end.kind === 'failed' && end.failure !== 'JobFailed';
  return isTaken && !isLimit ? ofEngine(state, engine) : end;
}

/** The ends that the nodes of an attempt have reported so far. */
async function reportsIn(
  area: JobArea,
  attempt: number,
  nodes: number,
): Promise<readonly NodeReport[]> {
  const reports = Array.from({ length: nodes }, async (_, node) => {
    const exit = await exitIn(area, attempt, node);
    return exit ? [{ node, exit }] : [];
  });
  return (await Promise.all(reports)).flat();
}

/** The logs of all nodes but the first, with the node in each line. */
async function otherLogs(
  area: JobArea,
  { resources: { nodes = 1 } }: JobFile,
  attempt: number,
): Promise<readonly string[]> {
  const logs = Array.from({ length: nodes - 1 }, async (_, place) => {
    const node = place + 1;
    const log = await area.end(formatReportName(attempt, ofItsNode(node, 'log.txt')), nodeLogBytes);
    const lines = redact(log?.content.toString('utf8').trimEnd() ?? '');
    return lines === '' ? '' : lines.replace(/^/gm, `[node ${node}] `) + '\n';
  });
  return Promise.all(logs);
}

async function fileIn(area: JobArea): Promise<JobFile | null> {
  const text = await area.read('job.json');
  return text && (JSON.parse(text.toString('utf8')) as JobFile);
}

/** The outcome of the newest attempt. One whose memory ran out may be followed by another. */
async function outcomeIn(area: JobArea): Promise<JobOutcome | null> {
  const text = await area.read('outcome.json');
  if (!text) return null;
  const outcome = JSON.parse(text.toString('utf8')) as JobOutcome;
  return outcome.attempt >= (await newestAttempt(area)) ? outcome : null;
}

async function claimIn(area: JobArea, attempt: number): Promise<RemoteClaim> {
  const text = await area.read(`attempts/${attempt}/claim.json`);
  if (!text) throw failure('Conflict', `the files of attempt ${attempt} are being removed`);
  const claim = remoteClaimSchema.parse(JSON.parse(text.toString('utf8')));
  if (claim.memoryBytes !== undefined) return { ...claim, memoryBytes: claim.memoryBytes };
  const file = await fileIn(area);
  return { ...claim, memoryBytes: file?.resources.memoryBytes ?? 0 };
}

/** A job that has lost enough machines asks for one that is not preemptible. */
function choosePreemptible({ resources }: Job, { machinesLost }: RemoteClaim): boolean | undefined {
  const { preemptible, maxPreemptions = defaultMaxPreemptions } = resources;
  return preemptible === true ? machinesLost < maxPreemptions : preemptible;
}

async function exitIn(area: JobArea, attempt: number, node = 0): Promise<RemoteExit | null> {
  const text = await area.read(formatReportName(attempt, ofItsNode(node, 'exit.json')));
  return text && remoteExitSchema.parse(JSON.parse(text.toString('utf8')));
}

async function newestAttempt(area: JobArea): Promise<number> {
  const numbers = (await area.names('attempts/')).flatMap((name) => {
    const number = /^attempts\/(\d+)\/claim\.json$/.exec(name)?.[1];
    return number === undefined ? [] : [Number.parseInt(number, 10)];
  });
  return Math.max(0, ...numbers);
}
