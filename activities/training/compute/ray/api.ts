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
import { readToken, type EngineToken } from '../engine-token';
import {
  rayDeletedSchema,
  rayJobSchema,
  rayNodesSchema,
  rayStoppedSchema,
  raySubmittedSchema,
  rayUsageSchema,
  rayVersionSchema,
  type RayJob,
  type RayNode,
} from './answers.schema';

export interface RayAccess {
  /** Address of the dashboard of the head, such as `http://head:8265`. */
  readonly url: string;
  /** For clusters with token authentication (RAY_AUTH_MODE=token), or a proxy that asks for one. */
  readonly token?: EngineToken;
}

/** The calls of Ray's REST APIs that jobs need. */
export interface RayApi {
  job(name: string): Promise<RayJob | null>;
  submit(submission: object): Promise<void>;
  /** Harmless if the job has ended or does not exist. */
  stop(name: string): Promise<void>;
  /** Removes the record of an ended job. Harmless for any other. */
  remove(name: string): Promise<void>;
  /** The last lines of what the job wrote. Empty if its node has no such file. */
  lastLines(name: string, node: string, lines: number): Promise<string>;
  version(): Promise<string>;
  nodes(): Promise<RayNode[]>;
  /** Used and total amounts by resource, if the cluster reports them. */
  usage(): Promise<Readonly<Record<string, readonly number[]>>>;
}

export function openRayApi(access: RayAccess): RayApi {
  const send = async (
    method: EngineCall['method'],
    path: string,
    body?: unknown,
  ): Promise<{ readonly ask: EngineCall; readonly answer: EngineAnswer }> => {
    const engine = `Ray at ${access.url}`;
    const token = access.token === undefined ? null : await readToken(access.token, engine);
    const ask: EngineCall = {
      engine,
      url: `${access.url.replace(/\/+$/, '')}${path}`,
      method,
      headers: token === null ? {} : { authorization: `Bearer ${token}` },
      secrets: token === null ? [] : [token],
      ...(body !== undefined && { body }),
    };
    const answer = await askEngine(ask);
    if (answer.status === 401 || answer.status === 403) throw tokenRefused(ask, answer);
    return { ask, answer };
  };
  const call = async <Schema extends z.ZodType>(
    method: EngineCall['method'],
    path: string,
    schema: Schema,
    body?: unknown,
  ): Promise<z.output<Schema>> => {
    const { ask, answer } = await send(method, path, body);
    if (answer.status >= 300) throw buildRefusal(ask, answer);
    return readAnswer(ask, answer, schema);
  };
  /** The answer, or null if Ray does not know the job. */
  const callOfJob = async <Schema extends z.ZodType>(
    method: EngineCall['method'],
    path: string,
    schema: Schema,
  ): Promise<z.output<Schema> | null> => {
    const { ask, answer } = await send(method, path);
    if (answer.status === 404 && /^Job \S+ does not exist/.test(answer.text)) return null;
    if (answer.status >= 300) throw buildRefusal(ask, answer);
    return readAnswer(ask, answer, schema);
  };

  return {
    job: (name) => callOfJob('GET', `/api/jobs/${name}`, rayJobSchema),
    async submit(submission) {
      await call('POST', '/api/jobs/', raySubmittedSchema, submission);
    },
    async stop(name) {
      await callOfJob('POST', `/api/jobs/${name}/stop`, rayStoppedSchema);
    },
    async remove(name) {
      try {
        await callOfJob('DELETE', `/api/jobs/${name}`, rayDeletedSchema);
      } catch (error) {
        if (!/non-terminal state/.test(String(error))) throw error;
      }
    },
    async lastLines(name, node, lines) {
      const file = `job-driver-${name}.log`;
      const query = new URLSearchParams({ node_id: node, filename: file, lines: String(lines) });
      const { answer } = await send('GET', `/api/v0/logs/file?${query.toString()}`);
      return answer.status === 200 ? answer.text : '';
    },
    async version() {
      return (await call('GET', '/api/version', rayVersionSchema)).ray_version;
    },
    async nodes() {
      const { data } = await call('GET', '/api/v0/nodes?detail=1&limit=10000', rayNodesSchema);
      return data.result.result.filter(({ state }) => state === 'ALIVE');
    },
    async usage() {
      const { data } = await call('GET', '/api/cluster_status', rayUsageSchema);
      return data.clusterStatus?.loadMetricsReport?.usage ?? {};
    },
  };
}

function tokenRefused(ask: EngineCall, answer: EngineAnswer): PerennialError {
  return failure(
    'BackendUnavailable',
    `${ask.engine} refuses the token (HTTP ${answer.status}, ${formatCall(ask)})`,
    { next: 'Set the token of this cluster in the settings, or renew it' },
  );
}

/**
 * Ray answers a refusal with a Python traceback, and the head answers 500 where its agent answers
 * 400. The last line of the traceback names the reason.
 */
function buildRefusal(ask: EngineCall, { status, text }: EngineAnswer): PerennialError {
  const reason = excerpt(lastReason(text), ask.secrets);
  const agentRefuses = /Request failed with status code 4\d\d/.test(text);
  const isRefusal = text.startsWith('Traceback') && (status === 400 || agentRefuses);
  if (isRefusal)
    return failure('InvalidInput', `${ask.engine} refuses the job: ${reason} (${formatCall(ask)})`);
  return unavailable(ask, `answered HTTP ${status}: ${reason}`);
}

function lastReason(text: string): string {
  const lines = text.split('\n').map((line) => line.trim());
  return lines.filter((line) => /[A-Za-z]/.test(line)).at(-1) ?? 'no reason';
}
