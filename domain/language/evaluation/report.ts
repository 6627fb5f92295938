import { budgetUnits } from '../../budget/budget';
import { figure, plain } from '../../format';
import { expectedAnswers, type EvaluationCase } from '../cases/case';
import type { CaseResult } from './result';
import { reasonWithMessage } from './unanswered-cases';

/** A case for users, with its cost in US dollars. */
export type CaseReport = Omit<CaseResult, 'cost'> & { readonly costUsd: number | null };

export function toCaseReport({ cost, ...result }: CaseResult): CaseReport {
  return { ...result, costUsd: cost === null ? null : cost / budgetUnits.usd };
}

/** JSON Lines: one case per line, for programs. */
export function toJsonLines(results: readonly CaseReport[]): string {
  return results.map((result) => `${JSON.stringify(result)}\n`).join('');
}

export interface JUnitOptions {
  readonly suite: string;
  /** Dimension → lowest score that passes; 1 by default. */
  readonly passAt: Readonly<Record<string, number>>;
  /**
   * If given, the gates decide and cases never fail, so that the report agrees with the verdict.
   * Without gates each case passes or fails by itself.
   */
  readonly gates?: readonly JUnitGate[];
}

export interface JUnitGate {
  readonly name: string;
  /** Why the gate did not pass; null if it passed. */
  readonly failure: string | null;
}

/**
 * JUnit XML for Jenkins and GitLab: each case once with all its dimensions, and a suite for the
 * gates if there are any. Without gates an unmeasured case is an error, not a failure, and a case
 * to which no dimension applies is skipped.
 */
export function toJUnit(
  results: readonly CaseReport[],
  { suite, passAt, gates }: JUnitOptions,
): string {
  const dimensions = [...new Set(results.flatMap(({ scores }) => Object.keys(scores)))];
  const cases = results.map((result) => {
    const outcome = ofAll(
      dimensions.map(
        (dimension) =>
          [dimension, classifyCase(result, dimension, passAt[dimension] ?? 1)] as const,
      ),
    );
    const time = result.latencyMs === null ? '' : ` time="${(result.latencyMs / 1000).toFixed(3)}"`;
    return {
      head: `classname="${escapeXml(suite)}" name="${escapeXml(result.id)}"${time}`,
      outcome,
      text: caseText(result),
    };
  });
  const suites =
    gates === undefined
      ? [summarizeSuite(suite, cases)]
      : [
          summarizeSuite(
            `${suite}.gates`,
            gates.map(({ name, failure }) => ({
              head: `classname="${escapeXml(`${suite}.gates`)}" name="${escapeXml(name)}"`,
              outcome:
                failure === null ? { kind: 'success' } : { kind: 'failure', message: failure },
              text: '',
            })),
          ),
          summarizeSuite(suite, cases.map(withoutFailing)),
        ];
  return `<?xml version="1.0" encoding="UTF-8"?>\n<testsuites name="${escapeXml(suite)}">\n${suites.join('\n')}\n</testsuites>\n`;
}

export type CaseOutcome =
  | { readonly kind: 'success' }
  | { readonly kind: 'skipped' }
  | { readonly kind: 'failure'; readonly message: string }
  | { readonly kind: 'error'; readonly message: string };

/** The outcome of a case in one dimension, where a score of `min` passes. */
export function classifyCase(
  { scores, unanswered, because }: Omit<CaseReport, 'costUsd'>,
  dimension: string,
  min: number,
): CaseOutcome {
  const score = scores[dimension];
  if (score === undefined || score.kind === 'failed') {
    const reason = score?.reason ?? unanswered ?? 'not measured';
    return {
      kind: 'error',
      message: reasonWithMessage(reason, reason === unanswered ? because : null),
    };
  }
  if (score.kind === 'notApplicable') return { kind: 'skipped' };
  if (score.value >= min) return { kind: 'success' };
  return {
    kind: 'failure',
    message: reasonWithMessage(`${figure(score.value)} is below ${plain(min)}`, score.detail),
  };
}

