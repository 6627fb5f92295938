import type { ChatMessage } from '../../chat/chat';
import { jsonMemberText } from '../../chat/json-member-text';
import { normalAnswer } from '../evaluation/answer-text';

/** A paraphrase of the question by a model. */
export interface ParaphraseSpec {
  readonly kind: 'paraphrase';
  readonly provider: string;
  readonly model: string;
  /** Smallest cosine similarity of both texts' embeddings. */
  readonly minSimilarity: number;
}

export const paraphraseSchema = {
  type: 'object',
  properties: { paraphrase: { type: 'string' } },
  required: ['paraphrase'],
  additionalProperties: false,
} as const;

/** Does not depend on the prompt or bundle, so that all are asked the same paraphrases. */
export function paraphraseMessages(text: string): readonly ChatMessage[] {
  return [
    {
      role: 'system',
      content:
        'You say the same in other words. You answer no question. Answer with JSON alone: {"paraphrase": "…"}.',
    },
    {
      role: 'user',
      content: `Put the text below into other words. Keep its meaning, and every name, number and quoted passage exactly as written.\n\n${text}`,
    },
  ];
}

/** Null for prose and for other JSON. */
export function paraphraseIn(answer: string): string | null {
  return jsonMemberText(answer, 'paraphrase')?.trim() ?? null;
}

/**
 * Why a paraphrase must not replace the text; null if it may. It only compares characters;
 * embeddings, and people who read a sample, compare the meaning.
 */
export function paraphraseProblem(text: string, paraphrase: string): string | null {
  if (normalAnswer(paraphrase) === normalAnswer(text)) return 'the words are the same';
  const ratio = paraphrase.length / text.length;
  if (ratio < 1 / 3 || ratio > 3) return 'the length differs too much';
  if (!sameItems(numbersIn(text), numbersIn(paraphrase))) return 'the numbers differ';
  if (quotedIn(text).some((quoted) => !paraphrase.includes(quoted)))
    return 'a quotation is missing';
  if (namesIn(text).some((name) => !paraphrase.includes(name))) return 'a name is missing';
  if (negates(text) !== negates(paraphrase)) return 'a negation was added or removed';
  return null;
}

/** Whole numbers with their separators: 1,204 and 3.5 are one number each. */
function numbersIn(text: string): readonly string[] {
  return (text.match(/\p{N}+(?:[.,:/-]\p{N}+)*/gu) ?? []).map((number) =>
    number.replaceAll(',', ''),
  );
}

function quotedIn(text: string): readonly string[] {
  return [
    ...text.matchAll(
      /"([^"]+)"|“([^“”]+)”|«([^«»]+)»|`([^`]+)`|(?<![\p{L}\p{N}])'([^']{2,})'(?![\p{L}\p{N}])/gu,
    ),
  ].map((found) => found.slice(1).find(Boolean) ?? '');
}

/**
 * Capitalized words, except `I` and the first word of a sentence; words with a digit or an inner
 * capital; words in capitals; and addresses. Finds none in scripts without capitals.
 */
function namesIn(text: string): readonly string[] {
  const addresses = text.match(/https?:\/\/[^\s"<>]+|(?<![\w.+-])[\w.+-]+@[\w-]+\.[\w.]+/gu) ?? [];
  const words = [...text.matchAll(/\p{L}[\p{L}\p{M}\p{N}’-]*/gu)].filter(({ 0: word, index }) => {
    if (/^\p{L}.*(?:\p{N}|\p{Ll}\p{Lu})/u.test(word) || /^\p{Lu}{2,}$/u.test(word)) return true;
    if (!/^\p{Lu}\p{Ll}/u.test(word)) return false;
    const before = text.slice(0, index).trimEnd();
    return before !== '' && !/[.!?:\n“"«(]$/u.test(before);
  });
  return [...addresses, ...words.map(([word]) => word.replace(/[’']s$/u, ''))];
}

function negates(text: string): boolean {
  return /\b(?:not|no|never|none|nobody|nothing|neither|nor|without|cannot|except)\b|n['’]t\b/i.test(
    text,
  );
}

function sameItems(a: readonly string[], b: readonly string[]): boolean {
  return JSON.stringify([...a].sort()) === JSON.stringify([...b].sort());
}
