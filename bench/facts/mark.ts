import { nameWordsIn, plainWords, valuesIn } from './values';
import type { Fact } from './fact';

/** `mixed`: the right value beside another one. */
export type Mark = 'right' | 'mixed' | 'wrong' | 'none';

/**
 * Classifies an answer: only the right value, the right value with others, only others, or no value
 * of the kind.
 */
export function markAnswer(
  fact: Pick<Fact, 'kind' | 'value' | 'written' | 'question'>,
  answer: string,
): Mark {
  const { kind, value } = fact;
  if (kind === 'place' || kind === 'person') return markOfName(fact, answer);
  const stated = valuesIn(kind, answer);
  if (!stated.includes(value)) return stated.length === 0 ? 'none' : 'wrong';
  return stated.length === 1 ? 'right' : 'mixed';
}

/**
 * One of the spellings is in the text, word by word. A name word outside all spellings names
 * something else.
 */
function markOfName(
  { written, question }: Pick<Fact, 'written' | 'question'>,
  answer: string,
): Mark {
  const said = ` ${plainWords(answer).join(' ')} `.toLowerCase();
  const ways = written.map(plainWords);
  const stands = ways.some((way) => said.includes(` ${way.join(' ')} `.toLowerCase()));
  const own = new Set(ways.flat().map((word) => word.toLowerCase()));
  const others = nameWordsIn(answer, question).filter((word) => !own.has(word.toLowerCase()));
  if (stands) return others.length === 0 ? 'right' : 'mixed';
  // A part of the right name, such as a first name, could belong to another person.
  return nameWordsIn(answer, question).length === 0 ? 'none' : 'wrong';
}

/** Whether a passage contains the answer. */
export function containsAnswer(
  { kind, value, written }: Pick<Fact, 'kind' | 'value' | 'written'>,
  text: string,
): boolean {
  if (kind === 'place' || kind === 'person') {
    const said = ` ${plainWords(text).join(' ')} `;
    return written.some((way) => said.includes(` ${plainWords(way).join(' ')} `));
  }
  return valuesIn(kind, text).includes(value);
}
