import type { Issue } from '../../failure';
import { invalid } from '../../document/issue-text';
import type { EvaluationCase } from './case';
import { caseSchema, storedCase } from './case.schema';
import { labelledSchema, storedLabelled } from './labelled.schema';
import type { LabelledAnswer } from './labelled';
import { mostIssues, readLines } from './ndjson-document';

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
  const { cases, issues } = casesBy(storedCase, ndjson, fileName);
  if (issues.length > 0) throw invalid(fileName, issues);
  return cases;
}

/** The readable cases of a file; `readCaseSet` reports the errors. */
export function casesIn(ndjson: string, fileName: string): readonly EvaluationCase[] {
  return casesBy(storedCase, ndjson, fileName).cases;
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
  return { cases, issues: inOrder.slice(0, mostIssues) };
}

/** NDJSON with one labelled answer per line. A case may have several. */
export function readLabelledAnswers(
  ndjson: string,
  fileName: string,
): { readonly answers: readonly LabelledAnswer[]; readonly issues: readonly Issue[] } {
  const { lines, issues } = readLines(ndjson, fileName, labelledSchema);
  return { answers: lines.map(({ value }) => value), issues };
}

/** Answers that were accepted before. @throws InvalidInput if a line cannot be read */
export function readStoredAnswers(ndjson: string, fileName: string): readonly LabelledAnswer[] {
  const { lines, issues } = readLines(ndjson, fileName, storedLabelled);
  if (issues.length > 0) throw invalid(fileName, issues);
  return lines.map(({ value }) => value);
}

export function writeCaseSet(cases: readonly EvaluationCase[]): string {
  return cases.map((each) => `${JSON.stringify(each)}\n`).join('');
}
