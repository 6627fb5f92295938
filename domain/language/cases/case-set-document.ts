import type { Issue } from '../../failure';
import { invalidInput } from '../../document/issue-text';
import type { EvaluationCase } from './case';
import { caseSchema, storedCaseSchema } from './case.schema';
import { labelledAnswerSchema, storedLabelledAnswerSchema } from './labelled-answer.schema';
import type { LabelledAnswer } from './labelled-answer';
import { maxIssues, readLines } from './ndjson-document';

export interface CaseSet {
  readonly cases: readonly EvaluationCase[];
  readonly issues: readonly Issue[];
}

/** NDJSON with one case per line. A duplicate id is an error, because scores are kept by id. */
export function readCaseSet(ndjson: string, fileName: string): CaseSet {
  return casesBy(caseSchema, ndjson, fileName);
}

/**
 * Cases that were accepted before, without the checks that were added since.
 * @throws InvalidInput if a line cannot be read
 */
export function readStoredCases(ndjson: string, fileName: string): readonly EvaluationCase[] {
  const { cases, issues } = casesBy(storedCaseSchema, ndjson, fileName);
  if (issues.length > 0) throw invalidInput(fileName, issues);
  return cases;
}

/** The readable cases of a file; `readCaseSet` reports the errors. */
export function readableCases(ndjson: string, fileName: string): readonly EvaluationCase[] {
  return casesBy(storedCaseSchema, ndjson, fileName).cases;
}

function casesBy(schema: typeof caseSchema, ndjson: string, fileName: string): CaseSet {
  const { lines, issues } = readLines(ndjson, fileName, schema);
  const first = new Map<string, number>();
  const twice = lines.flatMap(({ line, value: { id } }): readonly Issue[] => {
    const before = first.get(id);
    if (before === undefined) first.set(id, line);
    return before === undefined
      ? []
      : [
          {
            pointer: '/id',
            detail: `the id ${id} is already used in line ${before}`,
            file: fileName,
            line,
          },
        ];
  });
  const cases = lines.flatMap(({ line, value }) => (first.get(value.id) === line ? [value] : []));
  const inOrder = [...issues, ...twice].sort((a, b) => (a.line ?? 0) - (b.line ?? 0));
  return { cases, issues: inOrder.slice(0, maxIssues) };
}

/** NDJSON with one labelled answer per line. A case may have several. */
export function readLabelledAnswers(
  ndjson: string,
  fileName: string,
): { readonly answers: readonly LabelledAnswer[]; readonly issues: readonly Issue[] } {
  const { lines, issues } = readLines(ndjson, fileName, labelledAnswerSchema);
  return { answers: lines.map(({ value }) => value), issues };
}

/** Answers that were accepted before. @throws InvalidInput if a line cannot be read */
export function readStoredAnswers(ndjson: string, fileName: string): readonly LabelledAnswer[] {
  const { lines, issues } = readLines(ndjson, fileName, storedLabelledAnswerSchema);
  if (issues.length > 0) throw invalidInput(fileName, issues);
  return lines.map(({ value }) => value);
}

export function writeCaseSet(cases: readonly EvaluationCase[]): string {
  return cases.map((each) => `${JSON.stringify(each)}\n`).join('');
}
