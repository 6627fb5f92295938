import { resolve } from 'node:path';
import type { Issue } from '../../../domain/failure';
import { formatIssue } from '../../../domain/document/issue-text';
import { caseSlice } from '../../../domain/language/cases/case-slices';
import type { EvaluationCase } from '../../../domain/language/cases/case';
import { readCaseSet, writeCaseSet } from '../../../domain/language/cases/case-set-document';
import { importPromptfoo } from '../../../domain/language/cases/promptfoo-document';
import type { LlmLifecycleSpec } from '../../../domain/lifecycle/llm/llm-lifecycle';
import { CliError } from '../cli-error';
import type { Terminal } from '../terminal';
import { readTextFile } from '../text-file';

export interface ReadCases {
  /** NDJSON, as the API accepts it. */
  readonly text: string;
  readonly cases: readonly EvaluationCase[];
}

/**
 * NDJSON unchanged, or the test cases of a promptfoo configuration with one line for each ignored
 * part. `strict` refuses a configuration with ignored parts.
 */
export function readCasesFile(
  path: string,
  cwd: string,
  terminal: Terminal,
  { strict = false }: { readonly strict?: boolean } = {},
): ReadCases {
  const text = textOfFile(path, cwd);
  if (!/\.ya?ml$/.test(path)) {
    const { cases, issues } = readCaseSet(text, path);
    return checkCases({ text, cases }, path, issues);
  }
  const { cases, leftOut, issues } = importPromptfoo(text, path);
  if (strict && leftOut.length > 0) {
    const lines = leftOut.map((issue) => `\n  ${formatIssue(issue)}`).join('');
    throw new CliError(
      `${path}: ${leftOut.length} parts would be ignored, which --strict does not allow; nothing was started${lines}`,
      2,
      'remove them, or omit --strict',
    );
  }
  for (const issue of leftOut)
    terminal.say(terminal.paint.yellow(`ignored: ${formatIssue(issue)}`));
  return checkCases({ text: writeCaseSet(cases), cases }, path, issues);
}

/**
 * Without the evaluation cases of a lifecycle, on which a prompt that they chose would look better
 * than it is. Cases are compared by id, in any file.
 */
export function withoutJudging(
  { cases }: ReadCases,
  { name, spec }: { readonly name: string; readonly spec: Pick<LlmLifecycleSpec, 'cases'> },
): ReadCases {
  const left = cases.filter((each) => caseSlice(each, spec.cases) !== 'judge');
  if (left.length > 0) return { text: writeCaseSet(left), cases: left };
  throw new CliError(
    `${name} evaluates with all ${cases.length} cases; none is left for the search`,
    2,
    'raise spec.cases.search and spec.cases.confirm, or use other cases',
  );
}

function checkCases(read: ReadCases, path: string, issues: readonly Issue[]): ReadCases {
  if (issues.length > 0) {
    const count = `${issues.length} error${issues.length === 1 ? '' : 's'}`;
    throw new CliError(
      `${path}: ${count}; nothing was started\n${issues.map((issue) => `  ${formatIssue(issue)}`).join('\n')}`,
      2,
    );
  }
  if (read.cases.length === 0) throw new CliError(`${path} has no cases`, 2);
  return read;
}

/** `embedded/smollm2-135m-instruct`; names of models may contain slashes. */
export function parseModel(text: string): { readonly provider: string; readonly name: string } {
  const at = text.indexOf('/');
  if (at > 0 && at < text.length - 1)
    return { provider: text.slice(0, at), name: text.slice(at + 1) };
  throw new CliError(
    `--model ${text} is not of the form provider/model`,
    2,
    'such as embedded/smollm2-135m-instruct',
  );
}

export function textOfFile(path: string, cwd: string): string {
  return readTextFile(resolve(cwd, path), path);
}
