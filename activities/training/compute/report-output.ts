import { Context } from '@temporalio/activity';
import type { IdempotencyKey, RunId, Tenant } from '../../../domain/ids';
import type { LogRecords } from './keep-logs';

/** The newest `maxBytes` of the log of a running job. */
export type ReadOutput = (maxBytes: number) => Promise<string>;

const eventsMs = 2_000;
const eventBytes = 16_384;
/** Of one attempt. The stored log has the rest when the job ends. */
const mostCharacters = 512_000;
/** Finds the place where the text of the last look ended. */
const anchorCharacters = 400;

/**
 * Appends what a running job has written since the last look as an event, at most every 2 s. The
 * first event of an attempt replaces those of earlier attempts. A failed read or write is only
 * logged, because it must not fail the job.
 */
export function outputReporter(
  { events }: Pick<LogRecords, 'events'>,
  {
    tenant,
    runId,
    key,
  }: { readonly tenant: Tenant; readonly runId: RunId; readonly key: IdempotencyKey },
): (read: ReadOutput) => Promise<void> {
  const { log } = Context.current();
  let reportedAt = 0;
  let last = '';
  let reported = 0;
  return async (read) => {
    if (reported >= mostCharacters || Date.now() - reportedAt < eventsMs) return;
    reportedAt = Date.now();
    try {
      const tail = await read(eventBytes);
      const text = addedText(last, tail);
      if (text === '') return;
      await events.append({
        tenant,
        runId,
        kind: 'job.output',
        stage: key.split('/')[1],
        data: { job: key, text, begins: reported === 0 },
      });
      last = tail;
      reported += text.length;
    } catch (error) {
      log.warn('could not record the output of a job', { reason: (error as Error).message });
    }
  };
}

/** What `tail` has behind `last`, of which it may have lost the beginning. */
export function addedText(last: string, tail: string): string {
  if (tail.startsWith(last)) return tail.slice(last.length);
  const anchor = last.slice(-anchorCharacters);
  const at = tail.lastIndexOf(anchor);
  return at === -1 ? `…\n${tail}` : tail.slice(at + anchor.length);
}
