import { request } from 'undici';
import { CliError } from './cli-error';

export interface ApiTarget {
  readonly apiUrl: string;
  readonly apiKey: string;
}

export interface Call {
  readonly method?: 'GET' | 'POST' | 'PUT';
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface ApiClient {
  readonly target: ApiTarget;
  /** @throws CliError with the API's own words and its advice. */
  call<T>(path: string, call?: Call): Promise<T>;
  text(path: string): Promise<string>;
  etag(path: string): Promise<string>;
}

interface ProblemBody {
  readonly detail?: string;
  readonly code?: string;
  readonly next?: string;
  readonly errors?: readonly {
    readonly pointer: string;
    readonly detail: string;
    readonly file?: string;
    readonly line?: number;
    readonly didYouMean?: string;
  }[];
}

export function createApiClient(target: ApiTarget): ApiClient {
  const send = async (path: string, { method = 'GET', body, headers = {} }: Call) => {
    const json = body === undefined ? {} : { 'content-type': 'application/json' };
    try {
      return await request(`${target.apiUrl}/api/v1${path}`, {
        method,
        headers: { authorization: `Bearer ${target.apiKey}`, ...json, ...headers },
        body: body === undefined ? null : JSON.stringify(body),
        headersTimeout: 60_000,
      });
    } catch (error) {
      const cause = error instanceof Error ? error.message : String(error);
      throw new CliError(`the API at ${target.apiUrl} does not answer (${cause})`, 1, 'perennial up');
    }
  };
  const checked = async (path: string, call: Call) => {
    const answer = await send(path, call);
    if (answer.statusCode < 400) return answer;
    throw refusal(answer.statusCode, (await answer.body.json().catch(() => ({}))) as ProblemBody);
  };
  return {
    target,
    call: async <T>(path: string, call: Call = {}) => (await (await checked(path, call)).body.json()) as T,
    text: async (path) => (await checked(path, {})).body.text(),
    etag: async (path) => {
      const answer = await checked(path, {});
      await answer.body.dump();
      return String(answer.headers.etag);
    },
  };
}

function refusal(status: number, { detail, next, errors = [] }: ProblemBody): CliError {
  const lines = errors.map(({ pointer, detail: what, file, line, didYouMean }) => {
    const where = file === undefined ? pointer : `${file}${line === undefined ? '' : `:${line}`} ${pointer}`;
    return `  ${where}: ${what}${didYouMean === undefined ? '' : ` (did you mean ${didYouMean}?)`}`;
  });
  const message = [detail ?? `the API answered ${status}`, ...lines].join('\n');
  return new CliError(message, status === 422 || status === 400 ? 2 : 1, next);
}
