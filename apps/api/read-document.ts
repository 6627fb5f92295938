import type { TimedResult } from '../../data/time-limit';
import { failure } from '../../domain/failure';

/**
 * Texts with up to this many characters are read in this thread; the worst takes a third of a
 * second.
 */
const shortCharacters = 10_000;
/** Includes starting the thread, which takes seconds on a busy machine. */
export const readTimeLimitMs = 30_000;

/**
 * Reads documents of a caller: short ones directly, long ones in another thread.
 * @throws InvalidInput if that takes longer than thirty seconds.
 */
export async function readDocuments<T>(
  { fileName, texts }: { readonly fileName: string; readonly texts: readonly unknown[] },
  {
    here,
    elsewhere,
  }: { readonly here: () => T; readonly elsewhere: () => Promise<TimedResult<T>> },
): Promise<T> {
  const characters = texts.reduce<number>(
    (sum, text) => sum + (typeof text === 'string' ? text : JSON.stringify(text)).length,
    0,
  );
  if (characters <= shortCharacters) return here();
  const outcome = await elsewhere();
  if (outcome.kind === 'done') return outcome.value;
  const detail = `${fileName} and the files it names could not be read within ${readTimeLimitMs / 1000} s`;
  throw failure('InvalidInput', detail, {
    issues: [{ pointer: '', file: fileName, detail }],
    next: 'reduce the document: fewer keys, fewer cases, simpler JSON Schemas',
  });
}
