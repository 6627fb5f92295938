/** Calls the API that served these pages. The cookie of the session goes along by itself. */
import type { AnswerOf, Inputs, OperationName } from '../../../client/operation';

export interface PageSession {
  readonly tenant: string;
  readonly name: string;
  readonly keyId: string;
  readonly scope: 'viewer' | 'operator' | 'approver' | 'admin';
  readonly csrf: string;
  readonly expiresAt: string;
}

/** What the API refused, or why it did not respond (RFC 9457). */
export class RefusedCall extends Error {
  /** Null if the API did not respond. */
  readonly status: number | null;
  readonly code: string;
  readonly next: string | null;
  readonly places: readonly string[];

  constructor(
    message: string,
    facts: {
      readonly status: number | null;
      readonly code: string;
      readonly next?: string | undefined;
      readonly places?: readonly string[];
    },
  ) {
    super(message);
    this.status = facts.status;
    this.code = facts.code;
    this.next = facts.next ?? null;
    this.places = facts.places ?? [];
  }
}

export interface PageCallSettings {
  readonly headers?: Readonly<Record<string, string>>;
  /** Reason for the audit log. */
  readonly reason?: string | undefined;
  readonly signal?: AbortSignal;
}

interface SentInput extends PageCallSettings {
  readonly path?: object;
  readonly query?: object;
  readonly body?: unknown;
}

let csrf: string | null = null;
let onSignedOut: () => void = () => undefined;
let onOtherSession: () => void = () => undefined;

/** Changes send the token of the session. `null` after it ended. */
export function setCsrfToken(token: string | null): void {
  csrf = token;
}

export function whenSignedOut(listener: () => void): void {
  onSignedOut = listener;
}

/** Another window shares the cookie, and has signed in since. */
export function whenOtherSession(listener: () => void): void {
  onOtherSession = listener;
}

/** @throws RefusedCall */
export async function call<N extends OperationName>(
  name: N,
  ...[input]: Inputs<N, PageCallSettings>
): Promise<AnswerOf<N>> {
  return (await (await send(name, input ?? {})).json()) as AnswerOf<N>;
}

/** The output of the ended jobs of a run. */
export interface ReadLog {
  readonly text: string;
  /** Behind which only later output is sent; null before anything was read. */
  readonly cursor: string | null;
}

/** The log with what was added behind `before`. @throws RefusedCall */
export async function callLog(id: string, before: ReadLog): Promise<ReadLog> {
  const response = await send('GET /runs/{id}/logs', {
    path: { id },
    query: { after: before.cursor },
  });
  const text = await response.text();
  return {
    text: response.headers.get('x-perennial-log-continues') === 'true' ? before.text + text : text,
    cursor: response.headers.get('x-perennial-log-cursor'),
  };
}

/** The answer and its ETag. @throws RefusedCall */
export async function callWithEtag<N extends OperationName>(
  name: N,
  ...[input]: Inputs<N, PageCallSettings>
): Promise<{ readonly answer: AnswerOf<N>; readonly etag: string }> {
  const response = await send(name, input ?? {});
  return {
    answer: (await response.json()) as AnswerOf<N>,
    etag: response.headers.get('etag') ?? '',
  };
}

async function send(name: OperationName, input: SentInput): Promise<Response> {
  const [method = 'GET'] = name.split(' ');
  const { body, headers = {}, reason, signal = null } = input;
  const isChange = method !== 'GET';
  let response: Response;
  try {
    response = await fetch(`/api/v1${buildAddress(name, input)}`, {
      method,
      credentials: 'same-origin',
      headers: {
        accept: 'application/json',
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...(isChange && csrf !== null ? { 'x-perennial-csrf': csrf } : {}),
        ...(reason
          ? { 'x-perennial-reason': encodeURIComponent(reason.replace(/\s+/g, ' ')) }
          : {}),
        ...headers,
      },
      body: body === undefined ? null : JSON.stringify(body),
      signal,
    });
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new RefusedCall('The API does not respond.', {
      status: null,
      code: 'Unreachable',
      next: isChange
        ? 'The change may have taken effect. Look at its state before you try again.'
        : 'The page tries again by itself.',
    });
  }
  if (response.ok) return response;
  const refused = await refusalIn(response);
  if (refused.status === 401 && name !== 'POST /session') onSignedOut();
  if (refused.code !== 'CsrfTokenMissing') throw refused;
  onOtherSession();
  throw new RefusedCall('Another window signed in again. Nothing was changed.', {
    status: refused.status,
    code: refused.code,
    next: 'Look at the name of the key at the top of the page, and try again.',
  });
}

export async function refusalIn(response: Response): Promise<RefusedCall> {
  const { status } = response;
  const problem = (await response.json().catch(() => ({}))) as {
    readonly detail?: string;
    readonly code?: string;
    readonly next?: string;
    readonly errors?: readonly { readonly pointer: string; readonly detail: string }[];
  };
  return new RefusedCall(problem.detail ?? `The API responded with ${status}.`, {
    status,
    code: problem.code ?? 'UnexpectedResponse',
    next: problem.next,
    places: (problem.errors ?? []).map(({ detail }) => detail),
  });
}

function buildAddress(name: OperationName, { path = {}, query = {} }: SentInput): string {
  const [, template = ''] = name.split(' ');
  const values = path as Readonly<Record<string, string | number>>;
  const filled = template.replace(/\{(\w+)\}/g, (_, key: string) =>
    encodeURIComponent(values[key] ?? ''),
  );
  const search = new URLSearchParams();
  const asked = query as Readonly<Record<string, string | number | boolean | null | undefined>>;
  for (const [key, value] of Object.entries(asked))
    if (value !== undefined && value !== null) search.append(key, String(value));
  return search.size === 0 ? filled : `${filled}?${search.toString()}`;
}