/** The question, for people: a single value without its name, several with their names. */
export function questionText(input: EvaluationCase['input']): string {
  const values = Object.entries(input).map(
    ([name, value]) => [name, Array.isArray(value) ? value.join(', ') : String(value)] as const,
  );
  const [only] = values;
  return only && values.length === 1
    ? only[1]
    : values.map(([name, value]) => `${name}: ${value}`).join('\n');
}

/** The expected answer, for people; empty if only rules or a judge decide. */
export function expectedText(expected: EvaluationCase['expected']): string {
  const { label, documents = [], schema } = expected;
  return [
    expectedAnswers(expected).join(' | '),
    ...(label === undefined ? [] : [label]),
    ...(documents.length === 0 ? [] : [`documents ${documents.join(', ')}`]),
    ...(schema === undefined ? [] : [`JSON of the schema ${JSON.stringify(schema)}`]),
  ]
    .filter((part) => part !== '')
    .join('; ');
}

/** A failure in one dimension fails the case; else a missing measurement makes it an error. */
function ofAll(
  outcomes: readonly (readonly [dimension: string, outcome: CaseOutcome])[],
): CaseOutcome {
  const messages = (kind: 'failure' | 'error') =>
    outcomes.flatMap(([dimension, outcome]) =>
      outcome.kind === kind ? [`${dimension} ${outcome.message}`] : [],
    );
  const [failures, errors] = [messages('failure'), messages('error')];
  if (failures.length > 0) return { kind: 'failure', message: [...failures, ...errors].join('; ') };
  if (errors.length > 0) return { kind: 'error', message: errors.join('; ') };
  return { kind: outcomes.some(([, { kind }]) => kind === 'success') ? 'success' : 'skipped' };
}

interface TestCase {
  readonly head: string;
  readonly outcome: CaseOutcome;
  readonly text: string;
}

function withoutFailing({ head, outcome, text }: TestCase): TestCase {
  const message =
    outcome.kind === 'failure' || outcome.kind === 'error' ? `${outcome.message}\n${text}` : '';
  return { head, outcome: { kind: 'success' }, text: message };
}

function caseText({ input, expected, answer }: CaseReport): string {
  const lines: readonly (readonly [string, string])[] = [
    ['question', input === undefined ? '' : questionText(input)],
    ['expected', expected === undefined ? '' : expectedText(expected)],
    ['answer', answer ?? ''],
  ];
  return lines.flatMap(([name, text]) => (text === '' ? [] : [`${name}: ${text}`])).join('\n');
}

function summarizeSuite(name: string, cases: readonly TestCase[]): string {
  const count = (kind: CaseOutcome['kind']) =>
    cases.filter(({ outcome }) => outcome.kind === kind).length;
  const counts = `tests="${cases.length}" failures="${count('failure')}" errors="${count('error')}" skipped="${count('skipped')}"`;
  const lines = cases.map(testCase);
  return [`  <testsuite name="${escapeXml(name)}" ${counts}>`, ...lines, '  </testsuite>'].join(
    '\n',
  );
}

function testCase({ head, outcome, text }: TestCase): string {
  const start = `    <testcase ${head}`;
  const body = escapedText(text);
  switch (outcome.kind) {
    case 'success':
      return body === '' ? `${start}/>` : `${start}><system-out>${body}</system-out></testcase>`;
    case 'skipped':
      return `${start}><skipped/></testcase>`;
    case 'failure':
    case 'error':
      return `${start}><${outcome.kind} message="${escapeXml(outcome.message)}">${body}</${outcome.kind}></testcase>`;
  }
}

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  '\n': '&#10;',
  '\t': '&#9;',
  '\r': '&#13;',
};

/** XML 1.0 cannot represent most control characters, so they become the replacement character. */
function escapeXml(text: string): string {
  return withoutControls(text.replace(/[&<>"\n\t\r]/g, (character) => entities[character] ?? ''));
}

function escapedText(text: string): string {
  return withoutControls(text.replace(/[&<>]/g, (character) => entities[character] ?? ''));
}

function withoutControls(text: string): string {
  return text.replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/g, '\ufffd');
}
