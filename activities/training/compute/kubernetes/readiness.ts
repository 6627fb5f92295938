import { isPerennialError } from '../../../../domain/failure';
import { excerpt } from '../engine-request';
import type { KubernetesApi, KubernetesRight } from './api';
import { nodesText } from './nodes';
import { quotaText } from './quota';
import { jobManifest, type KubernetesJobSettings } from './submission';

/** The rights that jobs need, as the Role of the chart grants them. */
const neededRights: readonly KubernetesRight[] = [
  ...['create', 'get', 'delete'].map(
    (verb) => ({ verb, group: 'batch', resource: 'jobs' }) as const,
  ),
  { verb: 'create', group: '', resource: 'secrets' },
  { verb: 'list', group: '', resource: 'pods' },
  { verb: 'get', group: '', resource: 'pods', subresource: 'log' },
];

/** Whether jobs can be submitted, and what they would get. */
export async function readiness(
  settings: KubernetesJobSettings,
  api: KubernetesApi,
): Promise<{ readonly ready: boolean; readonly detail: string }> {
  const { namespace, image, gpuResource = 'nvidia.com/gpu' } = settings;
  const where = `Kubernetes ${await api.version()}, namespace ${namespace}`;
  const allowed = await Promise.all(neededRights.map((right) => api.isAllowed(right)));
  const missing = neededRights.filter((_, index) => allowed[index] === false).map(rightText);
  if (missing.length > 0)
    return {
      ready: false,
      detail:
        `${where}: the user may not ${missing.join(', ')}. ` +
        'Grant the Role of docs/guides/engines.md',
    };
  const refusal = await findRefusal(settings, api);
  if (refusal !== null)
    return { ready: false, detail: `${where}: it would refuse a job: ${refusal}` };
  const [quotas, nodes] = [await api.quotas(), await api.nodes()];
  const free = (quotas ?? []).map(quotaText).filter((text) => text !== null);
  if (nodes?.length === 0) return { ready: false, detail: `${where}: no node takes pods` };
  const parts = [
    ...(free.length > 0 ? free : [quotas === null ? 'its quota is not readable' : 'no quota']),
    nodes === null ? 'its nodes are not readable' : nodesText(nodes, gpuResource),
    `jobs get the image ${image}, and GPUs as ${gpuResource}`,
  ];
  return { ready: true, detail: `${where}: ${parts.join('; ')}` };
}

/** Policies of the cluster may refuse all jobs. Nothing is created. */
async function findRefusal(
  settings: KubernetesJobSettings,
  api: KubernetesApi,
): Promise<string | null> {
  const manifest = jobManifest(settings, {
    name: 'perennial-check',
    command: ['true'],
    environment: {},
    resources: { cpus: 1, memoryBytes: 2 ** 30, timeoutSeconds: 60 },
  });
  try {
    await api.tryJob(manifest);
    return null;
  } catch (error) {
    if (!isPerennialError(error) || error.type !== 'InvalidInput') throw error;
    return excerpt(error.message, []);
  }
}

function rightText({ verb, group, resource, subresource }: KubernetesRight): string {
  const name = [resource, subresource].filter((part) => part !== undefined).join('/');
  return `${verb} ${name}${group === '' ? '' : `.${group}`}`;
}
