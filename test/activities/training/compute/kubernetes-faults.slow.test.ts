import { mkdtempSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  createKubernetesEngine,
  type KubernetesSettings,
} from '../../../../activities/training/compute/kubernetes/engine';
import type {
  ComputeEngine,
  EngineJob,
  EngineJobState,
  EngineResources,
} from '../../../../activities/training/compute/remote/engine';
import type { FakeAnswer } from '../../../support/engine/fake-engine';
import {
  buildKubeconfig,
  refusal,
  startFakeKubernetes,
  type FakeKubernetes,
  type FakeKubernetesSettings,
} from '../../../support/engine/kubernetes/cluster';
import { pause } from '../../../support/process/product';
import { until } from './engine-contract';

const folder = mkdtempSync(join(tmpdir(), 'perennial-kubernetes-faults-'));
let fake: FakeKubernetes;
let engine: ComputeEngine;
let jobs = 0;

afterEach(async () => {
  expect(fake.violations).toEqual([]);
  await fake.close();
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function start(
  settings: FakeKubernetesSettings = {},
  over: Partial<KubernetesSettings> = {},
): Promise<void> {
  fake = await startFakeKubernetes(settings);
  engine = open(over);
}

function open(over: Partial<KubernetesSettings> = {}): ComputeEngine {
  const { namespace, image, kubeconfig } = fake;
  return createKubernetesEngine({
    namespace,
    image,
    kubeconfig,
    unschedulableSeconds: 1,
    imageSeconds: 60,
    ...over,
  });
}

function job(script: string, resources: Partial<EngineResources> = {}): EngineJob {
  jobs += 1;
  return {
    name: `fault-${process.pid}-${jobs}`,
    command: ['/bin/sh', '-c', script],
    environment: { PERENNIAL_JOB_ORDER: 'https://store/order?signature=secret-url' },
    resources: { cpus: 1, memoryBytes: 2 ** 28, timeoutSeconds: 120, ...resources },
  };
}

const running = ({ name }: EngineJob) =>
  until(engine, name, (state) => (state.kind === 'running' ? state : null));
const ended = ({ name }: EngineJob) =>
  until(engine, name, (state) => (state.kind === 'ended' ? state : null));
const queuedFor = ({ name }: EngineJob, reason: RegExp) =>
  until(engine, name, (state) =>
    state.kind === 'queued' && reason.test(state.reason ?? '') ? state : null,
  );
const created = (resource: string) =>
  fake.requests.filter(({ method, path }) => method === 'POST' && path.endsWith(`/${resource}`));

describe('a job whose machine is taken', () => {
  test.each([
    ['PreemptionByScheduler', /preempted|nodeLost/],
    ['EvictionByEvictionAPI', /nodeLost/],
    ['DeletionByTaintManager', /nodeLost/],
    ['TerminationByKubelet', /nodeLost/],
  ] as const)('%s', async (reason, end) => {
    await start();
    const taken = job('sleep 300');
    await engine.submit(taken);
    await running(taken);
    fake.controllers.disrupt(taken.name, reason, 'The node was low on resource: memory.');
    expect((await ended(taken)).end).toMatch(end);
  });

  test('is lost when its node does not respond any more', async () => {
    await start();
    const stranded = job('sleep 300');
    await engine.submit(stranded);
    await running(stranded);
    fake.controllers.strand(stranded.name);
    expect(await ended(stranded)).toMatchObject({
      end: 'nodeLost',
      message: expect.stringContaining('node node-1 does not respond') as string,
    });
  });

  test('is refused when it filled its own volume', async () => {
    await start();
    const full = job('sleep 300');
    await engine.submit(full);
    await running(full);
    const message = 'Usage of EmptyDir volume "work" exceeds the limit "1Gi".';
    fake.controllers.disrupt(full.name, 'TerminationByKubelet', message);
    expect(await ended(full)).toMatchObject({ end: 'refused' });
  });
});

describe('a job that cannot start', () => {
  test.each([
    [
      'that does not exist',
      'registry.example.com/missing:1',
      /missing:1 cannot be pulled.*not found/,
    ],
    ['with an invalid name', 'Registry/UPPER', /InvalidImageName/],
  ])('is refused for an image %s, and leaves nothing', async (_, image, message) => {
    await start();
    const without = job('true', { image });
    await engine.submit(without);
    expect(await ended(without)).toMatchObject({
      end: 'refused',
      message: expect.stringMatching(message) as string,
    });
    expect(fake.controllers.jobs.size + fake.controllers.secrets.size).toBe(0);
  });

  test('is refused when the image does not have its program', async () => {
    await start();
    const without = { ...job('true'), command: ['no-such-python', '-c', 'x'] };
    await engine.submit(without);
    expect(await ended(without)).toMatchObject({
      end: 'refused',
      message: expect.stringContaining('no-such-python') as string,
    });
  });

  test('waits while nodes are busy, and names why', async () => {
    await start({ nodes: [{ name: 'node-1', cpu: '1', memory: '4Gi', gpus: 0 }] });
    const [first, second] = [job('sleep 300'), job('true')];
    await engine.submit(first);
    await running(first);
    await engine.submit(second);
    await queuedFor(second, /1 Insufficient cpu/);
    await pause(2500);
    expect(await engine.state(second.name)).toMatchObject({ kind: 'queued' });
    await engine.cancel(first.name);
    expect(await ended(second)).toMatchObject({ end: 'succeeded' });
  });

  test('is refused when no node is large enough, also by an older scheduler', async () => {
    await start({ saysNotHelpful: false });
    const large = job('true', { gpus: 8 });
    await engine.submit(large);
    expect(await ended(large)).toMatchObject({
      end: 'refused',
      message: 'no node has nvidia.com/gpu 8 of at most 2',
    });
    expect(fake.controllers.jobs.size).toBe(0);
  });

  test('waits when an older scheduler says little, and nodes cannot be listed', async () => {
    await start({ saysNotHelpful: false, denied: ['list nodes'] });
    const large = job('true', { gpus: 8 });
    await engine.submit(large);
    await pause(2000);
    await queuedFor(large, /Insufficient nvidia.com\/gpu/);
  });

  test('waits for quota, and is refused when it is larger than all of it', async () => {
    await start({ quota: { 'requests.cpu': '2' } });
    const [first, second, large] = [
      job('sleep 300', { cpus: 2 }),
      job('true'),
      job('true', { cpus: 3 }),
    ];
    await engine.submit(first);
    await running(first);
    await engine.submit(second);
    await queuedFor(second, /exceeded quota: jobs, requested: requests.cpu=1000m/);
    await engine.submit(large);
    expect(await ended(large)).toMatchObject({
      end: 'refused',
      message: expect.stringContaining('larger than the quota') as string,
    });
    await engine.cancel(first.name);
    expect(await ended(second)).toMatchObject({ end: 'succeeded' });
  });

  test('waits in a queue of Kueue', async () => {
    await start();
    const queued = job('echo admitted', { queue: 'research' });
    await engine.submit(queued);
    await queuedFor(queued, /waits for its queue/);
    const { labels } = fake.controllers.jobs.get(queued.name)?.metadata ?? {};
    expect(labels).toMatchObject({ 'kueue.x-k8s.io/queue-name': 'research' });
    fake.controllers.suspend(queued.name, false);
    expect(await ended(queued)).toMatchObject({ end: 'succeeded' });
  });
});

describe('a submission', () => {
  test('whose answer is lost gives one job', async () => {
    await start();
    const given = job('true');
    fake.intercept = ({ method, path }) => {
      if (method !== 'POST' || !path.endsWith('/jobs')) return undefined;
      fake.intercept = () => undefined;
      return 'lost';
    };
    await expect(engine.submit(given)).rejects.toMatchObject({ type: 'BackendUnavailable' });
    await open().submit(given);
    expect(await ended(given)).toMatchObject({ end: 'succeeded' });
    expect(fake.controllers.pods.size).toBe(1);
  });

  test('that died before the variables is completed by the next one', async () => {
    await start();
    const given = job('test -n "$PERENNIAL_JOB_ORDER"');
    fake.intercept = ({ path }) =>
      path.endsWith('/secrets') ? { status: 500, type: 'text/plain', body: 'gone' } : undefined;
    await expect(engine.submit(given)).rejects.toMatchObject({ type: 'BackendUnavailable' });
    fake.intercept = () => undefined;
    await queuedFor(given, /CreateContainerConfigError/);
    await open().submit(given);
    expect(await ended(given)).toMatchObject({ end: 'succeeded' });
  });

  test('is refused when another program made a Job of that name', async () => {
    await start();
    const given = job('true');
    await engine.submit(given);
    const foreign = fake.controllers.jobs.get(given.name);
    if (foreign) foreign.metadata.labels = {};
    await expect(engine.submit(given)).rejects.toMatchObject({
      type: 'InvalidInput',
      message: expect.stringContaining('Perennial did not make') as string,
    });
  });

  test('keeps the signed URL in a Secret, and a cancelled job leaves nothing', async () => {
    await start();
    const given = job('sleep 300');
    await engine.submit(given);
    await running(given);
    expect(
      created('jobs')
        .map(({ body }) => body)
        .join(''),
    ).not.toContain('secret-url');
    const pods = JSON.stringify([...fake.controllers.pods.values()]);
    expect(pods).not.toContain('secret-url');
    expect(pods).toContain('"automountServiceAccountToken":false');
    await engine.cancel(given.name);
    await until(engine, given.name, ({ kind }) => (kind === 'unknown' ? true : null));
    const { jobs: left, pods: leftPods, secrets } = fake.controllers;
    expect([left.size, leftPods.size, secrets.size]).toEqual([0, 0, 0]);
  });
});

describe('answers of Kubernetes', () => {
  const html = (status: number): FakeAnswer => ({ status, type: 'text/html', body: '<h1>' });
  test.each<[string, FakeAnswer, string, RegExp, RegExp]>([
    [
      '401',
      refusal(401, 'Unauthorized', 'Unauthorized'),
      'BackendUnavailable',
      /credentials/,
      /auth whoami/,
    ],
    [
      '403',
      refusal(403, 'Forbidden', 'jobs.batch is forbidden'),
      'BackendUnavailable',
      /does not permit/,
      /Role/,
    ],
    [
      'a full quota',
      refusal(
        403,
        'Forbidden',
        'exceeded quota: q, requested: count/jobs.batch=1, used: count/jobs.batch=5, limited: count/jobs.batch=5',
      ),
      'BackendUnavailable',
      /no quota left/,
      /Wait/,
    ],
    [
      'a policy',
      refusal(403, 'Forbidden', 'admission webhook "p" denied the request: no'),
      'InvalidInput',
      /denied the request/,
      /policy/,
    ],
    [
      'an invalid job',
      refusal(422, 'Invalid', 'spec: Invalid value'),
      'InvalidInput',
      /Invalid value/,
      /.*/,
    ],
    [
      'a missing namespace',
      refusal(404, 'NotFound', 'namespaces "ml" not found'),
      'BackendUnavailable',
      /namespaces "ml" not found/,
      /Create the namespace ml/,
    ],
    [
      'an expired version',
      refusal(410, 'Expired', 'too old resource version'),
      'BackendUnavailable',
      /410/,
      /.*/,
    ],
    [
      'no batch/v1',
      { status: 404, type: 'text/plain', body: '404 page not found' },
      'BackendUnavailable',
      /not as Kubernetes does/,
      /.*/,
    ],
    ['HTML', html(200), 'BackendUnavailable', /not JSON/, /.*/],
    ['an error page', html(502), 'BackendUnavailable', /502/, /.*/],
    [
      'too many requests',
      { ...refusal(429, 'TooManyRequests', 'slow down'), headers: { 'retry-after': '60' } },
      'BackendUnavailable',
      /429/,
      /.*/,
    ],
    [
      'the token',
      { status: 500, body: 'token-of-the-worker' },
      'BackendUnavailable',
      /\*\*\*/,
      /.*/,
    ],
  ])('%s', async (_, answer, type, message, next) => {
    await start();
    fake.intercept = ({ method }) => (method === 'POST' ? answer : undefined);
    const error = (await engine.submit(job('true')).catch((caught: unknown) => caught)) as Error & {
      readonly next?: string;
    };
    expect(error).toMatchObject({ type });
    expect(error.message).toMatch(message);
    expect(error.next ?? '').toMatch(next);
    expect(error.message).not.toContain(fake.token);
  });

  test('a server that asks to wait gets the request again', async () => {
    await start();
    let refusals = 0;
    fake.intercept = ({ method }) => {
      if (method !== 'POST' || refusals === 2) return undefined;
      refusals += 1;
      return { ...refusal(429, 'TooManyRequests', 'slow down'), headers: { 'retry-after': '1' } };
    };
    const given = job('true');
    await engine.submit(given);
    expect(await ended(given)).toMatchObject({ end: 'succeeded' });
  });

  test('a certificate of another authority is refused', async () => {
    await start();
    const { clusters } = JSON.parse(readFileSync(fake.kubeconfig, 'utf8')) as {
      clusters: [{ cluster: { server: string } }];
    };
    const kubeconfig = join(folder, 'unverified');
    const text = buildKubeconfig(clusters[0].cluster.server);
    writeFileSync(
      kubeconfig,
      text.replace('"insecure-skip-tls-verify":true', '"tls-server-name":"x"'),
    );
    await expect(open({ kubeconfig }).state('any')).rejects.toMatchObject({
      type: 'BackendUnavailable',
      message: expect.stringMatching(/certificate/) as string,
    });
  });

  test('a renewed token of the kubeconfig takes effect', async () => {
    await start();
    const right = readFileSync(fake.kubeconfig, 'utf8');
    writeFileSync(fake.kubeconfig, right.replaceAll(fake.token, 'expired'));
    await expect(engine.state('any')).rejects.toThrow('refuses the credentials');
    writeFileSync(fake.kubeconfig, right);
    utimesSync(fake.kubeconfig, new Date(), new Date(Date.now() + 5000));
    expect(await engine.state('any')).toEqual({ kind: 'unknown' });
  });
});

describe('the check', () => {
  const checked = async (): Promise<string> => {
    const { ready, detail } = await engine.check();
    return `${ready ? 'ready' : 'not ready'}: ${detail}`;
  };

  test('names version, namespace, quota, nodes and image, and makes nothing', async () => {
    await start({ quota: { 'requests.cpu': '8', 'requests.memory': '32Gi' } });
    expect(await checked()).toBe(
      'ready: Kubernetes v1.37.0, namespace ml: 8 of 8 CPUs and 32 of 32 GiB free by quota jobs; ' +
        '1 node with at most 16 CPUs, 32 GiB and 2 GPUs; ' +
        `jobs get the image ${fake.image}, and GPUs as nvidia.com/gpu`,
    );
    expect(fake.controllers.jobs.size).toBe(0);
  });

  test('names the rights that the user lacks', async () => {
    await start({ denied: ['delete jobs', 'get pods/log'] });
    expect(await checked()).toMatch(/^not ready: .*may not delete jobs.batch, get pods\/log/);
  });

  test('names a policy of the cluster that would refuse all jobs', async () => {
    await start();
    fake.intercept = ({ path }) =>
      path.endsWith('dryRun=All')
        ? refusal(403, 'Forbidden', 'admission webhook "images" denied the request: registry')
        : undefined;
    expect(await checked()).toMatch(/^not ready: .*would refuse a job: .*denied the request/);
  });

  test('is ready without the right to read quotas and nodes', async () => {
    await start({ denied: ['list nodes', 'list resourcequotas'] });
    expect(await checked()).toMatch(/^ready: .*quota is not readable; its nodes are not readable/);
  });

  test.each([
    ['a kubeconfig that is not there', { kubeconfig: '/nowhere/config' }, /no such file/],
    ['a context that is not there', { context: 'prod' }, /no context prod/],
  ])('names %s', async (_, over, message) => {
    await start({}, over);
    expect(await checked()).toMatch(message);
  });
});

test('the log of a removed pod is empty', async () => {
  await start();
  const given = job('echo words');
  await engine.submit(given);
  const state: EngineJobState = await ended(given);
  expect(state).toMatchObject({ end: 'succeeded' });
  expect(await engine.logs(given.name, 1000)).toBe('words\n');
  await engine.forget(given.name);
  expect(await engine.logs(given.name, 1000)).toBe('');
});
