import {
  jobSchema,
  podListSchema,
  type KubernetesPod,
} from '../../../../activities/training/compute/kubernetes/answers.schema';
import {
  toKubernetesState,
  withPodTimes,
} from '../../../../activities/training/compute/kubernetes/job-state';
import { parseQuantity } from '../../../../activities/training/compute/kubernetes/quantity';
import { exceededQuota } from '../../../../activities/training/compute/kubernetes/quota';
import {
  jobManifest,
  secretManifest,
  type KubernetesJobSettings,
} from '../../../../activities/training/compute/kubernetes/submission';
import type { EngineJob } from '../../../../activities/training/compute/remote/engine';
import { kubernetesVersions, findSchemaError } from '../../../support/engine/kubernetes/schemas';

const made = '2026-11-29T10:00:00Z';
const at = Date.parse(made);
const patience = { unschedulableSeconds: 900, imageSeconds: 600 };
const metadata = { name: 'train-1', uid: 'u', creationTimestamp: made };
const settings: KubernetesJobSettings = { namespace: 'ml', image: 'jobs:1' };
const job: EngineJob = {
  name: 'train-1',
  command: ['python3', '-c', 'print("$HOME $(id)")'],
  environment: { PERENNIAL_JOB_ORDER: 'https://store/order' },
  resources: { cpus: 0.5, memoryBytes: 2 ** 30, timeoutSeconds: 90.5 },
};

const jobWith = (conditions: readonly object[] = [], spec: object = {}) =>
  jobSchema.parse({ kind: 'Job', metadata, spec, status: { conditions } });
function podWith(status: object, more: object = {}): KubernetesPod {
  const item = {
    metadata: { ...metadata, ...more },
    spec: { nodeName: 'node-1', containers: [{}] },
    status,
  };
  const [pod] = podListSchema.parse({ kind: 'PodList', items: [item] }).items;
  if (!pod) throw new Error('no pod');
  return pod;
}
const container = (state: object) => ({ containerStatuses: [{ image: 'jobs:1', state }] });

describe('a job for Kubernetes', () => {
  const everything: EngineJob = {
    ...job,
    resources: { ...job.resources, gpus: 2, queue: 'research', image: 'own:2', preemptible: true },
  };
  const placed: KubernetesJobSettings = {
    ...settings,
    imagePullSecret: 'registry',
    gpuResource: 'amd.com/gpu',
    nodeSelector: { pool: 'jobs' },
    tolerations: [{ key: 'jobs', operator: 'Exists' }],
    preemptible: {
      nodeSelector: { spot: 'true' },
      tolerations: [{ key: 'spot', operator: 'Equal', value: 'true', effect: 'NoSchedule' }],
      priorityClass: 'low',
    },
  };

  test.each(kubernetesVersions)('fits the official schemas of %s', (version) => {
    for (const [own, given] of [
      [settings, job],
      [placed, everything],
    ] as const)
      expect(findSchemaError(version, 'Job', jobManifest(own, given))).toBeNull();
    expect(findSchemaError(version, 'Secret', secretManifest(job, jobWith()))).toBeNull();
  });

  test('that is wrong does not fit them', () => {
    const manifest = jobManifest(settings, job);
    expect(findSchemaError('1.37', 'Job', { ...manifest, speck: {} })).toContain('speck');
  });

  test('has its resources as requests and limits, and exact time limits', () => {
    const amounts = { cpu: '500m', memory: '1073741824' };
    expect(jobManifest(settings, job)).toMatchObject({
      spec: {
        backoffLimit: 0,
        activeDeadlineSeconds: 86_491,
        template: {
          spec: {
            activeDeadlineSeconds: 91,
            restartPolicy: 'Never',
            containers: [{ image: 'jobs:1', resources: { requests: amounts, limits: amounts } }],
          },
        },
      },
    });
  });

  test('has the placement of preemptible jobs, its image and its GPUs', () => {
    const manifest = jobManifest(placed, everything);
    expect(manifest).toMatchObject({
      metadata: { labels: { 'kueue.x-k8s.io/queue-name': 'research' } },
      spec: {
        template: {
          spec: {
            nodeSelector: { pool: 'jobs', spot: 'true' },
            tolerations: [{ key: 'jobs' }, { key: 'spot' }],
            priorityClassName: 'low',
            imagePullSecrets: [{ name: 'registry' }],
            containers: [{ image: 'own:2', resources: { limits: { 'amd.com/gpu': '2' } } }],
          },
        },
      },
    });
  });

  test('passes dollar signs in a form that Kubernetes does not expand', () => {
    expect(JSON.stringify(jobManifest(settings, job))).toContain('$$HOME $$(id)');
  });
});

