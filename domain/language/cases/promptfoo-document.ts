import { truncateText } from '../../text';
import { isMap, type DocumentPath } from '../../document/path';
import type { Issue } from '../../failure';
import { yamlDocument } from '../../document/yaml-document.schema';
import type { SourceDocument } from '../../document/document';
import type { EvaluationCase } from './case';
import {
  convertAssertion,
  fillVariables,
  ignoredPart,
  type ImportedAssertion,
} from './promptfoo-assertion';

export interface ImportedCases {
  readonly cases: readonly EvaluationCase[];
  /** Parts of the file that were not imported, with their places and what to do instead. */
  readonly leftOut: readonly Issue[];
  /** Errors in the file; with errors there are no cases. */
  readonly issues: readonly Issue[];
}

/** Largest number of combinations of one test's lists; more are most likely an error. */
const maxCombinations = 1_000;

/**
 * Imports the test cases of a promptfoo configuration, or of a file with only tests. `vars` become
 * the input and assertions the rules. As in promptfoo, lists of values make one case per
 * combination, `defaultTest` applies to every test, and assertions may use variables. Every ignored
 * provider, prompt, assertion and option is listed.
 */
export function importPromptfoo(text: string, fileName: string): ImportedCases {
  const document = yamlDocument(text, fileName);
  const { value, issueAt } = document;
  if (document.issues.length > 0) return { cases: [], leftOut: [], issues: document.issues };
  const path: DocumentPath = Array.isArray(value) ? [] : ['tests'];
  const tests = Array.isArray(value)
    ? (value as unknown[])
    : isMap(value)
      ? value['tests']
      : undefined;
  if (!Array.isArray(tests)) {
    const detail =
      typeof tests === 'string'
        ? `the tests are in ${tests}; import that file`
        : 'the file has no list of tests';
    return { cases: [], leftOut: [], issues: [issueAt(path, detail)] };
  }
  const defaults = isMap(value) && isMap(value['defaultTest']) ? value['defaultTest'] : {};
  const leftOut: Issue[] = [];
  if (isMap(value)) leftOut.push(...ignoredParts(value, document));
  const common = assertionsIn(defaults, ['defaultTest'], document, leftOut);
  leftOut.push(...listIgnoredParts(defaults, ['defaultTest'], document));
  const ids = new Set<string>();
  const cases = (tests as unknown[]).flatMap((test, index): readonly EvaluationCase[] => {
    const at: DocumentPath = [...path, index];
    if (!isMap(test)) {
      leftOut.push(
        issueAt(
          at,
          typeof test === 'string'
            ? `these tests are in ${test}; import that file`
            : 'a test must be a map',
        ),
      );
      return [];
    }
    const vars = { ...toMap(defaults['vars']), ...toMap(test['vars']) };
    const own = assertionsIn(test, at, document, leftOut);
    leftOut.push(...listIgnoredParts(test, at, document));
    const inputs = combinations(vars, at, document, leftOut);
    const name =
      typeof test['description'] === 'string' && test['description'].trim() !== ''
        ? test['description'].trim()
        : `test ${index + 1}`;
    return inputs.map((input, number) => {
      const id = unique(inputs.length > 1 ? `${name} (${number + 1})` : name, ids);
      return buildCase(id, input, fillValues([...common, ...own], input));
    });
  });
  return { cases, leftOut, issues: [] };

  /** The assertions with this case's values. Each that cannot be filled is reported once. */
  function fillValues(
    assertions: readonly Placed[],
    input: EvaluationCase['input'],
  ): readonly ImportedAssertion[] {
    return assertions.flatMap(({ assertion, at }) => {
      const read = fillVariables(assertion, input);
      if (read.kind === 'read') return [read];
      const issue = issueAt(at, read.why);
      if (
        !leftOut.some(({ pointer, detail }) => pointer === issue.pointer && detail === issue.detail)
      )
        leftOut.push(issue);
      return [];
    });
  }
}

interface Placed {
  readonly assertion: ImportedAssertion;
  readonly at: DocumentPath;
}

/** The ignored parts of a configuration, one issue per provider and prompt. */
function ignoredParts(
  configuration: Readonly<Record<string, unknown>>,
  { issueAt }: SourceDocument,
): readonly Issue[] {
  const read = new Set(['tests', 'defaultTest', 'description', '$schema']);
  return Object.entries(configuration).flatMap(([key, value]): readonly Issue[] => {
    if (read.has(key) || value === undefined || value === null) return [];
    const why = (ignored[key] ?? 'not supported').trim();
    const entries: readonly unknown[] = Array.isArray(value) ? value : [value];
    if (key !== 'providers' && key !== 'prompts') return [issueAt([key], `${key}: ${why}`)];
    return entries.map((entry, index) =>
      issueAt(
        Array.isArray(value) ? [key, index] : [key],
        `the ${key.slice(0, -1)} ${nameIn(entry)}: ${why}`,
      ),
    );
  });
}

