import { countTokens } from '../../../domain/index/chunking';
import type { Embedder } from '../../../data/index/embedders/embedder';
import { openEventLoopYield } from '../../../data/event-loop-yield';

/**
 * The longest piece of a word with the space after it, in UTF-16 units. Words are counted in pieces
 * of at most 100 characters, each with one token or more.
 */
const longestRun = 201;

export type CountedTokens =
  | { readonly kind: 'within'; readonly tokens: number }
  /** The text at this position exceeds the limit of the embedder. */
  | { readonly kind: 'longText'; readonly place: number }
  | { readonly kind: 'tooMany' };

/**
 * Count the tokens of texts. Stops at the first text that is too long, or when all together exceed
 * `max`. Throws when the signal is aborted.
 */
export async function countTexts(
  texts: readonly string[],
  {
    embedder: { measureTokens, maxTokens },
    max,
    signal,
  }: {
    readonly embedder: Pick<Embedder, 'measureTokens' | 'maxTokens'>;
    readonly max: number;
    readonly signal: AbortSignal;
  },
): Promise<CountedTokens> {
  let tokens = 0;
  const turn = openEventLoopYield(signal);
  for (const [place, text] of texts.entries()) {
    await turn();
    // A text of a megabyte is refused without counting its words.
    const dense = text.length > longestRun * maxTokens ? text.replace(/\s+/gu, ' ').trim() : text;
    const count =
      dense.length > longestRun * maxTokens
        ? Infinity
        : countTokens(dense, measureTokens, maxTokens);
    if (count > maxTokens) return { kind: 'longText', place };
    tokens += count;
    if (tokens > max) return { kind: 'tooMany' };
  }
  return { kind: 'within', tokens };
}
