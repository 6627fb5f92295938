import { objectDocument } from '../../document';
import type { Issue } from '../../failure';
import { readBy } from '../../schema-issues.schema';
import type { EvaluationCase } from './case';
import { caseSchema } from './case.schema';

export interface CaseSet {
  readonly cases: readonly EvaluationCase[];
  /** Lines that are no case, each with its number: counted, and never silently left out. */
  readonly issues: readonly Issue[];
}

/** Mistakes of a set beyond which the rest are the same again. */
const mostIssues = 100;

/** NDJSON, a case a line; empty lines are none. A second case of the same id is a mistake: its scores would take the place of the first one's. */
export function readCaseSet(ndjson: string, fileName: string): CaseSet {
  const issues: Issue[] = [];
  const cases: EvaluationCase[] = [];
  const lines = new Map<string, number>();
  ndjson.split('\n').forEach((text, index) => {
    const line = index + 1;
    if (text.trim() === '') return;
    const read = readLine(text, fileName);
    if (!read.ok) {
      issues.push(...read.issues.map((issue) => ({ ...issue, line })));
      return;
    }
    const before = lines.get(read.value.id);
    if (before !== undefined) {
      issues.push({ pointer: '/id', detail: `the id ${read.value.id} is that of line ${before}`, file: fileName, line });
      return;
    }
    lines.set(read.value.id, line);
    cases.push(read.value);
  });
  return { cases, issues: issues.slice(0, mostIssues) };
}

function readLine(text: string, fileName: string) {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return { ok: false as const, issues: [{ pointer: '', detail: 'the line is not JSON', file: fileName }] };
  }
  const document = objectDocument(value, fileName);
  return document.issues.length > 0 ? { ok: false as const, issues: document.issues } : readBy(caseSchema, document);
}

export function writeCaseSet(cases: readonly EvaluationCase[]): string {
  return cases.map((each) => `${JSON.stringify(each)}\n`).join('');
}
