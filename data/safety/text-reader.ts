import type { OffThread } from '../off-thread/off-thread';
import { readText, type ReadingInput, type ReadingName, type ReadingOutput } from './text-readings';

/** Reads texts for detectors: short ones in this thread, long ones in another thread. */
export interface TextReader {
  /**
   * @throws RangeError after five seconds; InvalidInput for bytes that are not text
   */
  read<Name extends ReadingName>(
    reading: Name,
    input: ReadingInput<Name>,
  ): Promise<ReadingOutput<Name>>;
  /** Start a thread, so that the first long text does not wait for it. */
  prepare(): void;
}

/**
 * The longest text that is read in this thread. The round trip to another thread takes 1 ms, as
 * long as the patterns need for such a text. The worst text of this length takes 40 ms.
 */
const shortCharacters = 2_000;
/** The characters of short texts after which other requests get their turn. */
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
        `a text of ${characters} characters could not be read for '${reading}' ` +
          `within ${deadlineMs / 1000} s`,
      );
    },
    prepare() {
      const nothing = { reading: 'secrets', input: { text: '' } } as const;
      offThread.run('readText', nothing, { deadlineMs: 60_000 }).catch(() => undefined);
    },
  };
}
