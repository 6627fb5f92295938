/**
 * A small Kubernetes on this machine: an API server over HTTPS that checks every object with the
 * official schemas, and runs the containers of pods as processes.
 */
import { randomUUID } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openDeathWatch } from '../../../../infra/death-watch';
import { ensureStoreCertificates } from '../../../../infra/embedded/store-certificates';
import type { FakeAnswer, FakeRequest } from '../fake-engine';
import { FakeControllers, type ClusterSettings } from './controllers';
import { now, type FakeJob, type FakeNode, type FakeSecret } from './objects';
import { compileSchemas, kubernetesVersions, findSchemaError } from './schemas';

export interface FakeKubernetesSettings extends Partial<ClusterSettings> {
  /** Rights that the user lacks, such as `create jobs` or `list nodes`. */
  readonly denied?: readonly string[];
}

export interface FakeKubernetes {
  readonly namespace: string;
  readonly image: string;
  readonly kubeconfig: string;
  readonly token: string;
  readonly requests: readonly FakeRequest[];
  /** Objects of the server itself that the official schemas refuse. */
  readonly violations: readonly string[];
  readonly controllers: FakeControllers;
  /** Answers instead of the server: `lost` does the work and closes the connection. */
  intercept: (request: FakeRequest) => FakeAnswer | 'lost' | undefined;
  readonly close: () => Promise<void>;
}

const namespace = 'ml';
const image = 'registry.example.com/perennial-job:test';
const token = 'token-of-the-worker';
const user = `system:serviceaccount:${namespace}:worker`;

export async function startFakeKubernetes({
  denied = [],
  ...over
}: FakeKubernetesSettings = {}): Promise<FakeKubernetes> {
  compileSchemas();
  const folder = mkdtempSync(join(tmpdir(), 'perennial-kubernetes-'));
  const files = await ensureStoreCertificates(join(folder, 'tls'));
  const settings: ClusterSettings = {
    nodes: [{ name: 'node-1', cpu: '16', memory: '32Gi', gpus: 2 }],
    images: new Set([image]),
    quota: { 'requests.cpu': '5000', 'requests.memory': '4Pi' },
    saysNotHelpful: true,
    ...over,
  };
  const watch = openDeathWatch();
  const controllers = new FakeControllers(settings, namespace, folder, watch);
  const api = new FakeApi(controllers, settings, denied);
  const requests: FakeRequest[] = [];
  const server = createServer(
    { cert: readFileSync(files.cert), key: readFileSync(files.key) },
    (incoming, response) => {
      let body = '';
      incoming.setEncoding('utf8');
      incoming.on('data', (chunk: string) => (body += chunk));
      incoming.on('end', () => {
        const request = toRequest(incoming, body);
        requests.push(request);
        const other = fake.intercept(request);
        const answer = typeof other === 'object' ? other : api.answer(request);
        if (other === 'lost') incoming.socket.destroy();
        else write(response, answer);
      });
    },
  );
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const kubeconfig = join(folder, 'kubeconfig');
  writeFileSync(kubeconfig, buildKubeconfig(url, { ca: readFileSync(files.ca), token }));
  const fake: FakeKubernetes = {
    namespace,
    image,
    kubeconfig,
    token,
    requests,
    violations: api.violations,
    controllers,
    intercept: () => undefined,
    async close() {
      await controllers.close();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      await watch.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
  return fake;
}

/** Without an authority, the connection is not verified. */
export function buildKubeconfig(
  server: string,
  { ca, token: given }: { readonly ca?: Buffer; readonly token?: string } = {},
): string {
  const authority =
    ca === undefined
      ? { 'insecure-skip-tls-verify': true }
      : { 'certificate-authority-data': ca.toString('base64') };
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': 'test',
    contexts: [{ name: 'test', context: { cluster: 'test', user: 'worker' } }],
    clusters: [{ name: 'test', cluster: { server, ...authority } }],
    users: [{ name: 'worker', user: { token: given ?? token } }],
  });
}

class FakeApi {
  readonly violations: string[] = [];

