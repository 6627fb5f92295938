import type { Dispatcher } from 'undici';
import { request } from 'undici';
import type { Issue } from '../../domain/failure';
import { formatIssue } from '../../domain/document/issue-text';
import { CliError } from './cli-error';

export interface ApiTarget {
  readonly apiUrl: string;
  readonly apiKey: string;
  /** Why this command changes something, for the audit. */
  readonly reason?: string | undefined;
}

export interface Call {
  readonly method?: 'GET' | 'POST' | 'PUT';
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  /** Until the answer begins; 60 by default. */
  readonly timeoutSeconds?: number;
}

export interface ApiClient {
  readonly target: ApiTarget;
  /** Every item of a list, page by page, up to `limit`. */
  list<T>(path: string, limit?: number): Promise<readonly T[]>;
  /** The same, a page at a time: for what may be more than fits into memory. */
  pages<T>(path: string, limit?: number): AsyncIterable<readonly T[]>;
  /** @throws CliError with the API's own words and its advice. */
  call<T>(path: string, call?: Call): Promise<T>;
  text(path: string): Promise<string>;
  etag(path: string): Promise<string>;
}

interface ProblemBody {
  readonly detail?: string;
  readonly code?: string;
  readonly next?: string;
  readonly errors?: readonly Issue[];
}

export function createApiClient(target: ApiTarget): ApiClient {
  const send = async (
    path: string,
    { method = 'GET', body, headers = {}, timeoutSeconds = 60 }: Call,
  ) => {
    const reason =
      target.reason === undefined
        ? {}
        : { 'x-perennial-reason': encodeURIComponent(target.reason) };
    const json = body === undefined ? {} : { 'content-type': 'application/json' };
    try {
      return await request(`${target.apiUrl}/api/v1${path}`, {
        method,
        headers: { authorization: `Bearer ${target.apiKey}`, ...json, ...reason, ...headers },
        body: body === undefined ? null : JSON.stringify(body),
        headersTimeout: timeoutSeconds * 1000,
      });
    } catch (error) {
      const cause = error instanceof Error ? error.message : String(error);
      throw new CliError(
        `the API at ${target.apiUrl} is not reachable (${cause})`,
        1,
        'perennial up',
      );
    }
  };
  const checked = async (path: string, call: Call) => {
    const answer = await send(path, call);
    if (answer.statusCode < 400) return answer;
    throw await refusalOf(answer);
  };
  const pages = async function* <T>(path: string, limit = Infinity): AsyncGenerator<readonly T[]> {
    let read = 0;
    for (let token: string | null = ''; token !== null && read < limit;) {
      const query = `pageSize=${Math.min(200, limit - read)}${token === '' ? '' : `&pageToken=${token}`}`;
      const answer = await checked(`${path}${path.includes('?') ? '&' : '?'}${query}`, {});
      const page = (await answer.body.json()) as {
        readonly items: readonly T[];
        readonly nextPageToken: string | null;
      };
      yield page.items;
      read += page.items.length;
      token = page.nextPageToken;
    }
  };
  const list = async <T>(path: string, limit = 1000): Promise<readonly T[]> => {
    const items: T[] = [];
    for await (const page of pages<T>(path, limit)) items.push(...page);
    return items;
  };
  return {
    target,
    list,
    pages,
    call: async <T>(path: string, call: Call = {}) =>
      (await (await checked(path, call)).body.json()) as T,
    text: async (path) => (await checked(path, {})).body.text(),
    etag: async (path) => {
      const answer = await checked(path, {});
      await answer.body.dump();
      return String(answer.headers.etag);
    },
  };
}

/** The API's own words, its places and its advice. */
export async function refusalOf({
  statusCode: status,
  body,
}: Dispatcher.ResponseData): Promise<CliError> {
  const text = await body.text();
  const { detail = `the API responded with ${status}`, next, errors = [] } = problemIn(text);
  // Short refusals hold their issues already.
  const lines = errors
    .filter((issue) => !detail.includes(issue.detail))
    .map((issue) => `  ${formatIssue(issue)}`);
  const usage = status === 400 || status === 413 || status === 422;
  return new CliError([detail, ...lines].join('\n'), usage ? 2 : 1, next, status);
}

function problemIn(text: string): ProblemBody {
  try {
    return JSON.parse(text) as ProblemBody;
  } catch {
    // Not this API's answer: a proxy's page, perhaps.
    return {};
  }
}
