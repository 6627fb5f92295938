import { request } from 'undici';
import type { ApiTarget } from '../api-client';
import { refusalOf } from '../api-client';
import { CliError } from '../cli-error';
import { eventMessages } from './event-messages';

export interface RunEventMessage {
  readonly seq: number;
  readonly kind: string;
  readonly stage: string | null;
  readonly data: Readonly<Record<string, unknown>>;
  readonly at: string;
}

const retryMilliseconds = 500;
const silenceMilliseconds = 45_000;

/**
 * Every event of the run, in order and once, until its end. Reconnects after an interruption, for
 * at most `patienceSeconds` without a response.
 */
export async function* runEvents(
  { apiUrl, apiKey }: ApiTarget,
  runId: string,
  patienceSeconds = 120,
): AsyncGenerator<RunEventMessage> {
  let lastId = '0';
  let lastHeard = Date.now();
  for (;;) {
    try {
      const answer = await request(`${apiUrl}/api/v1/runs/${runId}/events`, {
        headers: {
          authorization: `Bearer ${apiKey}`,
          accept: 'text/event-stream',
          'last-event-id': lastId,
        },
        bodyTimeout: silenceMilliseconds,
      });
      if (answer.statusCode !== 200) throw await refusalOf(answer);
      for await (const { id, event, data } of eventMessages(answer.body)) {
        lastHeard = Date.now();
        if (event === 'end') return;
        lastId = id ?? lastId;
        yield JSON.parse(data) as RunEventMessage;
      }
    } catch (error) {
      // A refusal is final. Only a missing response or a server error is retried.
      if (error instanceof CliError && error.status !== undefined && error.status < 500)
        throw error;
      if (Date.now() - lastHeard > patienceSeconds * 1000) throw broken(apiUrl, error);
    }
    await new Promise((resolve) => setTimeout(resolve, retryMilliseconds));
  }
}

function broken(apiUrl: string, error: unknown): CliError {
  if (error instanceof CliError) return error;
  const cause = error instanceof Error ? error.message : String(error);
  return new CliError(
    `lost the event stream of the API at ${apiUrl} (${cause}); the run continues`,
    1,
    'perennial run watch <run>',
  );
}
