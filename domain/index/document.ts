/** One text that can be found: what a row of a documents dataset says. */
export interface IndexDocument {
  /** Unique in the dataset; answers and gold labels name it. */
  readonly id: string;
  readonly title: string | null;
  readonly text: string;
  /** Where it came from, shown as the citation; null when the dataset does not say. */
  readonly source: string | null;
}

/**
 * Why a document is not in an index. It is counted and listed under its reason; the others go on.
 */
export type Rejection =
  'withoutId' | 'duplicateId' | 'unreadable' | 'empty' | 'tooLarge' | 'binary' | 'encoding';

export type RejectionCounts = Readonly<Partial<Record<Rejection, number>>>;

/**
 * Bytes of the text of a document that is changed in an index: larger ones are refused before the
 * change is accepted.
 */
export const largestChange = 8 << 20;

/**
 * A share of characters that no text in the right encoding has: one in fifty. Single ones are kept,
 * since old texts hold a form feed or a lost character.
 */
const strangeShare = 0.02;

/**
 * What is wrong with a text, or null. A NUL is never text. U+FFFD is what a decoder writes for
 * bytes that are not UTF-8, and `Ã©`-like pairs are UTF-8 that was read as Latin-1.
 */
export function rejectionOf({ id, text }: Pick<IndexDocument, 'id' | 'text'>): Rejection | null {
  if (id.trim() === '') return 'withoutId';
  if (text.includes('\0')) return 'binary';
  if (!/[\p{L}\p{N}]/u.test(text))
    return text.trim() === '' || !/\p{Cc}/u.test(text.trim()) ? 'empty' : 'binary';
  const length = text.length;
  if (count(text, /[\u0001-\u0008\u000e-\u001f\u007f]/g) > strangeShare * length) return 'binary';
  const lost = count(text, /\ufffd/g);
  const doubled = count(text, /[\u00c2-\u00f4][\u0080-\u00bf]/g);
  return lost > strangeShare * length || doubled > strangeShare * length ? 'encoding' : null;
}

function count(text: string, pattern: RegExp): number {
  return text.match(pattern)?.length ?? 0;
}

export function rejectedOf(counts: RejectionCounts): number {
  return Object.values(counts).reduce((sum, each) => sum + each, 0);
}
