/** What a right answer is: a value of this kind, and no other one. */
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

/** A statement of one summary, asked about. */
export interface Fact {
  readonly relation: Relation;
  readonly kind: ValueKind;
  readonly question: string;
  /** As `valuesIn` gives it. */
  readonly value: string;
  /** Ways to write it: with names, any of them is right. */
  readonly written: readonly string[];
  /** Id of the summary that says so. */
  readonly document: string;
  /** Its words that do. */
  readonly evidence: string;
}
