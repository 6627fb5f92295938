import { setTimeout as sleep } from 'node:timers/promises';
import type { z } from 'zod';
import { failure, type PerennialError } from '../../../../domain/failure';
import {
  askEngine,
  excerpt,
  readAnswer,
  formatCall,
  unavailable,
  type EngineAnswer,
  type EngineCall,
} from '../engine-request';
import { openAccess, type KubernetesAccess } from './access';
import {
  deletedSchema,
  eventListSchema,
  jobSchema,
  nodeListSchema,
  podListSchema,
  quotaListSchema,
  reviewSchema,
  secretSchema,
  statusSchema,
  versionSchema,
  type KubernetesJob,
  type KubernetesNode,
  type KubernetesPod,
  type KubernetesQuota,
  type KubernetesStatus,
} from './answers.schema';
import { exceededQuota } from './quota';

/** A right that a call needs, as Kubernetes reviews it. */
export interface KubernetesRight {
  readonly verb: string;
  readonly group: '' | 'batch';
  readonly resource: string;
  readonly subresource?: string;
}

/** The calls of the API of Kubernetes that jobs need. All are of one namespace. */
export interface KubernetesApi {
  readonly namespace: string;
  job(name: string): Promise<KubernetesJob | null>;
  /** Null if the namespace has a job of that name. */
  createJob(manifest: object): Promise<KubernetesJob | null>;
  /** Asks whether the cluster would accept the job. It creates nothing. */
  tryJob(manifest: object): Promise<void>;
  /** Harmless if the namespace has it. */
  createSecret(manifest: object): Promise<void>;
  /** Ends the pods too. Harmless if the job does not exist. */
  deleteJob(name: string): Promise<void>;
  pods(selector: string): Promise<readonly KubernetesPod[]>;
  /** The last lines of what the pod wrote. Empty if its container did not start. */
  lastLines(pod: string, lines: number): Promise<string>;
  /** Messages of the events of a job with that reason. Empty without the right to read them. */
  listEvents(job: string, reason: string): Promise<readonly string[]>;
  /** Null without the right to read them. */
  quotas(): Promise<readonly KubernetesQuota[] | null>;
  /** All nodes that take pods; null without the right to read them. */
  nodes(): Promise<readonly KubernetesNode[] | null>;
  version(): Promise<string>;
  isAllowed(right: KubernetesRight): Promise<boolean>;
}

const container = 'job';
/** A server that is overloaded says when to ask again. */
const maxWaitSeconds = 10;
const maxWaits = 3;

