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

/**
 * NDJSON, a case a line. A second case of the same id is a mistake: its scores would take the place
 * of the first one's.
 */
export function readCaseSet(ndjson: string, fileName: string): CaseSet {
  return casesBy(caseSchema, ndjson, fileName);
}

/**
 * Cases that were accepted before: what is refused since, when cases are written, is none of their
 * mistakes. @throws InvalidInput rather than leave one out
 */
export function readStoredCases(ndjson: string, fileName: string): readonly EvaluationCase[] {
  const { cases, issues } = casesBy(storedCase, ndjson, fileName);
  if (issues.length > 0) throw invalid(fileName, issues);
  return cases;
}

/**
 * As far as they can be read, for whoever looks at what they bring; what is wrong with them
 * `readCaseSet` says.
 */
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
            detail: `the id ${id} is that of line ${before}`,
            file: fileName,
            line,
          },
        ];
  });
  const cases = lines.flatMap(({ line, value }) => (first.get(value.id) === line ? [value] : []));
  const inOrder = [...issues, ...twice].sort((a, b) => (a.line ?? 0) - (b.line ?? 0));
  return { cases, issues: inOrder.slice(0, mostIssues) };
}

/** NDJSON, a labelled answer a line. Several answers to one case are as many labels. */
export function readLabelledAnswers(
  ndjson: string,
  fileName: string,
): { readonly answers: readonly LabelledAnswer[]; readonly issues: readonly Issue[] } {
  const { lines, issues } = readLines(ndjson, fileName, labelledSchema);
  return { answers: lines.map(({ value }) => value), issues };
}

/** The same as for cases. @throws InvalidInput rather than leave one out */
export function readStoredAnswers(ndjson: string, fileName: string): readonly LabelledAnswer[] {
  const { lines, issues } = readLines(ndjson, fileName, storedLabelled);
  if (issues.length > 0) throw invalid(fileName, issues);
  return lines.map(({ value }) => value);
}

export function writeCaseSet(cases: readonly EvaluationCase[]): string {
  return cases.map((each) => `${JSON.stringify(each)}\n`).join('');
}
