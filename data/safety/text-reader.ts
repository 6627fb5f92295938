import type { OffThread } from '../off-thread/off-thread';
import { readText, type ReadingInput, type ReadingName, type ReadingOutput } from './text-readings';

/** Reads a text for detectors: a short one at once, a long one in another thread. */
export interface TextReader {
  /**
   * @throws RangeError when it takes longer than five seconds; InvalidInput for bytes that are no
   *   text
   */
  read<Name extends ReadingName>(
    reading: Name,
    input: ReadingInput<Name>,
  ): Promise<ReadingOutput<Name>>;
  /** Starts a thread, so that the first long text need not wait for it. */
  prepare(): void;
}

/**
 * Read in this thread: a way to another one and back takes a millisecond, as long as a text of this
 * length by the patterns. The worst of texts takes 40 ms.
 */
const shortCharacters = 2_000;
/** Of short texts together, before other requests get their turn: a request may hold thousands. */
const charactersInTurn = 4_000;
const deadlineMs = 5_000;

export function openTextReader(offThread: OffThread): TextReader {
  let left = charactersInTurn;

  function fitsTurn(characters: number): boolean {
    if (characters > shortCharacters || characters > left) return false;
    if (left === charactersInTurn) setImmediate(() => (left = charactersInTurn));
    left -= characters;
    return true;
  }

  return {
    async read<Name extends ReadingName>(
      reading: Name,
      input: ReadingInput<Name>,
    ): Promise<ReadingOutput<Name>> {
      const characters = input.text.length;
      if (fitsTurn(characters)) return readText({ reading, input });
      const read = await offThread.run('readText', { reading, input }, { deadlineMs });
      if (read.kind === 'done') return read.value as ReadingOutput<Name>;
      throw new RangeError(
        `a text of ${characters} characters could not be read for '${reading}' within ${deadlineMs / 1000} s`,
      );
    },
    prepare() {
      const nothing = { reading: 'secrets', input: { text: '' } } as const;
      offThread.run('readText', nothing, { deadlineMs: 60_000 }).catch(() => undefined);
    },
  };
}