describe('the state of a job of Kubernetes', () => {
  const failed = (reason: string) => [{ type: 'Failed', status: 'True', reason, message: 'm' }];
  const waiting = (reason: string, message = '') => ({
    phase: 'Pending',
    conditions: [{ type: 'PodScheduled', status: 'True', lastTransitionTime: made }],
    ...container({ waiting: { reason, message } }),
  });
  const ended = (end: object) => ({ phase: 'Failed', ...container({ terminated: end }) });

  test.each<[string, readonly object[], object | null, number, object]>([
    ['has no pod', [], null, 0, { kind: 'queued' }],
    ['pulls its image', [], waiting('ContainerCreating'), 0, { kind: 'queued' }],
    ['runs', [], { phase: 'Running' }, 0, { kind: 'running' }],
    ['has no news of its node', [], { phase: 'Unknown' }, 0, { kind: 'running' }],
    ['succeeded', [], { phase: 'Succeeded' }, 0, { end: 'succeeded' }],
    ['succeeded long ago', [{ type: 'Complete', status: 'True' }], null, 0, { end: 'succeeded' }],
    [
      'failed',
      [],
      ended({ exitCode: 3, reason: 'Error' }),
      0,
      { end: 'failed', message: 'exit code 3' },
    ],
    [
      'was killed',
      [],
      ended({ exitCode: 137, reason: 'Error' }),
      0,
      { end: 'failed', message: 'exit code 137, which is signal 9' },
    ],
    [
      'used too much memory',
      [],
      ended({ exitCode: 137, reason: 'OOMKilled' }),
      0,
      { end: 'outOfMemory' },
    ],
    ['cannot start', [], ended({ exitCode: 128, reason: 'StartError' }), 0, { end: 'refused' }],
    ['ran too long', [], { phase: 'Failed', reason: 'DeadlineExceeded' }, 0, { end: 'timeout' }],
    ['was evicted', [], { phase: 'Failed', reason: 'Evicted' }, 0, { end: 'nodeLost' }],
    ['was not admitted', [], { phase: 'Failed', reason: 'OutOfcpu' }, 0, { end: 'nodeLost' }],
    ['lost its pod', failed('BackoffLimitExceeded'), null, 0, { end: 'nodeLost' }],
    ['was disrupted', failed('PodFailurePolicy'), null, 0, { end: 'nodeLost' }],
    ['waited a day', failed('DeadlineExceeded'), null, 0, { end: 'refused' }],
    ['cannot pull yet', [], waiting('ErrImagePull', 'timeout'), 1, { kind: 'queued' }],
    ['can never pull', [], waiting('ImagePullBackOff', 'timeout'), 601, { end: 'refused' }],
    ['has no image', [], waiting('ImagePullBackOff', 'x: not found'), 1, { end: 'refused' }],
    [
      'waits for its variables',
      [],
      waiting('CreateContainerConfigError', 'secret "train-1" not found'),
      1,
      { kind: 'queued' },
    ],
    [
      'was not submitted completely',
      [],
      waiting('CreateContainerConfigError', 'secret "train-1" not found'),
      61,
      { kind: 'unknown' },
    ],
  ])('%s', (_, conditions, status, seconds, expected) => {
    const pods = status === null ? [] : [podWith(status)];
    const state = toKubernetesState(jobWith(conditions), pods, patience, at + seconds * 1000);
    expect(state).toMatchObject(expected);
  });

  test.each([
    ['busy nodes', '3 No preemption victims found for incoming pod.', { kind: 'queued' }],
    [
      'some nodes that are too small',
      '1 No preemption victims found, 2 Preemption is not helpful.',
      { kind: 'queued' },
    ],
    ['no node', '3 Preemption is not helpful for scheduling.', { kind: 'ended', end: 'refused' }],
  ])('waits for %s', (_, preemption, expected) => {
    const message =
      '0/3 nodes are available: 3 Insufficient cpu. ' +
      `preemption: 0/3 nodes are available: ${preemption}`;
    const pod = podWith({
      phase: 'Pending',
      conditions: [{ type: 'PodScheduled', status: 'False', message, lastTransitionTime: made }],
    });
    expect(toKubernetesState(jobWith(), [pod], patience, at)).toMatchObject({ kind: 'queued' });
    const later = toKubernetesState(jobWith(), [pod], patience, at + 901_000);
    expect(later).toMatchObject(expected);
  });
});

