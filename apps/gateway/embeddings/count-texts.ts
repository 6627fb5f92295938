import { countTokens } from '../../../domain/index/chunking';
import type { Embedder } from '../../../data/index/embedders/embedder';
import { openTurns } from '../../../data/turns';

/**
 * UTF-16, with the space behind it: a word is counted in runs of at most a hundred characters, each
 * of a token or more.
 */
const longestRun = 201;

export type CountedTokens =
  | { readonly kind: 'within'; readonly tokens: number }
  /** The text at this place is more than the embedder takes. */
  | { readonly kind: 'longText'; readonly place: number }
  | { readonly kind: 'tooMany' };

/**
 * Ends at the first text that is too long, or where together they are more than `most`; throws when
 * the signal is aborted meanwhile.
 */
export async function countTexts(
  texts: readonly string[],
  {
    embedder: { costOf, maxTokens },
    most,
    signal,
  }: {
    readonly embedder: Pick<Embedder, 'costOf' | 'maxTokens'>;
    readonly most: number;
    readonly signal: AbortSignal;
  },
): Promise<CountedTokens> {
  let tokens = 0;
  const turn = openTurns(signal);
  for (const [place, text] of texts.entries()) {
    await turn();
    // A megabyte is not looked at word by word, whatever its words cost.
    const dense = text.length > longestRun * maxTokens ? text.replace(/\s+/gu, ' ').trim() : text;
    const count =
      dense.length > longestRun * maxTokens ? Infinity : countTokens(dense, costOf, maxTokens);
    if (count > maxTokens) return { kind: 'longText', place };
    tokens += count;
    if (tokens > most) return { kind: 'tooMany' };
  }
  return { kind: 'within', tokens };
}