  private readonly controllers: FakeControllers;
  private readonly settings: ClusterSettings;
  private readonly denied: readonly string[];

  constructor(controllers: FakeControllers, settings: ClusterSettings, denied: readonly string[]) {
    this.controllers = controllers;
    this.settings = settings;
    this.denied = denied;
  }

  answer({ method, path, headers, body }: FakeRequest): FakeAnswer {
    const url = new URL(path, 'https://cluster');
    if (headers['authorization'] !== `Bearer ${token}`)
      return refusal(401, 'Unauthorized', 'Unauthorized');
    if (url.pathname === '/version')
      return { body: { major: '1', minor: '37', gitVersion: 'v1.37.0' } };
    const reviews = '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews';
    if (url.pathname === reviews) return this.review(body);
    if (url.pathname === '/api/v1/nodes')
      return this.list('Node', this.settings.nodes.map(nodeObject), 'nodes');
    const [, group, space, resource = '', name, subresource] =
      /^\/(api|apis\/batch)\/v1\/namespaces\/([^/]+)\/([^/]+)(?:\/([^/]+))?(?:\/([^/]+))?$/.exec(
        url.pathname,
      ) ?? [];
    if (group === undefined || (resource === 'jobs') !== (group === 'apis/batch'))
      return { status: 404, type: 'text/plain', body: '404 page not found\n' };
    if (space !== namespace)
      return refusal(404, 'NotFound', `namespaces "${space ?? ''}" not found`);
    const verb = findVerb(method, name);
    const right = [verb, [resource, subresource].filter(Boolean).join('/')].join(' ');
    if (this.denied.includes(right)) return forbidden(verb, resource);
    switch (right) {
      case 'create jobs':
        return this.createJob(body, url.searchParams.get('dryRun') === 'All');
      case 'get jobs':
        return this.found('Job', this.controllers.jobs.get(name ?? ''), 'jobs.batch', name);
      case 'delete jobs':
        return this.deleteJob(name ?? '', body);
      case 'create secrets':
        return this.createSecret(body);
      case 'list pods':
        return this.list('Pod', this.listPods(url.searchParams.get('labelSelector') ?? ''), 'pods');
      case 'get pods/log':
        return this.log(name ?? '', Number(url.searchParams.get('tailLines') ?? Infinity));
      case 'list events':
        return this.list(
          'Event',
          this.listEvents(url.searchParams.get('fieldSelector') ?? ''),
          'events',
        );
      case 'list resourcequotas':
        return this.list('ResourceQuota', this.quotaObjects(), 'resourcequotas');
      default:
        return refusal(405, 'MethodNotAllowed', `the server does not allow this method: ${right}`);
    }
  }

  private review(body: string): FakeAnswer {
    const refused = invalid('SelfSubjectAccessReview', body);
    if (refused) return refused;
    const review = JSON.parse(body) as {
      spec: { resourceAttributes: { verb: string; resource: string; subresource?: string } };
    };
    const { verb, resource, subresource } = review.spec.resourceAttributes;
    const right = `${verb} ${[resource, subresource].filter(Boolean).join('/')}`;
    const status = { allowed: !this.denied.includes(right) };
    return this.ok('SelfSubjectAccessReview', { ...review, status }, 201);
  }

  private createJob(body: string, isTry: boolean): FakeAnswer {
    const refused = invalid('Job', body);
    if (refused) return refused;
    const job = JSON.parse(body) as FakeJob;
    const { name } = job.metadata;
    const wrong = wrongIn(job);
    if (wrong !== null) return refusal(422, 'Invalid', `Job.batch "${name}" is invalid: ${wrong}`);
    if (this.controllers.jobs.has(name)) return exists('jobs.batch', name);
    const isQueued = job.metadata.labels?.['kueue.x-k8s.io/queue-name'] !== undefined;
    const made: FakeJob = {
      ...job,
      metadata: { ...job.metadata, namespace, uid: randomUUID(), creationTimestamp: now() },
      // Kueue's webhook suspends the jobs of its queues.
      spec: { ...job.spec, suspend: isQueued },
      status: { conditions: [] },
    };
    if (!isTry) this.controllers.addJob(made);
    return this.ok('Job', made, 201);
  }