const ignored: Readonly<Record<string, string>> = {
  providers: 'not imported; use --model or --spec',
  prompts: 'not imported; use --prompt',
  scenarios: 'not imported; write them as tests',
  evaluateOptions: 'not imported; use --parallel',
  env: 'not imported; the operator configures keys',
};

const shownOfName = 60;

function nameIn(entry: unknown): string {
  const named = isMap(entry) ? (entry['id'] ?? entry['label'] ?? Object.keys(entry)[0]) : entry;
  const line = (typeof named === 'string' ? named : JSON.stringify(named))
    .replace(/\s+/g, ' ')
    .trim();
  return line.length <= shownOfName ? line : `${truncateText(line, shownOfName - 1)}…`;
}

/** The ignored parts of a test. */
function listIgnoredParts(
  test: Readonly<Record<string, unknown>>,
  at: DocumentPath,
  { issueAt }: SourceDocument,
): readonly Issue[] {
  const read = new Set(['vars', 'assert', 'description', 'metadata']);
  return Object.entries(test).flatMap(([key, value]): readonly Issue[] => {
    if (read.has(key) || value === undefined || value === null) return [];
    if (key === 'threshold')
      return [issueAt([...at, key], 'threshold is ignored, because all rules of a case must hold')];
    if (key !== 'options' || !isMap(value)) return [issueAt([...at, key], `${key}: not supported`)];
    return Object.keys(value).map((option) =>
      issueAt(
        [...at, key, option],
        option === 'transform'
          ? 'options.transform: code is not run; answers are checked as they are'
          : `options.${option}: not supported`,
      ),
    );
  });
}

function buildCase(
  id: string,
  input: EvaluationCase['input'],
  assertions: readonly ImportedAssertion[],
): EvaluationCase {
  const answers = assertions.flatMap(({ answer }) => (answer === undefined ? [] : [answer]));
  const [answer, ...otherAnswers] = [...new Set(answers)];
  const expected =
    answer === undefined ? {} : { answer, ...(otherAnswers.length > 0 ? { otherAnswers } : {}) };
  return {
    id,
    input,
    expected,
    tags: [],
    group: null,
    pair: null,
    rules: assertions.flatMap(({ rules }) => rules),
  };
}

function assertionsIn(
  test: Readonly<Record<string, unknown>>,
  at: DocumentPath,
  { issueAt }: SourceDocument,
  leftOut: Issue[],
): readonly Placed[] {
  const written = test['assert'];
  const asserts = Array.isArray(written) ? (written as unknown[]) : [];
  if (!Array.isArray(written) && written !== undefined && written !== null)
    leftOut.push(issueAt([...at, 'assert'], 'assert is not a list'));
  return asserts.flatMap((each, index) => {
    const place = [...at, 'assert', index];
    const read = convertAssertion(each);
    const why = read.kind === 'read' ? ignoredPart(each) : read.why;
    if (why !== null) leftOut.push(issueAt(place, why));
    return read.kind === 'read' ? [{ assertion: read, at: place }] : [];
  });
}

function combinations(
  vars: Readonly<Record<string, unknown>>,
  at: DocumentPath,
  { issueAt }: SourceDocument,
  leftOut: Issue[],
): readonly EvaluationCase['input'][] {
  let inputs: EvaluationCase['input'][] = [{}];
  for (const [name, value] of Object.entries(vars)) {
    const values = (Array.isArray(value) ? (value as unknown[]) : [value]).flatMap(
      (each): readonly (string | number)[] => {
        if (typeof each === 'string' && each.startsWith('file://')) {
          leftOut.push(
            issueAt([...at, 'vars', name], `${name} is in ${each}; write its text here`),
          );
          return [];
        }
        if (typeof each === 'string' || typeof each === 'number') return [each];
        return [typeof each === 'boolean' ? String(each) : JSON.stringify(each)];
      },
    );
    if (Array.isArray(value) && value.length === 0)
      leftOut.push(issueAt([...at, 'vars', name], `${name} has no values`));
    // Checked before they are built, because long lists might not fit into memory.
    if (inputs.length * values.length > maxCombinations) {
      leftOut.push(
        issueAt([...at, 'vars'], `the variables have more than ${maxCombinations} combinations`),
      );
      return [];
    }
    inputs = inputs.flatMap((input) => values.map((each) => ({ ...input, [name]: each })));
  }
  return inputs;
}

function unique(name: string, ids: Set<string>): string {
  const first = truncateText(name, 180);
  let id = first;
  for (let number = 2; ids.has(id); number += 1) id = `${first} #${number}`;
  ids.add(id);
  return id;
}

function toMap(value: unknown): Readonly<Record<string, unknown>> {
  return isMap(value) ? value : {};
}
