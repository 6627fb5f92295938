import type { ChatMessage } from '../chat';
import { promisedText } from '../promised-text';
import { normalAnswer } from '../evaluation/answer-text';

/** The same question in other words, by a model. */
export interface ParaphraseSpec {
  readonly kind: 'paraphrase';
  readonly provider: string;
  readonly model: string;
  /**
   * Least cosine of both texts' embeddings; what two sentences of one meaning have at least, by the
   * embedder that is there.
   */
  readonly minSimilarity: number;
}

export const paraphraseSchema = {
  type: 'object',
  properties: { paraphrase: { type: 'string' } },
  required: ['paraphrase'],
  additionalProperties: false,
} as const;

/** Nothing of a prompt or a bundle is in it, so that every one is asked the same paraphrases. */
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

/** Null for prose and for JSON of another shape. */
export function paraphraseIn(answer: string): string | null {
  return promisedText(answer, 'paraphrase')?.trim() ?? null;
}

/**
 * Why a paraphrase may not be asked in the place of the text; null when it may. By its letters
 * alone: whether it means the same is left to embeddings, and in the end to a sample that people
 * read.
 */
export function paraphraseProblem(text: string, paraphrase: string): string | null {
  if (normalAnswer(paraphrase) === normalAnswer(text)) return 'the same words';
  const ratio = paraphrase.length / text.length;
  if (ratio < 1 / 3 || ratio > 3) return 'another length';
  if (!sameItems(numbersIn(text), numbersIn(paraphrase))) return 'other numbers';
  if (quotedIn(text).some((quoted) => !paraphrase.includes(quoted))) return 'a quotation is lost';
  if (namesIn(text).some((name) => !paraphrase.includes(name))) return 'a name is lost';
  if (negates(text) !== negates(paraphrase)) return 'a negation came or went';
  return null;
}

/** Digits with what belongs to them: 1,204 and 3.5 are one each. */
function numbersIn(text: string): readonly string[] {
  return (text.match(/\p{N}+(?:[.,:/-]\p{N}+)*/gu) ?? []).map((number) =>
    number.replaceAll(',', ''),
  );
}

function quotedIn(text: string): readonly string[] {
  return [
    ...text.matchAll(
      /"([^"]+)"|“([^”]+)”|«([^»]+)»|`([^`]+)`|(?<![\p{L}\p{N}])'([^']{2,})'(?![\p{L}\p{N}])/gu,
    ),
  ].map((found) => found.slice(1).find(Boolean) ?? '');
}

/**
 * Words with a capital that do not owe it to their place: not the first of a sentence, and not `I`.
 * Words with a digit, a capital inside or nothing but capitals are names wherever they stand, and
 * so are addresses. In a script or a spelling without capitals none are found.
 */
function namesIn(text: string): readonly string[] {
  const addresses = text.match(/https?:\/\/[^\s"<>]+|[\w.+-]+@[\w-]+\.[\w.]+/gu) ?? [];
  const words = [...text.matchAll(/\p{L}[\p{L}\p{M}\p{N}’-]*/gu)].filter(({ 0: word, index }) => {
    if (/^\p{L}+.*(?:\p{N}|\p{Ll}\p{Lu})/u.test(word) || /^\p{Lu}{2,}$/u.test(word)) return true;
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
