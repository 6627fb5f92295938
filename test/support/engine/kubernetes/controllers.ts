/**
 * The parts of Kubernetes that act on jobs: the controllers of jobs and garbage, the scheduler and
 * the kubelet of each node. Containers are processes of this machine.
 */
import { randomUUID } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseQuantity } from '../../../../activities/training/compute/kubernetes/quantity';
import type { ProcessGuard } from '../../../../infra/death-watch';
import { runContainer, type RunningContainer } from './container';
import {
  isOver,
  now,
  setCondition,
  type FakeContainer,
  type FakeJob,
  type FakeNode,
  type FakePod,
  type FakeSecret,
} from './objects';

export interface ClusterSettings {
  readonly nodes: readonly FakeNode[];
  readonly images: ReadonlySet<string>;
  /** The hard limits of a ResourceQuota `jobs`. */
  readonly quota: Readonly<Record<string, string>> | null;
  /** Whether the scheduler says that the end of other pods cannot help, as from 1.34 on. */
  readonly saysNotHelpful: boolean;
}

/** Why a pod is taken away, as the reason of its condition DisruptionTarget. */
export type FakeDisruption =
  | 'PreemptionByScheduler'
  | 'EvictionByEvictionAPI'
  | 'DeletionByTaintManager'
  | 'TerminationByKubelet';

const retryMs = 150;
const maxGraceSeconds = 3;
const jobName = 'batch.kubernetes.io/job-name';

export class FakeControllers {
  readonly jobs = new Map<string, FakeJob>();
  readonly pods = new Map<string, FakePod>();
  readonly secrets = new Map<string, FakeSecret>();
  readonly events: { readonly job: string; readonly reason: string; readonly message: string }[] =
    [];
  private readonly containers = new Map<string, RunningContainer>();
  private readonly stranded = new Set<string>();
  private readonly timers = new Set<NodeJS.Timeout>();
  private isClosed = false;

  private readonly settings: ClusterSettings;
  private readonly namespace: string;
  private readonly folder: string;
  private readonly watch: ProcessGuard;

  constructor(settings: ClusterSettings, namespace: string, folder: string, watch: ProcessGuard) {
    this.settings = settings;
    this.namespace = namespace;
    this.folder = folder;
    this.watch = watch;
  }

  addJob(job: FakeJob): void {
    this.jobs.set(job.metadata.name, job);
    const { activeDeadlineSeconds } = job.spec;
    if (activeDeadlineSeconds !== undefined)
      this.later(activeDeadlineSeconds * 1000, () => {
        if (this.jobs.get(job.metadata.name) !== job || isFinished(job)) return;
        this.finish(
          job,
          'Failed',
          'DeadlineExceeded',
          'Job was active longer than specified deadline',
        );
        this.deletePods(job);
      });
    this.sync(job);
  }

  deleteJob(name: string): void {
    const job = this.jobs.get(name);
    if (!job) return;
    this.jobs.delete(name);
    this.deletePods(job);
    for (const [secret, { metadata }] of this.secrets)
      if (metadata.ownerReferences?.some(({ uid }) => uid === job.metadata.uid))
        this.secrets.delete(secret);
  }

  findPod(job: string): FakePod | undefined {
    return [...this.pods.values()].find(({ metadata }) => metadata.labels?.[jobName] === job);
  }

  /** As Kueue and kubectl do. */
  suspend(name: string, isSuspended: boolean): void {
    const job = this.jobs.get(name);
    if (!job) return;
    job.spec.suspend = isSuspended;
    if (isSuspended) this.deletePods(job);
    this.sync(job);
  }

  /** The pod gets the condition, and its program SIGTERM. */
  disrupt(job: string, reason: FakeDisruption, message: string): void {
    const pod = this.findPod(job);
    if (!pod) throw new Error(`job ${job} has no pod`);
    setCondition(pod.status.conditions, {
      type: 'DisruptionTarget',
      status: 'True',
      reason,
      message,
    });
    if (reason === 'TerminationByKubelet') {
      pod.status.reason = 'Evicted';
      pod.status.message = message;
      this.containers.get(pod.metadata.uid)?.kill();
    } else this.deletePod(pod);
  }