describe('the times of a job of Kubernetes', () => {
  const start = '2026-11-29T10:00:05.000Z';
  const end = '2026-11-29T10:03:00.000Z';
  const never = '1970-01-01T00:00:00Z';
  const times = { startedAt: start, finishedAt: end };
  const killed = { exitCode: 137, reason: 'Error' };
  const oom = { exitCode: 137, reason: 'OOMKilled' };
  const disrupted = {
    conditions: [{ type: 'DisruptionTarget', status: 'True', lastTransitionTime: end }],
  };
  const lost = { ...container({ running: { startedAt: start } }), ...disrupted };
  const ofNode = { deletionTimestamp: made };
  const readTimes = (status: object, more: object = {}) => {
    const pods = [podWith(status, more)];
    const state = toKubernetesState(jobWith(), pods, patience, at + 3_600_000);
    return withPodTimes(state, pods);
  };

  test.each<[string, object, object]>([
    ['runs', { phase: 'Running', ...container({ running: { startedAt: start } }) }, {}],
    [
      'used too much memory',
      { phase: 'Failed', ...container({ terminated: { ...times, ...oom } }) },
      { end: 'outOfMemory', endedAt: end },
    ],
    [
      'was evicted',
      { phase: 'Failed', reason: 'Evicted', ...container({ terminated: { ...times, ...killed } }) },
      { end: 'nodeLost', endedAt: end },
    ],
    ['lost its node', { phase: 'Running', ...lost }, { end: 'nodeLost', endedAt: end }],
  ])('of one that %s', (_, status, expected) => {
    expect(readTimes(status, 'conditions' in status ? ofNode : {})).toMatchObject({
      startedAt: start,
      ...expected,
    });
  });

  test.each<[string, object]>([
    ['waits', { phase: 'Pending', ...container({ waiting: { reason: 'ContainerCreating' } }) }],
    [
      'could not start',
      {
        phase: 'Failed',
        ...container({
          terminated: { exitCode: 128, reason: 'StartError', startedAt: never, finishedAt: end },
        }),
      },
    ],
    [
      'has an unknown end',
      {
        phase: 'Failed',
        reason: 'NodeLost',
        ...container({
          terminated: { ...killed, reason: 'ContainerStatusUnknown', startedAt: null },
        }),
      },
    ],
    ['was not admitted', { phase: 'Failed', reason: 'OutOfcpu' }],
  ])('are none for one that %s', (_, status) => {
    const state = readTimes(status);
    expect(state).not.toHaveProperty('startedAt');
    expect(state).not.toHaveProperty('endedAt');
  });
});

test.each([
  ['500m', 0.5],
  ['2', 2],
  ['1.5Gi', 1.5 * 2 ** 30],
  ['12e6', 12e6],
  ['4k', 4000],
  [3, 3],
  ['many', NaN],
])('the quantity %s is %s', (text, amount) => {
  expect(parseQuantity(text)).toBe(amount);
});

test.each([
  ['requests.cpu=3', 'requests.cpu=0', 'requests.cpu=2', true],
  ['requests.cpu=1500m', 'requests.cpu=1', 'requests.cpu=2', false],
  ['cpu=1,memory=9Gi', 'cpu=0,memory=0', 'cpu=2,memory=8Gi', true],
])('a quota: requested %s, used %s, limited %s', (requested, used, limited, isTooLarge) => {
  const message =
    'pods "a" is forbidden: exceeded quota: jobs, ' +
    `requested: ${requested}, used: ${used}, limited: ${limited}`;
  expect(exceededQuota(message)).toEqual({ quota: 'jobs', isTooLarge });
  expect(exceededQuota('forbidden')).toBeNull();
});
