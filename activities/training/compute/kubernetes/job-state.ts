import type { EngineJobEnd, EngineJobState } from '../remote/engine';
import { excerpt } from '../engine-request';
import type { KubernetesJob, KubernetesPod } from './answers.schema';

/** How long the engine waits for what may pass by itself. */
export interface KubernetesPatience {
  /** Time to wait for nodes that a pod fits on, because a cluster may add some. */
  readonly unschedulableSeconds: number;
  /** For an image that cannot be pulled. One that does not exist is refused at the second try. */
  readonly imageSeconds: number;
}

/** The state of a job that Kubernetes has, by its conditions and its pods. */
export function toKubernetesState(
  job: KubernetesJob,
  pods: readonly KubernetesPod[],
  patience: KubernetesPatience,
  now: number,
): EngineJobState {
  const pod = newest(pods);
  const conditions = job.status?.conditions ?? [];
  const has = (type: string) =>
    conditions.find((each) => each.type === type && each.status === 'True');
  const failed = has('Failed') ?? has('FailureTarget');
  if (pod !== null && isTerminal(pod)) return toEndState(pod);
  if (has('Complete') || has('SuccessCriteriaMet')) return toEnded('succeeded', 'exit code 0');
  if (pod !== null && isStranded(pod, now))
    return toEnded(
      'nodeLost',
      `${readNode(pod)} does not respond: ${findDisruption(pod)?.text ?? ''}`,
    );
  if (pod !== null && failed === undefined) return toOpenState(pod, patience, now);
  if (pod !== null && pod.status?.phase === 'Running') return { kind: 'running' };
  if (failed) return failedWithoutPod(failed.reason ?? '', failed.message ?? '');
  if (job.spec.suspend === true) return { kind: 'queued', reason: 'waits for its queue' };
  return { kind: 'queued' };
}

/**
 * Adds when the container had its resources, by the clock of its node. An end without a time, such
 * as that of a pod whose node vanished, gets none: the job counts until it was last seen.
 */
export function withPodTimes(
  state: EngineJobState,
  pods: readonly KubernetesPod[],
): EngineJobState {
  const pod = newest(pods);
  if (pod === null || state.kind === 'queued' || state.kind === 'unknown') return state;
  const { running, terminated } = pod.status?.containerStatuses?.[0]?.state ?? {};
  const start = (running ?? terminated)?.startedAt;
  // A container that could not start has 1970 as its start.
  if (!start) return state;
  const startedAt = new Date(start).toISOString();
  if (state.kind === 'running') return { ...state, startedAt };
  const end = terminated?.finishedAt ?? findCondition(pod, 'DisruptionTarget')?.lastTransitionTime;
  if (!end || end < start) return state;
  return { ...state, startedAt, endedAt: new Date(end).toISOString() };
}

/** Signs that a node does not take an image that exists nowhere, by the words of its runtime. */
const imageMissing =
  /not found|manifest unknown|does not exist|denied|unauthorized|authentication required/i;
const neverPulled: ReadonlySet<string> = new Set(['InvalidImageName', 'ErrImageNeverPull']);
const notPulled: ReadonlySet<string> = new Set([
  'ErrImagePull',
  'ImagePullBackOff',
  'ImageInspectError',
  'RegistryUnavailable',
  'SignatureValidationFailed',
]);

/** A pod that has not ended. */
function toOpenState(
  pod: KubernetesPod,
  patience: KubernetesPatience,
  now: number,
): EngineJobState {
  const [container] = pod.status?.containerStatuses ?? [];
  const waiting = container?.state?.waiting;
  // A pod is `Unknown` while its node does not respond.
  const { phase = 'Pending' } = pod.status ?? {};
  if (phase !== 'Pending' || pod.metadata.deletionTimestamp) return { kind: 'running' };
  const unscheduled = unscheduledSince(pod);
  const placed = findScheduled(pod);
  const since = placed?.lastTransitionTime ?? pod.metadata.creationTimestamp;
  if (unscheduled !== null) {
    const text = placed?.message ?? '';
    const message = excerpt(text, []);
    if (fitsNoNode(text) && now - unscheduled > patience.unschedulableSeconds * 1000)
      return toEnded(
        'refused',
        'no node can ever take the job, and none was added in ' +
          `${patience.unschedulableSeconds} s: ${message}`,
      );
    return { kind: 'queued', reason: message || 'waits for a node' };
  }
  const reason = waiting?.reason ?? '';
  const message = excerpt(waiting?.message ?? '', []);
  if (isWithoutVariables(pod) && now - since > secretSeconds * 1000) return { kind: 'unknown' };
  if (neverPulled.has(reason))
    return toEnded('refused', `image ${container?.image ?? ''}: ${reason}: ${message}`);
  if (notPulled.has(reason)) {
    const isMissing = reason === 'ImagePullBackOff' && imageMissing.test(message);
    if (isMissing || now - since > patience.imageSeconds * 1000)
      return toEnded('refused', `image ${container?.image ?? ''} cannot be pulled: ${message}`);
  }
  if (reason === 'CreateContainerConfigError' || reason === 'CreateContainerError') {
    if (now - since > patience.imageSeconds * 1000)
      return toEnded('refused', `the container cannot be made: ${message}`);
  }
  const why = [reason, message].filter((text) => text !== '').join(': ');
  return { kind: 'queued', ...(why !== '' && { reason: why }) };
}

/** The kubelet looks for a missing Secret every ten seconds or so. */
const secretSeconds = 60;

/**
 * The submission ended between the job and its variables. The pod waits for them, and another
 * submission brings them.
 */
