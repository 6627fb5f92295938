/** A place in an answer that names a passage: `[1]`, or one of the numbers of `[2, 3]`. */
export interface Citation {
  readonly number: number;
  /** Half-open, UTF-16: the whole mark, brackets too. */
  readonly start: number;
  readonly end: number;
}

const mark = /\[(\d{1,3}(?:\s*[,;]\s*\d{1,3})*)\]/g;

export function citationsIn(answer: string): readonly Citation[] {
  return [...answer.matchAll(mark)].flatMap(({ 0: whole, 1: numbers = '', index: start }) =>
    numbers.split(/[,;]/).map((number) => ({ number: Number(number), start, end: start + whole.length })),
  );
}

/** Each number once, in the order in which the answer names them. */
export function citedNumbers(answer: string): readonly number[] {
  return [...new Set(citationsIn(answer).map(({ number }) => number))];
}

export function withoutCitations(answer: string): string {
  return answer.replace(mark, ' ');
}
