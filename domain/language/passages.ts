/**
 * What is found in an index as a prompt shows it: numbered, told apart from one another, and data,
 * whatever stands in it.
 */
import { beginning } from '../whole-characters';
import type { PromptTemplate, PromptValue } from '../prompt/prompt';

/** A piece of a document. `text` is as it stands in the prompt, with its title. */
export interface Passage {
  readonly documentId: string;
  readonly chunkId: string;
  readonly title: string | null;
  readonly source: string | null;
  readonly score: number;
  readonly text: string;
}

/**
 * Letters of all passages of a prompt: about 6,000 tokens of English, so that one setting of `k`
 * cannot make every question dear.
 */
const mostLetters = 24_000;

/** As many as there is room for, the nearest first; one that is too long by itself is cut. */
export function withinBudget(
  passages: readonly Passage[],
  letters = mostLetters,
): readonly Passage[] {
  const kept: Passage[] = [];
  let left = letters;
  for (const passage of passages) {
    if (passage.text.length <= left) kept.push(passage);
    else if (kept.length === 0) kept.push({ ...passage, text: cut(passage.text, left) });
    else break;
    left -= passage.text.length;
  }
  return kept;
}

/** The last word whole. */
function cut(text: string, letters: number): string {
  return beginning(text, letters).replace(/\s+\S*$/, '');
}

/**
 * For the variable of a prompt that takes them: a template that repeats over a list numbers them
 * itself.
 */
export function passageValue(
  passages: readonly Passage[],
  { variables }: Pick<PromptTemplate, 'variables'>,
  variable: string,
): PromptValue {
  const texts = passages.map(({ text }) => text);
  if (variables[variable]?.type === 'list') return texts;
  return texts.map((text, index) => `[${index + 1}] ${text}`).join('\n');
}

/**
 * A passage begins at the left margin with its number; what stands in a document can do neither.
 * Its own marks become `(1)`, so that an answer cites by the prompt's numbers alone, and its
 * further lines stand in from the margin. The marks by which chat templates tell who speaks are
 * taken apart.
 */
export function shownText({
  title,
  text,
}: {
  readonly title: string | null;
  readonly text: string;
}): string {
  const plain = [title, text]
    .flatMap((part) => (part === null ? [] : [part.trim()]))
    .filter(
      (part, place) => part !== '' && !(place === 0 && title !== null && beginsWith(text, title)),
    )
    .join(': ');
  return plain
    .replace(/\[(\d{1,3}(?:\s*[,;]\s*\d{1,3})*)\]/g, '($1)')
    .replaceAll('<|', '< |')
    .replaceAll('|>', '| >')
    .split(/[\r\n\u2028\u2029]+/)
    .map((line) => line.trimEnd())
    .filter((line) => line !== '')
    .join('\n  ');
}

function beginsWith(text: string, title: string): boolean {
  return text.trimStart().toLowerCase().startsWith(title.trim().toLowerCase());
}
