import { failure } from '../../../../domain/failure';
import { checkEngineJob } from '../engine-job';
import type { EngineJob } from '../remote/engine';
import type { KubernetesJob } from './answers.schema';

export interface KubernetesToleration {
  readonly key?: string | undefined;
  readonly operator?: 'Exists' | 'Equal' | undefined;
  readonly value?: string | undefined;
  readonly effect?: 'NoSchedule' | 'PreferNoSchedule' | 'NoExecute' | undefined;
}

/** Which nodes take a pod. */
export interface KubernetesPlacement {
  readonly nodeSelector?: Readonly<Record<string, string>> | undefined;
  readonly tolerations?: readonly KubernetesToleration[] | undefined;
  readonly priorityClass?: string | undefined;
}

/** What every job of an engine has in common. */
export interface KubernetesJobSettings extends KubernetesPlacement {
  readonly namespace: string;
  /** The image of jobs without one of their own. */
  readonly image: string;
  readonly imagePullSecret?: string;
  /** The resource of GPUs; `nvidia.com/gpu` by default. */
  readonly gpuResource?: string;
  /** Placement of preemptible jobs, in addition to or instead of the placement of all jobs. */
  readonly preemptible?: KubernetesPlacement;
  /** How many seconds the cluster keeps a job after its end; one day by default. */
  readonly keepSeconds?: number;
}

export const jobLabel = 'perennial.dev/job';
const queueLabel = 'kueue.x-k8s.io/queue-name';
/** Longer than the 20 seconds that the supervisor of a job gives to its process. */
const graceSeconds = 30;
/** Maximum time in the queue: after a day, the signed URLs of a job have expired. */
const maxQueueSeconds = 24 * 3600;
/** The user of the images of this project. */
const user = 10001;

/**
 * The body of `POST …/jobs`. Its pod fits the security standard `restricted`. Everybody who may
 * read pods of the namespace sees command and resources. The variables of a job have its signed
 * URL, so they are in a Secret.
 */
export function jobManifest(settings: KubernetesJobSettings, job: EngineJob): object {
  checkEngineJob(job);
  const { name, command, resources } = job;
  const labels = { 'app.kubernetes.io/managed-by': 'perennial', [jobLabel]: name };
  const spec = {
    backoffLimit: 0,
    completions: 1,
    parallelism: 1,
    ttlSecondsAfterFinished: settings.keepSeconds ?? 24 * 3600,
    // Counts from the creation, so it has room for the queue. The limit of the pod is exact.
    activeDeadlineSeconds: maxQueueSeconds + Math.ceil(resources.timeoutSeconds),
    // A pod that is taken away may be gone at the next look. The condition of the job stays.
    podFailurePolicy: {
      rules: [
        { action: 'FailJob', onPodConditions: [{ type: 'DisruptionTarget', status: 'True' }] },
      ],
    },
    template: {
      metadata: { labels },
      spec: {
        restartPolicy: 'Never',
        activeDeadlineSeconds: Math.ceil(resources.timeoutSeconds),
        terminationGracePeriodSeconds: graceSeconds,
        automountServiceAccountToken: false,
        enableServiceLinks: false,
        ...buildPlacement(settings, resources.preemptible === true),
        ...(settings.imagePullSecret !== undefined && {
          imagePullSecrets: [{ name: settings.imagePullSecret }],
        }),
        securityContext: {
          runAsNonRoot: true,
          runAsUser: user,
          runAsGroup: user,
          fsGroup: user,
          seccompProfile: { type: 'RuntimeDefault' },
        },
        containers: [
          {
            name: 'job',
            image: resources.image ?? settings.image,
            command: command.map(escapeExpansion),
            env: ['HOME', 'TMPDIR'].map((variable) => ({ name: variable, value: '/tmp' })),
            envFrom: [{ secretRef: { name } }],
            resources: toAmounts(settings, job),
            securityContext: {
              allowPrivilegeEscalation: false,
              readOnlyRootFilesystem: true,
              capabilities: { drop: ['ALL'] },
            },
            volumeMounts: [{ name: 'work', mountPath: '/tmp' }],
          },
        ],
        volumes: [{ name: 'work', emptyDir: {} }],
      },
    },
  };
  return {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: {
      name,
      labels: {
        ...labels,
        ...(resources.queue !== undefined && { [queueLabel]: resources.queue }),
      },
    },
    spec,
  };
}

/** The variables of a job, which Kubernetes removes with it. */
export function secretManifest(job: EngineJob, { metadata }: KubernetesJob): object {
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    type: 'Opaque',
    metadata: {
      name: job.name,
      labels: { 'app.kubernetes.io/managed-by': 'perennial', [jobLabel]: job.name },
      ownerReferences: [
        { apiVersion: 'batch/v1', kind: 'Job', name: metadata.name, uid: metadata.uid },
      ],
    },
    immutable: true,
    data: Object.fromEntries(
      Object.entries(job.environment).map(([variable, value]) => [
        variable,
        Buffer.from(value).toString('base64'),
      ]),
    ),
  };
}

/**
 * The name of a job comes from its id and its attempt, so the label tells whether it is the same.
 * @throws InvalidInput if another program made the Job of that name
 */
export function requireOwnJob({ metadata }: KubernetesJob, namespace: string): void {
  const { name, labels } = metadata;
  if (labels?.[jobLabel] === name) return;
  throw failure(
    'InvalidInput',
    `the namespace ${namespace} has a Job ${name} that Perennial did not make`,
    { next: `Delete it with: kubectl -n ${namespace} delete job ${name}` },
  );
}

function buildPlacement(settings: KubernetesJobSettings, isPreemptible: boolean): object {
  const other: KubernetesPlacement = (isPreemptible ? settings.preemptible : undefined) ?? {};
  const nodeSelector = { ...settings.nodeSelector, ...other.nodeSelector };
  const tolerations = [...(settings.tolerations ?? []), ...(other.tolerations ?? [])];
  const priorityClassName = other.priorityClass ?? settings.priorityClass;
  return {
    ...(Object.keys(nodeSelector).length > 0 && { nodeSelector }),
    ...(tolerations.length > 0 && { tolerations }),
    ...(priorityClassName !== undefined && { priorityClassName }),
  };
}

/** Requests equal limits, so other pods of the node cannot push this one out of its memory. */
function toAmounts({ gpuResource = 'nvidia.com/gpu' }: KubernetesJobSettings, job: EngineJob) {
  const { cpus, memoryBytes, gpus } = job.resources;
  const amounts = {
    cpu: `${Math.ceil(cpus * 1000)}m`,
    memory: String(Math.ceil(memoryBytes)),
    ...(gpus !== undefined && { [gpuResource]: String(gpus) }),
  };
  return { requests: amounts, limits: amounts };
}

/** Kubernetes replaces `$(NAME)` in commands, and `$$` by `$`. */
function escapeExpansion(argument: string): string {
  return argument.replaceAll('$', '$$$$');
}
