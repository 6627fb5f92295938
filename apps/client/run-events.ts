import { setTimeout as pause } from 'node:timers/promises';
import { request } from 'undici';
import { readRefusal, unexpectedResponse, defaultHeaders, type ApiTarget } from './api-client';
import { ApiError } from './api-error';
import { eventMessages } from './event-messages';

export interface RunEventMessage {
  readonly seq: number;
  readonly kind: string;
  readonly stage: string | null;
  readonly data: Readonly<Record<string, unknown>>;
  readonly at: string;
}

export interface RunEventOptions {
  /** The number of the last event that is already known. Default 0: from the first event. */
  readonly after?: number;
  /** How long a lost connection is retried. Default 120. */
  readonly patienceSeconds?: number;
  readonly signal?: AbortSignal | undefined;
}

const retryMilliseconds = 500;
/** The API sends a comment every 15 seconds. */
const silenceMilliseconds = 45_000;

/**
 * Every event of the run, in order and once, until its end. Reconnects after an interruption.
 * @throws ApiError when the API refuses or does not respond for `patienceSeconds`
 */
export async function* runEvents(
  target: ApiTarget,
  runId: string,
  { after = 0, patienceSeconds = 120, signal }: RunEventOptions = {},
): AsyncGenerator<RunEventMessage> {
  let lastId = String(after);
  let lastHeard = Date.now();
  const heard = (): void => {
    lastHeard = Date.now();
  };
  for (;;) {
    let problem: unknown;
    try {
      const path = `/api/v1/runs/${encodeURIComponent(runId)}/events`;
      const answer = await request(`${target.apiUrl}${path}`, {
        headers: {
          ...defaultHeaders(target),
          accept: 'text/event-stream',
          'last-event-id': lastId,
        },
        bodyTimeout: silenceMilliseconds,
        signal: signal ?? null,
      });
      if (answer.statusCode !== 200) throw await readRefusal(answer);
      if (!String(answer.headers['content-type']).startsWith('text/event-stream')) {
        // The body would report its early end, which is no error here.
        answer.body.on('error', () => undefined).destroy();
        throw unexpectedResponse(`the API at ${target.apiUrl} sent no stream of events`, 200);
      }
      for await (const { id, event, data } of eventMessages(answer.body, heard)) {
        if (event === 'end') return;
        lastId = id ?? lastId;
        yield JSON.parse(data) as RunEventMessage;
        // The reader may have taken long; that is no silence of the API.
        heard();
      }
      problem = 'the stream ended before the run';
    } catch (error) {
      signal?.throwIfAborted();
      if (isFinal(error)) throw error;
      problem = error;
    }
    if (Date.now() - lastHeard > patienceSeconds * 1000)
      throw toLostError({ apiUrl: target.apiUrl, runId }, problem);
    await pause(retryMilliseconds, undefined, { ...(signal && { signal }) });
  }
}

/** A refusal is final. A missing response, a server error and a rate limit are retried. */
function isFinal(error: unknown): boolean {
  if (!(error instanceof ApiError) || error.status === undefined) return false;
  return error.status < 500 && error.status !== 429;
}

function toLostError(
  { apiUrl, runId }: { readonly apiUrl: string; readonly runId: string },
  error: unknown,
): ApiError {
  if (error instanceof ApiError) return error;
  const cause = error instanceof Error ? error.message : String(error);
  return new ApiError(
    `lost the events of ${runId} from the API at ${apiUrl} (${cause}); the run continues`,
    { code: 'Unreachable', next: `perennial run watch ${runId}`, cause: error },
  );
}
