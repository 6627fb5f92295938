import { open } from 'node:fs/promises';
import type { Readable } from 'node:stream';
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
    const upload = file === undefined ? null : await openUpload(file);
    try {
      return await request(`${target.apiUrl}/api/v1${requestPath(name, input)}`, {
        method: method,
        headers: { ...defaultHeaders(target), ...content, ...headers },
        body: upload ?? sent,
        headersTimeout: timeoutSeconds * 1000,
        signal,
      });
    } catch (error) {
      upload?.destroy();
      if (signal?.aborted) throw error;
      throw unreachable(`the API at ${target.apiUrl} is not reachable`, error);
    }
  };
  /** Reads a body, which may break off or not be of the API. */
  const readBody = async <T>(
    { body, statusCode: status }: Dispatcher.ResponseData,
    how: (body: Dispatcher.ResponseData['body']) => Promise<T>,
    signal?: AbortSignal,
  ): Promise<T> => {
    try {
      return await how(body);
    } catch (error) {
      if (signal?.aborted) throw error;
      if (error instanceof SyntaxError)
        throw unexpectedResponse(`the API at ${target.apiUrl} responded with no JSON`, status);
      throw unreachable(`the response of the API at ${target.apiUrl} broke off`, error);
    }
  };
  const sendChecked = async (name: OperationName, input: AnyInput) => {
    const answer = await send(name, input);
    if (answer.statusCode < 400) return answer;
    throw await readRefusal(answer);
  };
  const pages = async function* <N extends OperationName>(
    name: N,
    input: AnyInput,
    limit = Infinity,
  ): AsyncGenerator<readonly ItemOf<N>[]> {
    let read = 0;
    for (let token: string | undefined | null; token !== null && read < limit;) {
      const page = { pageSize: Math.min(200, limit - read), pageToken: token };
      const answer = await sendChecked(name, { ...input, query: { ...input.query, ...page } });
      const { items, nextPageToken } = (await readBody(answer, json, input.signal)) as {
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
      return (await readBody(await sendChecked(name, input), json, input.signal)) as AnswerOf<N>;
    },
    text: async (name, input) =>
      readBody(await sendChecked(name, input), async (body) => body.text()),
    bytes: async (name, input) =>
      readBody(await sendChecked(name, input), async (body) => body.bytes()),
    async etag(name, input) {
      const answer = await sendChecked(name, input);
      await readBody(answer, async (body) => body.dump());
      return String(answer.headers.etag);
    },
  };
}

const json = async (body: Dispatcher.ResponseData['body']): Promise<unknown> => body.json();

async function openUpload(path: string): Promise<Readable> {
  try {
    const file = await open(path);
    if ((await file.stat()).isFile()) return file.createReadStream();
    await file.close();
  } catch (error) {
    const cause = error instanceof Error ? error.message : String(error);
    throw unreadableUpload(path, cause);
  }
  throw unreadableUpload(path, 'it is not a file');
}

function unreadableUpload(path: string, cause: string): ApiError {
  return new ApiError(`${path} cannot be read (${cause})`, {
    code: 'InvalidInput',
    next: 'check the path of the file',
  });
}

function unreachable(problem: string, error: unknown): ApiError {
  const cause = error instanceof Error ? error.message : String(error);
  return new ApiError(`${problem} (${cause})`, {
    code: 'Unreachable',
    next: 'perennial up',
    cause: error,
  });
}

/** A successful response that is not the API's. */
export function unexpectedResponse(problem: string, status: number): ApiError {
  return new ApiError(problem, {
    code: 'UnexpectedResponse',
    status,
    next: 'check the address; a proxy may have responded',
  });
}

/** The headers of every request. */
export function defaultHeaders({ apiKey, reason }: Omit<ApiTarget, 'apiUrl'>) {
  return {
    authorization: `Bearer ${apiKey}`,
    [clientVersionHeader]: perennialVersion,
    ...(reason === undefined ? {} : { 'x-perennial-reason': encodeURIComponent(reason) }),
  };
}

/** The message, the places and the next step of the API. */
export async function readRefusal({
  statusCode: status,
  body,
}: Dispatcher.ResponseData): Promise<ApiError> {
  // The status is known, although the rest may break off.
  const problem = problemIn(await body.text().catch(() => ''));
  const { detail = `the API responded with ${status}`, code = 'UnexpectedResponse' } = problem;
  const { next, errors: issues = [] } = problem;
  // Short messages already contain their issues.
  const lines = issues
    .filter((issue) => !detail.includes(issue.detail))
    .map((issue) => `  ${formatIssue(issue)}`);
  return new ApiError([detail, ...lines].join('\n'), { code, next, status, issues });
}

function problemIn(text: string): ProblemBody {
  // The response may be that of a proxy.
  try {
    return (JSON.parse(text) as ProblemBody | null) ?? {};
  } catch {
    return {};
  }
}
