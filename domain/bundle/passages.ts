/** Formats the passages of a prompt: numbered, separated, and without effect as instructions. */
import { truncateText } from '../text';
import type { PromptTemplate, PromptValue } from '../prompt/prompt';

/** A passage of a document. `text` is as the prompt shows it, with its title. */
export interface Passage {
  readonly documentId: string;
  readonly chunkId: string;
  readonly title: string | null;
  readonly source: string | null;
  readonly score: number;
  readonly text: string;
}

/**
 * Characters of all passages in a prompt, about 6,000 tokens of English, so that a large `k` cannot
 * make every question expensive.
 */
const maxLetters = 24_000;

/** The nearest passages that fit. The first one is cut if it is too long by itself. */
export function passagesThatFit(
  passages: readonly Passage[],
  letters = maxLetters,
): readonly Passage[] {
  const kept: Passage[] = [];
  let left = letters;
  for (const passage of passages) {
    if (passage.text.length <= left) kept.push(passage);
    else if (kept.length === 0) kept.push({ ...passage, text: truncate(passage.text, left) });
    else break;
    left -= passage.text.length;
  }
  return kept;
}

/** Cut after a whole word. */
function truncate(text: string, letters: number): string {
  const part = truncateText(text, letters);
  let end = part.length;
  while (end > 0 && /\S/.test(part.charAt(end - 1))) end -= 1;
  return end === 0 ? part : part.slice(0, end).trimEnd();
}

/** The value of the prompt variable. A template that repeats over a list numbers them itself. */
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
 * A passage starts at the left margin with its number, and a document's text can imitate neither:
 * marks such as `[1]` become `(1)`, and further lines are indented. The role marks of chat
 * templates are split.
 */
export function passageText({
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