  /** The node of the pod is gone. Nothing reports the end of its containers. */
  strand(job: string): void {
    const pod = this.findPod(job);
    if (!pod) throw new Error(`job ${job} has no pod`);
    this.stranded.add(pod.metadata.uid);
    this.containers.get(pod.metadata.uid)?.kill();
    this.disrupt(job, 'DeletionByTaintManager', 'Taint manager: deleting due to NoExecute taint');
    pod.metadata.deletionTimestamp = new Date(Date.now() - 120_000).toISOString();
  }

  /** What the log file has; null if the container did not start. */
  log(pod: string): string | null {
    const file = this.logFile(pod);
    return existsSync(file) ? readFileSync(file, 'utf8') : null;
  }

  used(node: string | null): Readonly<Record<string, number>> {
    const open = [...this.pods.values()].filter(
      (pod) => !isOver(pod) && (node === null || pod.spec.nodeName === node),
    );
    const sum = (resource: string): number =>
      open
        .map((pod) => parseQuantity(pod.spec.containers[0]?.resources.requests[resource] ?? 0))
        .reduce((total, each) => total + each, 0);
    return { cpu: sum('cpu'), memory: sum('memory'), 'nvidia.com/gpu': sum('nvidia.com/gpu') };
  }

  async close(): Promise<void> {
    this.isClosed = true;
    for (const timer of this.timers) clearTimeout(timer);
    for (const container of this.containers.values()) container.kill();
    await Promise.all([...this.containers.values()].map(({ ended }) => ended));
  }

  // The controller of jobs.

  private sync(job: FakeJob): void {
    if (this.jobs.get(job.metadata.name) !== job || isFinished(job)) return;
    const { conditions } = job.status;
    if (job.spec.suspend === true) {
      setCondition(conditions, { type: 'Suspended', status: 'True', reason: 'JobSuspended' });
      delete job.status.startTime;
      return;
    }
    if (conditions.some(({ type }) => type === 'Suspended'))
      setCondition(conditions, { type: 'Suspended', status: 'False', reason: 'JobResumed' });
    job.status.startTime ??= now();
    if (this.findPod(job.metadata.name)) return;
    const refusal = this.exceededQuota(job);
    if (refusal !== null) {
      this.events.push({ job: job.metadata.name, reason: 'FailedCreate', message: refusal });
      this.later(retryMs, () => this.sync(job));
    } else this.makePod(job);
  }

  private exceededQuota({ metadata, spec }: FakeJob): string | null {
    const { quota } = this.settings;
    if (quota === null) return null;
    const requests = spec.template.spec.containers[0]?.resources.requests ?? {};
    const used = this.used(null);
    const over = Object.entries(quota).filter(([name, hard]) => {
      const resource = name.replace('requests.', '');
      return parseQuantity(requests[resource] ?? 0) + (used[resource] ?? 0) > parseQuantity(hard);
    });
    if (over.length === 0) return null;
    const list = (amount: (resource: string) => string) =>
      over.map(([name]) => `${name}=${amount(name.replace('requests.', ''))}`).join(',');
    return (
      `Error creating: pods "${metadata.name}-x" is forbidden: exceeded quota: jobs, ` +
      `requested: ${list((resource) => requests[resource] ?? '0')}, ` +
      `used: ${list((resource) => String(used[resource] ?? 0))}, ` +
      `limited: ${over.map(([name, hard]) => `${name}=${hard}`).join(',')}`
    );
  }

  private makePod(job: FakeJob): void {
    const uid = randomUUID();
    const name = `${job.metadata.name}-${uid.slice(0, 5)}`;
    const labels = {
      ...job.spec.template.metadata?.labels,
      [jobName]: job.metadata.name,
      'batch.kubernetes.io/controller-uid': job.metadata.uid,
    };
    const owner = { apiVersion: 'batch/v1', kind: 'Job', ...pick(job) };
    const pod: FakePod = {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: {
        name,
        namespace: this.namespace,
        uid,
        creationTimestamp: now(),
        labels,
        ownerReferences: [owner],
      },
      spec: { ...job.spec.template.spec },
      status: { phase: 'Pending', conditions: [] },
    };
    this.pods.set(name, pod);
    this.schedule(pod);
  }

