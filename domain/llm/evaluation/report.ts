import type { CaseResult } from './result';
import { withBecause } from './unanswered';

/** A case a line, for programs. */
export function toJsonLines(results: readonly CaseResult[]): string {
  return results.map((result) => `${JSON.stringify(result)}\n`).join('');
}

export interface JUnitOptions {
  readonly suite: string;
  /** By dimension: the least score that counts as a success; 1 where none is named. */
  readonly passAt: Readonly<Record<string, number>>;
}

/**
 * JUnit XML as Jenkins and GitLab read it: a test suite a dimension, a test a case. What was not measured is an error, not a failure and not a success; what says nothing of the
 * dimension is skipped. A test's success is no verdict: gates give those.
 */
export function toJUnit(results: readonly CaseResult[], { suite, passAt }: JUnitOptions): string {
  const dimensions = [...new Set(results.flatMap(({ scores }) => Object.keys(scores)))];
  const suites = dimensions.map((dimension) => {
    const least = passAt[dimension] ?? 1;
    const tests = results.map((result) => ({ result, outcome: outcomeOf(result, dimension, least) }));
    const count = (kind: string) => tests.filter(({ outcome }) => outcome.kind === kind).length;
    const counts = `tests="${tests.length}" failures="${count('failure')}" errors="${count('error')}" skipped="${count('skipped')}"`;
    const lines = tests.map(({ result, outcome }) => testCase(dimension, result, outcome));
    return `  <testsuite name="${escaped(`${suite}.${dimension}`)}" ${counts}>\n${lines.join('\n')}\n  </testsuite>`;
  });
  return `<?xml version="1.0" encoding="UTF-8"?>\n<testsuites name="${escaped(suite)}">\n${suites.join('\n')}\n</testsuites>\n`;
}

export type Outcome =
  | { readonly kind: 'success' }
  | { readonly kind: 'skipped' }
  | { readonly kind: 'failure'; readonly message: string }
  | { readonly kind: 'error'; readonly message: string };

/** What a case counts as in one dimension, where so much is needed at least. */
export function outcomeOf({ scores, unanswered, because }: CaseResult, dimension: string, least: number): Outcome {
  const score = scores[dimension];
  if (score === undefined || score.kind === 'failed') {
    const reason = score?.reason ?? unanswered ?? 'not measured';
    return { kind: 'error', message: withBecause(reason, reason === unanswered ? because : null) };
  }
  if (score.kind === 'notApplicable') return { kind: 'skipped' };
  if (score.value >= least) return { kind: 'success' };
  return {
    kind: 'failure',
    message: `${score.value.toFixed(3)}, at least ${least} counts${score.detail === undefined ? '' : `: ${score.detail}`}`,
  };
}

function testCase(dimension: string, { id, latencyMs }: CaseResult, outcome: Outcome): string {
  const time = latencyMs === null ? '' : ` time="${(latencyMs / 1000).toFixed(3)}"`;
  const head = `    <testcase classname="${escaped(dimension)}" name="${escaped(id)}"${time}`;
  if (outcome.kind === 'success') return `${head}/>`;
  const inside = outcome.kind === 'skipped' ? '<skipped/>' : `<${outcome.kind} message="${escaped(outcome.message)}"/>`;
  return `${head}>${inside}</testcase>`;
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

/** XML 1.0 has no word at all for most control characters: they become the replacement character. */
function escaped(text: string): string {
  return text
    .replace(/[&<>"\n\t\r]/g, (character) => entities[character] ?? '')
    .replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/g, '\ufffd');
}
