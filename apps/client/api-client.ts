import { createReadStream } from 'node:fs';
import type { Dispatcher } from 'undici';
import { request } from 'undici';
import type { Issue } from '../../domain/failure';
import { formatIssue } from '../../domain/document/issue-text';
import {
  requestPath,
  type AnswerOf,
  type Input,
  type Inputs,
  type ItemOf,
  type OperationName,
} from './operation';
import { ApiError } from './api-error';
import { clientVersionHeader, perennialVersion } from '../../domain/version';

export interface ApiTarget {
  readonly apiUrl: string;
  readonly apiKey: string;
  /** The reason of a change, for the audit log. */
  readonly reason?: string | undefined;
}

/** Options of a call besides its input. */
export interface CallSettings {
  readonly headers?: Readonly<Record<string, string>>;
  /** Seconds until the response begins; 60 by default. */
  readonly timeoutSeconds?: number;
  /** A file that is sent as the body. */
  readonly file?: string;
  /** Cancels the request. */
  readonly signal?: AbortSignal | undefined;
}

/** Calls operations of the API by name, such as `GET /runs/{id}`. */
export interface ApiClient {
  readonly target: ApiTarget;
  /** @throws ApiError with the message and the next step of the API. */
  call<N extends OperationName>(name: N, ...input: Inputs<N, CallSettings>): Promise<AnswerOf<N>>;
  /** Every item of a list, page by page, up to `limit`. */
  list<N extends OperationName>(
    name: N,
    input?: Input<N> & CallSettings,
    limit?: number,
  ): Promise<readonly ItemOf<N>[]>;
  /** The same page by page, for lists that may not fit into memory. */
  pages<N extends OperationName>(
    name: N,
    input: Input<N>,
    limit?: number,
  ): AsyncIterable<readonly ItemOf<N>[]>;
  text<N extends OperationName>(name: N, input: Input<N>): Promise<string>;
  bytes<N extends OperationName>(name: N, input: Input<N>): Promise<Uint8Array>;
  etag<N extends OperationName>(name: N, input: Input<N>): Promise<string>;
}

interface AnyInput extends CallSettings {
  readonly path?: object;
  readonly query?: object;
  readonly body?: unknown;
}

interface ProblemBody {
  readonly detail?: string;
  readonly code?: string;
  readonly next?: string;
  readonly errors?: readonly Issue[];
}

export function createApiClient(target: ApiTarget): ApiClient {
  const send = async (name: OperationName, input: AnyInput) => {
    const { body, file, headers = {}, timeoutSeconds = 60, signal = null } = input;
    const [method = 'GET'] = name.split(' ');
    const type = file === undefined ? 'application/json' : 'application/octet-stream';
    const content = body === undefined && file === undefined ? {} : { 'content-type': type };
    const sent = body === undefined ? null : JSON.stringify(body);
    try {
      return await request(`${target.apiUrl}/api/v1${requestPath(name, input)}`, {
        method: method,
        headers: { ...usualHeaders(target), ...content, ...headers },
        body: file === undefined ? sent : createReadStream(file),
        headersTimeout: timeoutSeconds * 1000,
        signal,
      });
    } catch (error) {
      if (signal?.aborted) throw error;
      const cause = error instanceof Error ? error.message : String(error);
      throw new ApiError(`the API at ${target.apiUrl} is not reachable (${cause})`, {
        code: 'Unreachable',
        next: 'perennial up',
        cause: error,
      });
    }
  };
  const checked = async (name: OperationName, input: AnyInput) => {
    const answer = await send(name, input);
    if (answer.statusCode < 400) return answer;
    throw await refusalOf(answer);
  };
  const pages = async function* <N extends OperationName>(
    name: N,
    input: AnyInput,
    limit = Infinity,
  ): AsyncGenerator<readonly ItemOf<N>[]> {
    let read = 0;
    for (let token: string | undefined | null; token !== null && read < limit;) {
      const page = { pageSize: Math.min(200, limit - read), pageToken: token };
      const answer = await checked(name, { ...input, query: { ...input.query, ...page } });
      const { items, nextPageToken } = (await answer.body.json()) as {
        readonly items: readonly ItemOf<N>[];
        readonly nextPageToken: string | null;
      };
      yield items;
      read += items.length;
      token = nextPageToken;
    }
  };
  return {
    target,
    pages,
    async list<N extends OperationName>(name: N, input: AnyInput = {}, limit = 1000) {
      const items: ItemOf<N>[] = [];
      for await (const page of pages<N>(name, input, limit)) items.push(...page);
      return items;
    },
    async call<N extends OperationName>(name: N, input: AnyInput = {}) {
      return (await (await checked(name, input)).body.json()) as AnswerOf<N>;
    },
    text: async (name, input) => (await checked(name, input)).body.text(),
    bytes: async (name, input) => (await checked(name, input)).body.bytes(),
    async etag(name, input) {
      const answer = await checked(name, input);
      await answer.body.dump();
      return String(answer.headers.etag);
    },
  };
}

/** The headers of every request. */
export function usualHeaders({ apiKey, reason }: Omit<ApiTarget, 'apiUrl'>) {
  return {
    authorization: `Bearer ${apiKey}`,
    [clientVersionHeader]: perennialVersion,
    ...(reason === undefined ? {} : { 'x-perennial-reason': encodeURIComponent(reason) }),
  };
}

/** The message, the places and the next step of the API. */
export async function refusalOf({
  statusCode: status,
  body,
}: Dispatcher.ResponseData): Promise<ApiError> {
  const problem = problemIn(await body.text());
  const { detail = `the API responded with ${status}`, code = 'UnexpectedResponse' } = problem;
  const { next, errors: issues = [] } = problem;
  // Short messages already contain their issues.
  const lines = issues
    .filter((issue) => !detail.includes(issue.detail))
    .map((issue) => `  ${formatIssue(issue)}`);
  return new ApiError([detail, ...lines].join('\n'), { code, next, status, issues });
}

function problemIn(text: string): ProblemBody {
  try {
    return JSON.parse(text) as ProblemBody;
  } catch {
    // The response is not from the API, but perhaps from a proxy.
    return {};
  }
}