export function openKubernetesApi(access: KubernetesAccess, namespace: string): KubernetesApi {
  const connect = openAccess(access);
  const core = `/api/v1/namespaces/${namespace}`;
  const jobs = `/apis/batch/v1/namespaces/${namespace}/jobs`;

  const sendOnce = async (method: EngineCall['method'], path: string, body?: unknown) => {
    const { server, headers, secrets, dispatcher } = await connect();
    const ask: EngineCall = {
      engine: `Kubernetes at ${server}`,
      url: `${server}${path}`,
      method,
      headers,
      secrets,
      dispatcher,
      ...(body !== undefined && { body }),
    };
    try {
      return { ask, answer: await askEngine(ask) };
    } finally {
      await dispatcher.destroy();
    }
  };
  const send = async (method: EngineCall['method'], path: string, body?: unknown) => {
    for (let waits = 0; ; waits += 1) {
      const sent = await sendOnce(method, path, body);
      const { status, retryAfterSeconds: seconds } = sent.answer;
      const isBusy = (status === 429 || status === 503) && seconds !== null;
      if (!isBusy || seconds > maxWaitSeconds || waits === maxWaits) return sent;
      await sleep(seconds * 1000);
    }
  };
  const call = async <Schema extends z.ZodType>(
    method: EngineCall['method'],
    path: string,
    schema: Schema,
    body?: unknown,
  ): Promise<z.output<Schema>> => {
    const { ask, answer } = await send(method, path, body);
    if (answer.status >= 300) throw buildRefusal(ask, answer, namespace);
    return readAnswer(ask, answer, schema);
  };
  /** Null if the object does not exist. */
  const callApi = async <Schema extends z.ZodType>(
    method: EngineCall['method'],
    path: string,
    schema: Schema,
    body?: unknown,
  ): Promise<z.output<Schema> | null> => {
    const { ask, answer } = await send(method, path, body);
    if (answer.status === 404 && parseStatus(answer)?.reason === 'NotFound') return null;
    if (answer.status >= 300) throw buildRefusal(ask, answer, namespace);
    return readAnswer(ask, answer, schema);
  };
  /** Null without the right. */
  const callIfAllowed = async <Schema extends z.ZodType>(
    path: string,
    schema: Schema,
  ): Promise<z.output<Schema> | null> => {
    const { ask, answer } = await send('GET', path);
    if (answer.status === 403) return null;
    if (answer.status >= 300) throw buildRefusal(ask, answer, namespace);
    return readAnswer(ask, answer, schema);
  };
  /** Null if an object of that name exists. */
  const create = async <Schema extends z.ZodType>(
    path: string,
    schema: Schema,
    manifest: object,
  ): Promise<z.output<Schema> | null> => {
    const { ask, answer } = await send('POST', path, manifest);
    if (answer.status === 409 && parseStatus(answer)?.reason === 'AlreadyExists') return null;
    if (answer.status >= 300) throw buildRefusal(ask, answer, namespace);
    return readAnswer(ask, answer, schema);
  };

  return {
    namespace,
    job: (name) => callApi('GET', `${jobs}/${name}`, jobSchema),
    createJob: (manifest) => create(jobs, jobSchema, manifest),
    async tryJob(manifest) {
      await call('POST', `${jobs}?dryRun=All`, jobSchema, manifest);
    },
    async createSecret(manifest) {
      await create(`${core}/secrets`, secretSchema, manifest);
    },
    async deleteJob(name) {
      await callApi('DELETE', `${jobs}/${name}`, deletedSchema, {
        apiVersion: 'v1',
        kind: 'DeleteOptions',
        propagationPolicy: 'Background',
      });
    },
    async pods(selector) {
      const query = new URLSearchParams({ labelSelector: selector });
      return (await call('GET', `${core}/pods?${query.toString()}`, podListSchema)).items;
    },
    async lastLines(pod, lines) {
      const query = new URLSearchParams({ container, tailLines: String(lines) });
      const { ask, answer } = await send('GET', `${core}/pods/${pod}/log?${query.toString()}`);
      // The container has not started, or its node has removed the log.
      if (answer.status === 400 || answer.status === 404) return '';
      if (answer.status >= 300) throw buildRefusal(ask, answer, namespace);
      return answer.text;
    },
    async listEvents(job, reason) {
      const fields = `involvedObject.kind=Job,involvedObject.name=${job},reason=${reason}`;
      const query = new URLSearchParams({ fieldSelector: fields });
      const found = await callIfAllowed(`${core}/events?${query.toString()}`, eventListSchema);
      return (found?.items ?? []).map(({ message }) => message ?? '');
    },
    async quotas() {
      return (await callIfAllowed(`${core}/resourcequotas`, quotaListSchema))?.items ?? null;
    },
    async nodes() {
      const found = await callIfAllowed('/api/v1/nodes', nodeListSchema);
      return found === null ? null : found.items.filter(takesPods);
    },
    async version() {
      return (await call('GET', '/version', versionSchema)).gitVersion;
    },
    async isAllowed(right) {
      const { status } = await call(
        'POST',
        '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews',
        reviewSchema,
        {
          apiVersion: 'authorization.k8s.io/v1',
          kind: 'SelfSubjectAccessReview',
          spec: { resourceAttributes: { namespace, ...right } },
        },
      );
      return status.allowed;
    },
  };
}

function takesPods({ spec, status }: KubernetesNode): boolean {
  const ready = status?.conditions?.find(({ type }) => type === 'Ready');
  return spec?.unschedulable !== true && ready?.status === 'True';
}

function parseStatus({ text }: EngineAnswer): KubernetesStatus | null {
  try {
    return statusSchema.parse(JSON.parse(text));
  } catch {
    return null;
  }
}

/** A refusal that another attempt would meet as well is `InvalidInput`. */
function buildRefusal(ask: EngineCall, answer: EngineAnswer, namespace: string): PerennialError {
  const status = parseStatus(answer);
  const message = excerpt(status?.message ?? answer.text, ask.secrets);
  const refuseAnswer = (next?: string): PerennialError =>
    failure('InvalidInput', `${ask.engine} refuses the job: ${message} (${formatCall(ask)})`, {
      ...(next !== undefined && { next }),
    });
  const away = (what: string, next: string): PerennialError =>
    failure('BackendUnavailable', `${ask.engine} ${what} (${formatCall(ask)})`, { next });
  if (status === null)
    return unavailable(ask, `answered HTTP ${answer.status}, not as Kubernetes does: ${message}`);
  switch (answer.status) {
    case 401:
      return away(
        'refuses the credentials (HTTP 401)',
        'Renew the token or the certificate of the kubeconfig. kubectl auth whoami shows its user',
      );
    case 403: {
      const quota = exceededQuota(status.message ?? '');
      if (quota?.isTooLarge)
        return refuseAnswer('Request less, or raise the quota of the namespace');
      if (quota !== null)
        return away(`has no quota left: ${message}`, 'Wait for other jobs, or raise the quota');
      if (/admission webhook|denied the request|violates|ValidatingAdmissionPolicy/.test(message))
        return refuseAnswer('Change the job, or the policy of the cluster');
      return away(
        `does not permit the call: ${message}`,
        `Grant the Role of docs/guides/engines.md in the namespace ${namespace}. ` +
          'perennial compute list names the missing rights',
      );
    }
    case 404:
      return away(
        `has no such path or namespace: ${message}`,
        `Create the namespace ${namespace}, or set PERENNIAL_KUBERNETES_NAMESPACE to another one`,
      );
    case 400:
    case 422:
      return refuseAnswer();
    default:
      return unavailable(ask, `answered HTTP ${answer.status}: ${message}`);
  }
}
