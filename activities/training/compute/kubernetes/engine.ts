import { failure } from '../../../../domain/failure';
import { excerpt, notReady } from '../engine-request';
import { linesFor, newestLines } from '../newest-lines';
import type { ComputeEngine, EngineJobState } from '../remote/engine';
import type { KubernetesAccess } from './access';
import { openKubernetesApi } from './api';
import type { KubernetesJob, KubernetesPod } from './answers.schema';
import {
  isTerminal,
  toKubernetesState,
  unscheduledSince,
  withPodTimes,
  type KubernetesPatience,
} from './job-state';
import { lackingOn } from './nodes';
import { exceededQuota } from './quota';
import { readiness } from './readiness';
import {
  jobLabel,
  jobManifest,
  requireOwnJob,
  secretManifest,
  type KubernetesJobSettings,
} from './submission';

export interface KubernetesSettings
  extends KubernetesAccess, KubernetesJobSettings, Partial<KubernetesPatience> {}

/**
 * Jobs of Kubernetes, each as a Job of batch/v1 with one pod that is never restarted. The cluster
 * itself ends a job that exceeds its time or its memory, and removes one that has ended after
 * `keepSeconds`. A job that is cancelled is deleted, and then `unknown`.
 *
 * The Secret with the variables of a job is made after the Job, which owns it. A pod waits for it.
 */
export function createKubernetesEngine(settings: KubernetesSettings): ComputeEngine {
  const { namespace } = settings;
  const patience: KubernetesPatience = {
    unschedulableSeconds: settings.unschedulableSeconds ?? 900,
    imageSeconds: settings.imageSeconds ?? 600,
  };
  const api = openKubernetesApi(settings, namespace);
  const listPods = (name: string) => api.pods(`${jobLabel}=${name}`);

  async function readJobState(
    job: KubernetesJob,
    pods: readonly KubernetesPod[],
  ): Promise<EngineJobState> {
    const state = toKubernetesState(job, pods, patience, Date.now());
    if (state.kind !== 'queued') return state;
    const [pod] = pods;
    if (pod !== undefined) return (await findLack(pod)) ?? state;
    return job.spec.suspend === true ? state : withoutPod(job);
  }

  /** Schedulers before 1.34 do not say whether a node would fit if it were empty. */
  async function findLack(pod: KubernetesPod): Promise<EngineJobState | null> {
    const since = unscheduledSince(pod);
    if (since === null || Date.now() - since < patience.unschedulableSeconds * 1000) return null;
    const nodes = await api.nodes();
    const lacking = nodes && lackingOn(nodes, pod.spec.containers[0]?.resources?.requests ?? {});
    if (lacking === null) return null;
    return { kind: 'ended', end: 'refused', message: `no node has ${lacking}` };
  }

  /** The controller could not make the pod, usually for want of quota. */
  async function withoutPod({ metadata }: KubernetesJob): Promise<EngineJobState> {
    const message = (await api.listEvents(metadata.name, 'FailedCreate')).at(-1);
    if (message === undefined) return { kind: 'queued' };
    const reason = excerpt(message, []);
    if (exceededQuota(message)?.isTooLarge)
      return { kind: 'ended', end: 'refused', message: `larger than the quota: ${reason}` };
    return { kind: 'queued', reason };
  }

  return {
    kind: 'kubernetes',
    hasPreemptible: settings.preemptible !== undefined,

    async submit(job) {
      const manifest = jobManifest(settings, job);
      const made = (await api.createJob(manifest)) ?? (await api.job(job.name));
      if (made === null)
        throw failure('BackendUnavailable', `the Job ${job.name} was deleted at its submission`, {
          next: `Run: kubectl -n ${namespace} get events`,
        });
      requireOwnJob(made, namespace);
      if (made.metadata.deletionTimestamp)
        throw failure('BackendUnavailable', `the Job ${job.name} is being deleted`, {
          next: 'It is submitted again when it is gone',
        });
      await api.createSecret(secretManifest(job, made));
    },

    async state(name) {
      const [job, pods] = [await api.job(name), await listPods(name)];
      // The pods of a deleted job have some seconds to end.
      if (job === null || job.metadata.deletionTimestamp)
        return pods.every(isTerminal)
          ? { kind: 'unknown' }
          : withPodTimes({ kind: 'running' }, pods);
      const state = withPodTimes(await readJobState(job, pods), pods);
      const isOpen = !pods.every(isTerminal) || pods.length === 0;
      // It would wait, or hold its node, for what does not come.
      if (state.kind === 'ended' && state.end === 'refused' && isOpen) await api.deleteJob(name);
      return state;
    },

    async logs(name, maxBytes) {
      const pod = (await listPods(name)).at(-1);
      if (pod === undefined) return '';
      return newestLines(await api.lastLines(pod.metadata.name, linesFor(maxBytes)), maxBytes);
    },

    cancel: (name) => api.deleteJob(name),

    async forget(name) {
      const [job, pods] = [await api.job(name), await listPods(name)];
      if (job !== null && (await readJobState(job, pods)).kind === 'ended')
        await api.deleteJob(name);
    },

    async check() {
      try {
        return await readiness(settings, api);
      } catch (error) {
        return notReady(error);
      }
    },
  };
}