  private podEnded(pod: FakePod): void {
    const job = this.jobs.get(pod.metadata.labels?.[jobName] ?? '');
    if (job && !isFinished(job) && job.spec.suspend !== true) {
      if (pod.status.phase === 'Succeeded') this.finish(job, 'Complete', 'CompletionsReached', '');
      else if (this.isDisrupted(pod) && job.spec.podFailurePolicy)
        this.finish(
          job,
          'Failed',
          'PodFailurePolicy',
          `Pod ${this.namespace}/${pod.metadata.name} has condition DisruptionTarget matching ` +
            'FailJob rule at index 0',
        );
      else
        this.finish(
          job,
          'Failed',
          'BackoffLimitExceeded',
          'Job has reached the specified backoff limit',
        );
    }
    // A deleted pod is removed once its end is counted.
    if (pod.metadata.deletionTimestamp) this.pods.delete(pod.metadata.name);
    if (job?.spec.suspend === false) this.sync(job);
    for (const other of this.pods.values()) if (!other.spec.nodeName) this.schedule(other);
  }

  private isDisrupted({ status }: FakePod): boolean {
    return status.conditions.some(
      ({ type, status }) => type === 'DisruptionTarget' && status === 'True',
    );
  }

  private finish(job: FakeJob, type: 'Complete' | 'Failed', reason: string, message: string): void {
    const before = type === 'Complete' ? 'SuccessCriteriaMet' : 'FailureTarget';
    for (const each of [before, type])
      setCondition(job.status.conditions, { type: each, status: 'True', reason, message });
    const { ttlSecondsAfterFinished: ttl } = job.spec;
    if (ttl !== undefined) this.later(ttl * 1000, () => this.deleteJob(job.metadata.name));
  }

  private deletePods(job: FakeJob): void {
    for (const pod of this.pods.values())
      if (pod.metadata.ownerReferences?.some(({ uid }) => uid === job.metadata.uid))
        this.deletePod(pod);
  }

  private deletePod(pod: FakePod): void {
    if (pod.metadata.deletionTimestamp) return;
    // A test does not wait half a minute.
    const seconds = Math.min(pod.spec.terminationGracePeriodSeconds ?? 30, maxGraceSeconds);
    pod.metadata.deletionGracePeriodSeconds = seconds;
    pod.metadata.deletionTimestamp = new Date(Date.now() + seconds * 1000).toISOString();
    const container = this.containers.get(pod.metadata.uid);
    if (!container || isOver(pod)) {
      if (!this.stranded.has(pod.metadata.uid)) this.pods.delete(pod.metadata.name);
      if (!isOver(pod)) {
        pod.status.phase = 'Failed';
        this.podEnded(pod);
      }
      return;
    }
    container.terminate();
    this.later(seconds * 1000, () => container.kill());
  }

  // The scheduler.

  private schedule(pod: FakePod): void {
    if (pod.spec.nodeName || !this.pods.has(pod.metadata.name)) return;
    const requests = pod.spec.containers[0]?.resources.requests ?? {};
    const needs = Object.entries(requests).map(
      ([name, text]) => [name, parseQuantity(text)] as const,
    );
    const lacks = (node: FakeNode, isEmpty: boolean) =>
      needs.find(([name, amount]) => {
        const used = isEmpty ? 0 : (this.used(node.name)[name] ?? 0);
        return amount > readAmount(node, name) - used;
      })?.[0];
    const { nodes } = this.settings;
    const node = nodes.find((each) => lacks(each, false) === undefined);
    if (node) {
      pod.spec.nodeName = node.name;
      setCondition(pod.status.conditions, { type: 'PodScheduled', status: 'True' });
      pod.status.startTime = now();
      this.startPod(pod);
      return;
    }
    const count = nodes.length;
    const first = nodes[0] && lacks(nodes[0], false);
    const never = nodes.filter((each) => lacks(each, true) !== undefined).length;
    const preemption =
      never === count && this.settings.saysNotHelpful
        ? `${count} Preemption is not helpful for scheduling.`
        : `${count} No preemption victims found for incoming pod.`;
    setCondition(pod.status.conditions, {
      type: 'PodScheduled',
      status: 'False',
      reason: 'Unschedulable',
      message:
        `0/${count} nodes are available: ${count} Insufficient ${first ?? ''}. ` +
        `preemption: 0/${count} nodes are available: ${preemption}`,
    });
  }

  // The kubelet.

  private startPod(pod: FakePod): void {
    const [container] = pod.spec.containers;
    if (!container || !this.pods.has(pod.metadata.name) || isOver(pod) || this.isClosed) return;
    const obstacle = this.findObstacle(pod, container);
    if (obstacle === null) {
      this.runPod(pod);
      return;
    }
    this.setContainer(pod, { waiting: obstacle });
    this.later(retryMs, () => this.startPod(pod));
  }