function isWithoutVariables({ status }: KubernetesPod): boolean {
  const waiting = status?.containerStatuses?.[0]?.state?.waiting;
  return (
    waiting?.reason === 'CreateContainerConfigError' &&
    /^secret "?[^"\s]+"? not found/.test(waiting.message ?? '')
  );
}

/** Milliseconds since 1970 from which on the scheduler has found no node; null if it has one. */
export function unscheduledSince(pod: KubernetesPod): number | null {
  const placed = findScheduled(pod);
  if (placed?.status !== 'False') return null;
  return placed.lastTransitionTime ?? pod.metadata.creationTimestamp;
}

function findScheduled({ status }: KubernetesPod) {
  return status?.conditions?.find(({ type }) => type === 'PodScheduled');
}

/**
 * The scheduler says of each node whether the end of other pods could help. From version 1.34 on,
 * it does so for nodes that are too small, too.
 */
function fitsNoNode(message: string): boolean {
  const [, all, without] =
    /preemption: 0\/(\d+) nodes are available: (\d+) Preemption is not helpful/.exec(message) ?? [];
  return all !== undefined && all === without;
}

/** Reasons of pods that a node gave up before or while they ran. They may run elsewhere. */
const nodeReasons: ReadonlySet<string> = new Set([
  'NodeLost',
  'NodeShutdown',
  'NodeAffinity',
  'Shutdown',
  'Terminated',
  'OutOfcpu',
  'OutOfmemory',
  'OutOfpods',
  'UnexpectedAdmissionError',
  'Preempting',
]);

function toEndState(pod: KubernetesPod): EngineJobState {
  const { phase, reason, message } = pod.status ?? {};
  const text = excerpt(message ?? '', []);
  const end = pod.status?.containerStatuses?.[0]?.state?.terminated;
  if (phase === 'Succeeded') return toEnded('succeeded', 'exit code 0');
  if (reason === 'DeadlineExceeded')
    return toEnded('timeout', text || 'the time limit of the pod is exceeded');
  if (end?.reason === 'OOMKilled')
    return toEnded('outOfMemory', 'OOMKilled: memory limit exceeded');
  // The node ends pods that exceed the limits of their own volumes. They would do so again.
  if (reason === 'Evicted' && /exceeds? the (?:total )?limit/i.test(text))
    return toEnded('refused', `evicted: ${text}`);
  const disruption = findDisruption(pod);
  if (disruption !== null) return toEnded(disruption.end, disruption.text);
  if (reason === 'Evicted') return toEnded('nodeLost', `${readNode(pod)} evicted the job: ${text}`);
  if (nodeReasons.has(reason ?? '') || (reason ?? '').startsWith('OutOf'))
    return toEnded('nodeLost', `${readNode(pod)}: ${reason ?? ''}: ${text}`);
  if (!end)
    return toEnded('nodeLost', `${readNode(pod)} did not run the job: ${reason ?? ''} ${text}`);
  if (end.reason === 'ContainerCannotRun' || end.reason === 'StartError')
    return toEnded('refused', `the image cannot start the job: ${excerpt(end.message ?? '', [])}`);
  return toEnded('failed', exitMessage(end.exitCode));
}

/** A job that failed, and whose pod is gone. */
function failedWithoutPod(reason: string, message: string): EngineJobState {
  const text = excerpt(message, []);
  switch (reason) {
    case 'DeadlineExceeded':
      return toEnded('refused', 'no node took the job within its time limit and a day');
    case 'PodFailurePolicy':
      return toEnded('nodeLost', `the cluster took the machine of the job: ${text}`);
    case 'BackoffLimitExceeded':
      return toEnded('nodeLost', 'the pod of the job was deleted');
    default:
      return toEnded('failed', `${reason}: ${text}`);
  }
}

/** Kubernetes marks pods that it takes away, whatever their program does then. */
function findDisruption(
  pod: KubernetesPod,
): { readonly end: EngineJobEnd; readonly text: string } | null {
  const found = findCondition(pod, 'DisruptionTarget');
  if (!found) return null;
  const end = found.reason === 'PreemptionByScheduler' ? 'preempted' : 'nodeLost';
  return { end, text: `${found.reason ?? ''}: ${excerpt(found.message ?? '', [])}` };
}

function findCondition({ status }: KubernetesPod, type: string) {
  return status?.conditions?.find((each) => each.type === type && each.status === 'True');
}

const strandedSeconds = 60;

/** The pod should have ended, but its node does not report it. */
function isStranded(pod: KubernetesPod, now: number): boolean {
  const { deletionTimestamp } = pod.metadata;
  if (!deletionTimestamp || findDisruption(pod) === null) return false;
  return now - deletionTimestamp > strandedSeconds * 1000;
}

export function isTerminal({ status }: KubernetesPod): boolean {
  return status?.phase === 'Succeeded' || status?.phase === 'Failed';
}

function newest(pods: readonly KubernetesPod[]): KubernetesPod | null {
  return [...pods].sort(byCreation).at(-1) ?? null;
}

function byCreation(one: KubernetesPod, other: KubernetesPod): number {
  return one.metadata.creationTimestamp - other.metadata.creationTimestamp;
}

function readNode({ spec }: KubernetesPod): string {
  return spec.nodeName ? `node ${spec.nodeName}` : 'its node';
}

/** A shell reports a signal as 128 and its number. */
function exitMessage(code: number): string {
  return code > 128 && code < 160
    ? `exit code ${code}, which is signal ${code - 128}`
    : `exit code ${code}`;
}

function toEnded(end: EngineJobEnd, message: string): EngineJobState {
  return { kind: 'ended', end, message };
}