  private deleteJob(name: string, body: string): FakeAnswer {
    if (body !== '') {
      const refused = invalid('DeleteOptions', body);
      if (refused) return refused;
    }
    if (!this.controllers.jobs.has(name)) return notFound('jobs.batch', name);
    this.controllers.deleteJob(name);
    return this.ok('Status', {
      apiVersion: 'v1',
      kind: 'Status',
      metadata: {},
      status: 'Success',
      details: { name, group: 'batch', kind: 'jobs' },
    });
  }

  private createSecret(body: string): FakeAnswer {
    const refused = invalid('Secret', body);
    if (refused) return refused;
    const secret = JSON.parse(body) as FakeSecret;
    const { name } = secret.metadata;
    if (this.controllers.secrets.has(name)) return exists('secrets', name);
    const wrong = Object.keys(secret.data).find((key) => !/^[-._a-zA-Z0-9]{1,253}$/.test(key));
    if (wrong !== undefined)
      return refusal(422, 'Invalid', `Secret "${name}" is invalid: data[${wrong}]`);
    this.controllers.secrets.set(name, secret);
    return this.ok('Secret', secret, 201);
  }

  private log(name: string, lines: number): FakeAnswer {
    const pod = this.controllers.pods.get(name);
    if (!pod) return notFound('pods', name);
    const text = this.controllers.log(name);
    if (text === null)
      return refusal(
        400,
        'BadRequest',
        `container "job" in pod "${name}" is waiting to start: ContainerCreating`,
      );
    const all = text.split(/(?<=\n)/);
    return { type: 'text/plain', body: all.slice(-lines).join('') };
  }

  private listPods(selector: string): object[] {
    const [label = '', value] = selector.split('=');
    return [...this.controllers.pods.values()].filter(
      ({ metadata }) => metadata.labels?.[label] === value,
    );
  }

  private listEvents(selector: string): object[] {
    const fields = new Map(selector.split(',').map((each) => each.split('=') as [string, string]));
    return this.controllers.events
      .filter(
        ({ job, reason }) =>
          job === fields.get('involvedObject.name') && reason === fields.get('reason'),
      )
      .map(({ job, reason, message }, index) => ({
        apiVersion: 'v1',
        kind: 'Event',
        metadata: { name: `${job}.${index}`, namespace, uid: randomUUID() },
        involvedObject: { apiVersion: 'batch/v1', kind: 'Job', name: job, namespace },
        reason,
        message,
        type: 'Warning',
      }));
  }

  private quotaObjects(): object[] {
    const { quota } = this.settings;
    if (quota === null) return [];
    const amounts = this.controllers.used(null);
    const used = Object.fromEntries(
      Object.keys(quota).map((name) => [name, String(amounts[name.replace('requests.', '')] ?? 0)]),
    );
    const metadata = { name: 'jobs', namespace, uid: randomUUID() };
    const status = { hard: quota, used };
    return [{ apiVersion: 'v1', kind: 'ResourceQuota', metadata, spec: { hard: quota }, status }];
  }

  private list(kind: string, items: readonly object[], resource: string): FakeAnswer {
    if (this.denied.includes(`list ${resource}`)) return forbidden('list', resource);
    for (const item of items) this.assertValid(kind, item);
    return { body: { apiVersion: 'v1', kind: `${kind}List`, metadata: {}, items } };
  }

  private found(kind: string, object: object | undefined, resource: string, name = ''): FakeAnswer {
    return object ? this.ok(kind, object) : notFound(resource, name);
  }

  private ok(kind: string, object: object, status = 200): FakeAnswer {
    this.assertValid(kind, object);
    return { status, body: object };
  }

  /** What this server sends must be what Kubernetes could send. */
  private assertValid(kind: string, object: object): void {
    const error = findSchemaError('1.37', kind, JSON.parse(JSON.stringify(object)));
    if (error !== null) this.violations.push(`${kind}: ${error}`);
  }
}

