import { request } from 'undici';
import type { ApiTarget } from './api-client';
import { refusalOf } from './api-client';
import { CliError } from './cli-error';

export interface RunEventMessage {
  readonly seq: number;
  readonly kind: string;
  readonly stage: string | null;
  readonly data: Readonly<Record<string, unknown>>;
  readonly at: string;
}

const retryMilliseconds = 500;
const silenceMilliseconds = 45_000;

/** Every event of the run, in order and once, until the run has ended; reconnects where it broke off, for `patienceSeconds` without any answer. */
export async function* runEvents({ apiUrl, apiKey }: ApiTarget, runId: string, patienceSeconds = 120): AsyncGenerator<RunEventMessage> {
  let lastId = '0';
  let lastHeard = Date.now();
  for (;;) {
    try {
      const answer = await request(`${apiUrl}/api/v1/runs/${runId}/events`, {
        headers: { authorization: `Bearer ${apiKey}`, accept: 'text/event-stream', 'last-event-id': lastId },
        bodyTimeout: silenceMilliseconds,
      });
      if (answer.statusCode !== 200) throw await refusalOf(answer);
      for await (const { id, event, data } of messages(answer.body)) {
        lastHeard = Date.now();
        if (event === 'end') return;
        lastId = id ?? lastId;
        yield JSON.parse(data) as RunEventMessage;
      }
    } catch (error) {
      // What the API refuses, it refuses again; only silence and trouble of its own may pass.
      if (error instanceof CliError && error.status !== undefined && error.status < 500) throw error;
      if (Date.now() - lastHeard > patienceSeconds * 1000) throw broken(apiUrl, error);
    }
    await new Promise((resolve) => setTimeout(resolve, retryMilliseconds));
  }
}

function broken(apiUrl: string, error: unknown): CliError {
  if (error instanceof CliError) return error;
  const cause = error instanceof Error ? error.message : String(error);
  return new CliError(`the events of the API at ${apiUrl} broke off (${cause}); the run goes on`, 1, 'perennial run watch <run>');
}

interface Message {
  readonly id: string | undefined;
  readonly event: string;
  readonly data: string;
}

/** The event stream format of the HTML standard, §9.2.6, as far as this API uses it. */
async function* messages(body: AsyncIterable<Buffer>): AsyncGenerator<Message> {
  const decoder = new TextDecoder();
  let text = '';
  for await (const chunk of body) {
    text += decoder.decode(chunk, { stream: true });
    for (let end = text.indexOf('\n\n'); end >= 0; end = text.indexOf('\n\n')) {
      const message = parse(text.slice(0, end));
      text = text.slice(end + 2);
      if (message) yield message;
    }
  }
}

function parse(block: string): Message | null {
  const fields = new Map<string, string>();
  for (const line of block.split('\n')) {
    const colon = line.indexOf(':');
    if (colon > 0) fields.set(line.slice(0, colon), line.slice(colon + 1).trimStart());
  }
  const data = fields.get('data');
  return data === undefined ? null : { id: fields.get('id'), event: fields.get('event') ?? 'message', data };
}
