import { failure } from '../../../../domain/failure';
import { checkEngineJob } from '../engine-job';
import type { EngineJob, EngineResources } from '../remote/engine';
import { shellWords } from '../shell-words';
import type { RayNode } from './answers.schema';

/** What every job of an engine has in common. */
export interface RayJobSettings {
  /**
   * Ray has no queues. A job of a queue takes these custom resources, such as
   * `{ spot: { spot_slot: 1 } }`, which only the nodes for that queue have.
   */
  readonly queues?: Readonly<Record<string, Readonly<Record<string, number>>>>;
  /**
   * Custom resources that only preemptible or only other nodes have, such as `spot`. A job takes a
   * small part of the resource of the nodes that it may use.
   */
  readonly preemptibleResource?: string;
  readonly stableResource?: string;
  /** Variables of each job. Variables of the same name of the job replace them. */
  readonly environment?: Readonly<Record<string, string>>;
}

/** Seconds from SIGTERM to SIGKILL; Ray gives three otherwise. */
const stopWait = { RAY_JOB_STOP_WAIT_TIME_S: '25' };
const encodedVariables = 'PERENNIAL_VARIABLES';

/**
 * The body of `POST /api/jobs/`. Everybody who can reach the address of the cluster can read
 * command and variables of all jobs, and can start programs. A cluster is for one tenant, or its
 * address is for Perennial alone.
 */
export function raySubmission(settings: RayJobSettings, job: EngineJob): object {
  checkEngineJob(job);
  const { name, command, resources } = job;
  if (resources.image !== undefined)
    throw failure('InvalidInput', `job ${name}: Ray runs programs without a container image`, {
      next: 'Remove `image`, and install what the job needs on the nodes',
    });
  const needs = computeNeeds(settings, job);
  const { CPU, memory, GPU, ...custom } = needs;
  const variables = splitVariables({ ...stopWait, ...settings.environment, ...job.environment });
  return {
    submission_id: name,
    entrypoint: `${variables.prelude}exec ${shellWords(command)}`,
    entrypoint_num_cpus: CPU,
    entrypoint_memory: memory,
    ...(GPU !== undefined && { entrypoint_num_gpus: GPU }),
    ...(Object.keys(custom).length > 0 && { entrypoint_resources: custom }),
    runtime_env: { env_vars: variables.plain },
  };
}

/** Amounts by the names of Ray's resources. */
export function computeNeeds(
  settings: RayJobSettings,
  { name, resources }: EngineJob,
): Readonly<Record<string, number>> & { readonly CPU: number; readonly memory: number } {
  return {
    ...queueResources(settings.queues ?? {}, name, resources),
    ...nodeKind(settings, resources),
    CPU: resources.cpus,
    memory: Math.ceil(resources.memoryBytes),
    ...(resources.gpus !== undefined && { GPU: resources.gpus }),
  };
}

/** The smallest amount that Ray counts is 0.0001, so a node of amount 1 has room for 1000 jobs. */
const partOfNodeKind = 0.001;

function nodeKind(
  { preemptibleResource, stableResource }: RayJobSettings,
  { preemptible }: EngineResources,
): Readonly<Record<string, number>> {
  const resource = preemptible === true ? preemptibleResource : stableResource;
  return resource === undefined ? {} : { [resource]: partOfNodeKind };
}

/** The resources of the job that no present node has, such as `memory 8 of at most 4`. */
export function lackingOn(
  nodes: readonly RayNode[],
  needs: Readonly<Record<string, number>>,
): string | null {
  const has = (node: RayNode, resource: string): number => node.resources_total?.[resource] ?? 0;
  const fits = nodes.some((node) =>
    Object.entries(needs).every(([resource, amount]) => has(node, resource) >= amount),
  );
  if (fits) return null;
  const lacks = Object.entries(needs).flatMap(([resource, amount]) => {
    const most = Math.max(0, ...nodes.map((node) => has(node, resource)));
    return most < amount ? [`${resource} ${amount} of at most ${most}`] : [];
  });
  return lacks.length > 0 ? lacks.join(', ') : 'this combination of resources';
}

function queueResources(
  queues: NonNullable<RayJobSettings['queues']>,
  name: string,
  { queue }: EngineResources,
): Readonly<Record<string, number>> {
  if (queue === undefined) return {};
  const resources = queues[queue];
  if (resources === undefined)
    throw failure('InvalidInput', `job ${name}: Ray has no queue ${queue}`, {
      next: `Use one of: ${Object.keys(queues).join(', ') || 'none is configured'}`,
    });
  return resources;
}

/**
 * Ray replaces `$NAME` and `${NAME}` in the values of variables, with no way to prevent it. Such
 * values are passed encoded, and the shell of the job decodes them.
 */
function splitVariables(environment: Readonly<Record<string, string>>): {
  readonly plain: Readonly<Record<string, string>>;
  readonly prelude: string;
} {
  const all = Object.entries(environment);
  const plain = Object.fromEntries(all.filter(([, value]) => !value.includes('$')));
  const others = all.filter(([, value]) => value.includes('$'));
  if (others.length === 0) return { plain, prelude: '' };
  const exports = others.map(([variable, value]) => `export ${variable}=${shellWords([value])}\n`);
  const encoded = Buffer.from(exports.join('')).toString('base64');
  return {
    plain: { ...plain, [encodedVariables]: encoded },
    prelude:
      `eval "$(printf %s "$${encodedVariables}" | base64 -d)"; ` + `unset ${encodedVariables}; `,
  };
}