function toRequest({ method = '', url = '', headers }: IncomingMessage, body: string): FakeRequest {
  return { method, path: url, headers, body };
}

function write(response: ServerResponse, answer: FakeAnswer): void {
  const { status = 200, type = 'application/json', body } = answer;
  response
    .writeHead(status, { 'content-type': type, ...answer.headers })
    .end(typeof body === 'string' ? body : JSON.stringify(body));
}

function findVerb(method: string, name: string | undefined): string {
  if (method === 'POST') return 'create';
  if (method === 'DELETE') return 'delete';
  return name === undefined ? 'list' : 'get';
}

/** Refuses what the oldest or the newest version does not know. */
function invalid(kind: string, body: string): FakeAnswer | null {
  for (const version of kubernetesVersions) {
    const error = findSchemaError(version, kind, JSON.parse(body));
    if (error !== null)
      return refusal(400, 'BadRequest', `strict decoding error of ${version}: ${error}`);
  }
  return null;
}

/** The rules of Kubernetes beyond the schemas, and the pod security standard `restricted`. */
function wrongIn({ metadata, spec }: FakeJob): string | null {
  const pod = spec.template.spec;
  const labels = Object.values({ ...metadata.labels, ...spec.template.metadata?.labels });
  const rules: readonly (readonly [boolean, string])[] = [
    [/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/.test(metadata.name), 'metadata.name: not a DNS label'],
    [
      labels.every((each) => /^([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?$/.test(each)),
      'metadata.labels: invalid value',
    ],
    [
      pod.restartPolicy === 'Never',
      'spec.template.spec.restartPolicy: only Never with podFailurePolicy',
    ],
    [
      pod.securityContext?.['runAsNonRoot'] === true,
      'violates PodSecurity "restricted": runAsNonRoot',
    ],
    [
      JSON.stringify(pod.securityContext?.['seccompProfile']) === '{"type":"RuntimeDefault"}',
      'violates PodSecurity "restricted": seccompProfile',
    ],
    ...pod.containers.flatMap(({ securityContext, resources }) => [
      [
        securityContext?.['allowPrivilegeEscalation'] === false,
        'violates PodSecurity "restricted": allowPrivilegeEscalation',
      ] as const,
      [
        JSON.stringify(securityContext?.['capabilities']) === '{"drop":["ALL"]}',
        'violates PodSecurity "restricted": capabilities',
      ] as const,
      [
        JSON.stringify(resources.requests) === JSON.stringify(resources.limits),
        'resources: GPUs need equal requests and limits',
      ] as const,
    ]),
  ];
  return rules.find(([holds]) => !holds)?.[1] ?? null;
}

function nodeObject(node: FakeNode): object {
  const { name, cpu, memory, gpus } = node;
  return {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name, uid: randomUUID() },
    spec: {},
    status: {
      allocatable: { cpu, memory, 'nvidia.com/gpu': String(gpus) },
      conditions: [{ type: 'Ready', status: 'True', reason: 'KubeletReady' }],
    },
  };
}

export function refusal(
  status: number,
  reason: string,
  message: string,
  details?: object,
): FakeAnswer {
  return {
    status,
    body: {
      apiVersion: 'v1',
      kind: 'Status',
      metadata: {},
      status: 'Failure',
      message,
      reason,
      code: status,
      ...(details && { details }),
    },
  };
}

function notFound(resource: string, name: string): FakeAnswer {
  const [kind = ''] = resource.split('.');
  return refusal(404, 'NotFound', `${resource} "${name}" not found`, { name, kind });
}

function exists(resource: string, name: string): FakeAnswer {
  return refusal(409, 'AlreadyExists', `${resource} "${name}" already exists`, { name });
}

function forbidden(verb: string, resource: string): FakeAnswer {
  return refusal(
    403,
    'Forbidden',
    `${resource} is forbidden: User "${user}" cannot ${verb} resource "${resource}" in API group ` +
      `"" in the namespace "${namespace}"`,
  );
}
