import { failure } from '../../../../domain/failure';
import { unknownOffer, type ComputeOffer } from '../../../../domain/training/compute-offer';
import { notReady } from '../engine-request';
import { linesFor, newestLines } from '../newest-lines';
import type { ComputeEngine, EngineJob } from '../remote/engine';
import type { RayJob, RayNode } from './answers.schema';
import { openRayApi, type RayAccess, type RayApi } from './api';
import { toRayState, withRayTimes } from './job-state';
import { lackingOn, computeNeeds, raySubmission, type RayJobSettings } from './submission';

export interface RaySettings extends RayAccess, RayJobSettings {
  /** Nodes are added on demand, so a job may wait for resources that no present node has. */
  readonly autoscaling?: true;
}

/**
 * Jobs of Ray through its Jobs API. The job runs on any node that has its resources.
 *
 * Ray does not end a job that exceeds its time or its memory. The program that it starts must limit
 * itself. Nodes that may be taken away are known by a custom resource of the settings. A job that is
 * cancelled while it waits for resources stays queued until it would start. A head that restarts
 * without external storage forgets all jobs, which are then `unknown`.
 */
export function createRayEngine(settings: RaySettings): ComputeEngine {
  if (!URL.canParse(settings.url) || !/^https?:$/.test(new URL(settings.url).protocol))
    throw failure('InvalidInput', `the address of Ray is ${JSON.stringify(settings.url)}`, {
      next: 'Set the address of the dashboard of the head, such as http://head:8265',
    });
  const api = openRayApi(settings);
  return {
    kind: 'ray',
    hasPreemptible:
      settings.preemptibleResource !== undefined || settings.stableResource !== undefined,

    async submit(job) {
      const submission = raySubmission(settings, job);
      if ((await api.job(job.name)) !== null) return;
      if (settings.autoscaling !== true) await requireFitting(settings, api, job);
      try {
        await api.submit(submission);
      } catch (error) {
        // Ray refuses a name that it has. The answer to an accepted submission may be lost, too.
        if ((await api.job(job.name).catch(() => null)) === null) throw error;
      }
    },

    async state(name) {
      const job = await api.job(name);
      return job === null ? { kind: 'unknown' } : withRayTimes(toRayState(job), job);
    },

    async logs(name, maxBytes) {
      const job = await api.job(name);
      if (typeof job?.driver_node_id !== 'string') return '';
      const text = await api.lastLines(name, job.driver_node_id, linesFor(maxBytes));
      return newestLines(withoutNotes(text, name, job), maxBytes);
    },

    cancel: (name) => api.stop(name),

    forget: (name) => api.remove(name),

    async offer() {
      const nodes = settings.autoscaling === true ? [] : await api.nodes();
      // A cluster without nodes is starting.
      return nodes.length === 0 ? unknownOffer('ray') : describeOffer(nodes);
    },

    async check() {
      try {
        const [version, nodes, usage] = [await api.version(), await api.nodes(), await api.usage()];
        if (nodes.length === 0) return { ready: false, detail: `Ray ${version}: no node is alive` };
        return { ready: true, detail: `Ray ${version}: ${describeResources(nodes, usage)}` };
      } catch (error) {
        return notReady(error);
      }
    },
  };
}

/** Queues are custom resources, which the submission checks. */
function describeOffer(nodes: readonly RayNode[]): ComputeOffer {
  const sizes = nodes.map(({ resources_total: total }) => ({
    count: 1,
    cpus: total?.['CPU'] ?? 0,
    memoryBytes: total?.['memory'] ?? 0,
    gpus: total?.['GPU'] ?? 0,
    queues: [],
  }));
  return { ...unknownOffer('ray'), nodes: sizes };
}

/** Ray would let a job wait that no node can ever run. */
async function requireFitting(settings: RaySettings, api: RayApi, job: EngineJob): Promise<void> {
  const nodes = await api.nodes();
  const lacking = lackingOn(nodes, computeNeeds(settings, job));
  if (nodes.length === 0)
    throw failure('BackendUnavailable', `Ray at ${settings.url} has no nodes`, {
      next: 'Start a node with: ray start --address=<head>',
    });
  if (lacking !== null)
    throw failure(
      'InvalidInput',
      `job ${job.name}: none of the ${nodes.length} nodes of Ray has ${lacking}`,
      {
        next: 'Request less. If the cluster adds nodes on demand, set PERENNIAL_RAY_AUTOSCALING=true',
      },
    );
}

/** Ray writes its own notes among the output: that the environment is set up, and the command. */
function withoutNotes(text: string, name: string, { entrypoint }: RayJob): string {
  return text
    .replace(`Running entrypoint for job ${name}: ${entrypoint}\n`, '')
    .replace(/^[\d-]+ [\d:,]+\tINFO job_manager\.py:\d+ -- Runtime env is setting up\.\n/m, '');
}

function describeResources(
  nodes: readonly RayNode[],
  usage: Readonly<Record<string, readonly number[]>>,
): string {
  const total = (resource: string): number =>
    nodes.reduce((sum, node) => sum + (node.resources_total?.[resource] ?? 0), 0);
  const free = (resource: string): number => total(resource) - (usage[resource]?.[0] ?? 0);
  const gibibytes = (bytes: number): number => Number((bytes / 2 ** 30).toPrecision(3));
  const gpus = total('GPU');
  return (
    `${free('CPU')} of ${total('CPU')} CPUs and ` +
    `${gibibytes(free('memory'))} of ${gibibytes(total('memory'))} GiB free ` +
    `on ${nodes.length} ${nodes.length === 1 ? 'node' : 'nodes'}` +
    (gpus > 0 ? `, ${free('GPU')} of ${gpus} GPUs` : '')
  );
}