  /** Why the container cannot be made now. */
  private findObstacle(
    pod: FakePod,
    { image, envFrom = [] }: FakeContainer,
  ): { readonly reason: string; readonly message: string } | null {
    if (!/^[a-z0-9][a-z0-9._/:@-]*$/.test(image))
      return {
        reason: 'InvalidImageName',
        message: `Failed to apply default image tag "${image}": invalid reference format`,
      };
    if (!this.settings.images.has(image)) {
      const message = `failed to resolve reference "${image}": ${image}: not found`;
      const hasTried = JSON.stringify(pod.status.containerStatuses ?? '').includes('ErrImagePull');
      if (!hasTried) return { reason: 'ErrImagePull', message };
      return {
        reason: 'ImagePullBackOff',
        message: `Back-off pulling image "${image}": ErrImagePull: ${message}`,
      };
    }
    const missing = envFrom.find(
      ({ secretRef }) => secretRef && !this.secrets.has(secretRef.name),
    )?.secretRef;
    return missing
      ? { reason: 'CreateContainerConfigError', message: `secret "${missing.name}" not found` }
      : null;
  }

  private runPod(pod: FakePod): void {
    const [container] = pod.spec.containers;
    if (!container) return;
    const variables = (container.envFrom ?? []).flatMap(({ secretRef }) =>
      Object.entries(this.secrets.get(secretRef?.name ?? '')?.data ?? {}).map(
        ([name, data]) => [name, Buffer.from(data, 'base64').toString()] as const,
      ),
    );
    const startedAt = now();
    const running = runContainer(
      container,
      Object.fromEntries(variables),
      parseQuantity(container.resources.limits['memory'] ?? 0),
      this.logFile(pod.metadata.name),
      this.watch,
    );
    this.containers.set(pod.metadata.uid, running);
    pod.status.phase = 'Running';
    this.setContainer(pod, { running: { startedAt } });
    const { activeDeadlineSeconds: seconds } = pod.spec;
    if (seconds !== undefined)
      this.later(seconds * 1000, () => {
        if (isOver(pod)) return;
        pod.status.reason = 'DeadlineExceeded';
        pod.status.message = 'Pod was active on the node longer than the specified deadline';
        running.kill();
      });
    void running.ended.then(({ exitCode, isOutOfMemory, startError }) => {
      this.containers.delete(pod.metadata.uid);
      if (this.stranded.has(pod.metadata.uid)) return;
      const reason = exitCode === 0 ? 'Completed' : isOutOfMemory ? 'OOMKilled' : 'Error';
      this.setContainer(pod, {
        terminated: {
          exitCode,
          reason: startError === undefined ? reason : 'StartError',
          ...(startError !== undefined && { message: startError }),
          startedAt,
          finishedAt: now(),
        },
      });
      const isGood = exitCode === 0 && pod.status.reason === undefined;
      pod.status.phase = isGood ? 'Succeeded' : 'Failed';
      this.podEnded(pod);
    });
  }

  private setContainer(pod: FakePod, state: object): void {
    const [container] = pod.spec.containers;
    pod.status.containerStatuses = [
      {
        name: container?.name,
        image: container?.image,
        imageID: '',
        ready: false,
        restartCount: 0,
        state,
      },
    ];
  }

  private logFile(pod: string): string {
    return join(this.folder, `${pod}.log`);
  }

  private later(milliseconds: number, action: () => void): void {
    if (this.isClosed) return;
    // Longer timers than those of Node are of no test.
    const timer = setTimeout(
      () => {
        this.timers.delete(timer);
        if (!this.isClosed) action();
      },
      Math.min(milliseconds, 2 ** 31 - 1),
    );
    this.timers.add(timer);
  }
}

export function readAmount(node: FakeNode, resource: string): number {
  if (resource === 'cpu') return parseQuantity(node.cpu);
  if (resource === 'memory') return parseQuantity(node.memory);
  return resource === 'nvidia.com/gpu' ? node.gpus : 0;
}

function isFinished({ status }: FakeJob): boolean {
  return status.conditions.some(
    ({ type, status }) => (type === 'Complete' || type === 'Failed') && status === 'True',
  );
}

function pick({ metadata }: FakeJob): { readonly name: string; readonly uid: string } {
  return { name: metadata.name, uid: metadata.uid };
}
