import { Context } from '@temporalio/activity';
import type { IdempotencyKey, RunId, Tenant } from '../../../domain/ids';
import type { LogEnd } from '../../../domain/training/job';
import type { LogRecords } from './keep-logs';

/** The newest `maxBytes` of the log of a running job. */
export type ReadOutput = (maxBytes: number) => Promise<LogEnd>;

const eventsMs = 2_000;
const eventBytes = 16_384;
/** Of one attempt. The stored log has the rest when the job ends. */
const maxCharacters = 512_000;
const lastText = '… the rest is in the stored log\n';
/** Finds the place where the text of the last look ended, if the size of the log is unknown. */
const anchorCharacters = 400;

/**
 * Appends what a running job has written since the last look as an event, at most every 2 s. The
 * first event of an attempt replaces those of earlier attempts. The last event says that more is
 * not reported. A failed read or write is only logged, because it must not fail the job.
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
  let last: LogEnd = { text: '', bytes: 0 };
  let reported = 0;
  let isFull = false;
  const append = (text: string) =>
    events.append({
      tenant,
      runId,
      kind: 'job.output',
      stage: key.split('/')[1],
      data: { job: key, text, begins: reported === 0 },
    });
  return async (read) => {
    if (isFull || Date.now() - reportedAt < eventsMs) return;
    reportedAt = Date.now();
    try {
      if (reported >= maxCharacters) {
        await append(lastText);
        isFull = true;
        return;
      }
      const tail = await read(eventBytes);
      const text = addedText(last, tail);
      if (text === '') return;
      await append(text);
      last = tail;
      reported += text.length;
    } catch (error) {
      log.warn('could not record the output of a job', { reason: (error as Error).message });
    }
  };
}

/**
 * What the log has behind `last`. A mark stands for the part that `tail` does not have, or for all
 * of it if it is unknown where the last look ended.
 */
export function addedText(last: LogEnd, tail: LogEnd): string {
  if (last.text !== '' && last.attempt !== tail.attempt) return `…\n${tail.text}`;
  if (last.bytes === null || tail.bytes === null) return addedByText(last.text, tail.text);
  const added = tail.bytes - last.bytes;
  // While all of the log fits, its text tells more than its size, because secrets are masked.
  if (added >= 0 && tail.bytes <= eventBytes && tail.text.startsWith(last.text))
    return tail.text.slice(last.text.length);
  // Each masked secret moves this place by a few characters. The stored log is exact.
  const bytes = Buffer.from(tail.text);
  // A job that started again begins its log anew.
  if (added < 0 || added > bytes.length) return `…\n${tail.text}`;
  return bytes.toString('utf8', bytes.length - added);
}

function addedByText(last: string, tail: string): string {
  if (tail.startsWith(last)) return tail.slice(last.length);
  const anchor = last.slice(-anchorCharacters);
  const at = tail.indexOf(anchor);
  // A repeated line may be an older or a newer one.
  if (at === -1 || tail.includes(anchor, at + 1)) return `…\n${tail}`;
  return tail.slice(at + anchor.length);
}
