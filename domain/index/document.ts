/** One row of a dataset of documents. */
export interface IndexDocument {
  /** Unique in the dataset; used in answers and gold labels. */
  readonly id: string;
  readonly title: string | null;
  readonly text: string;
  /** Origin of the document, shown in citations; null if the dataset has none. */
  readonly source: string | null;
}

/** Why a document is left out of an index. Rejected documents are counted by reason. */
export type Rejection =
  'withoutId' | 'duplicateId' | 'unreadable' | 'empty' | 'tooLarge' | 'binary' | 'encoding';

export type RejectionCounts = Readonly<Partial<Record<Rejection, number>>>;

/** Largest text of a document in a change to an index, in bytes. Larger changes are rejected. */
export const maxChangeBytes = 8 << 20;

/** Share of unusual characters from which an encoding is wrong. Old texts may have single ones. */
const strangeShare = 0.02;

/**
 * Why a text is rejected, or null. NUL is never text. U+FFFD replaces bytes that are not UTF-8, and
 * pairs such as `Ã©` are UTF-8 that was read as Latin-1.
 */
export function findRejection({ id, text }: Pick<IndexDocument, 'id' | 'text'>): Rejection | null {
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

export function countRejected(counts: RejectionCounts): number {
  return Object.values(counts).reduce((sum, each) => sum + each, 0);
}
