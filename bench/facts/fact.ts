/** The kind of a right answer; every fact has exactly one right value of its kind. */
export type ValueKind =
  'year' | 'number' | 'symbol' | 'formula' | 'family' | 'country' | 'place' | 'person';

export type Relation = (typeof relations)[number];

export const relations = [
  'capital',
  'country',
  'nationality',
  'creator',
  'year',
  'symbol',
  'atomicNumber',
  'formula',
  'family',
] as const;

/** A statement of one summary, used as a question. */
export interface Fact {
  readonly relation: Relation;
  readonly kind: ValueKind;
  readonly question: string;
  /** As `valuesIn` returns it. */
  readonly value: string;
  /** Spellings of the answer; for names, any of them is right. */
  readonly written: readonly string[];
  /** Id of the summary that contains it. */
  readonly document: string;
  /** The sentence that contains it. */
  readonly evidence: string;
}
