import { beginning } from '../../whole-characters';
import { isMap, type DocumentPath } from '../../document/path';
import type { Issue } from '../../failure';
import { yamlDocument } from '../../document/yaml-document.schema';
import type { WrittenDocument } from '../../document/document';
import type { EvaluationCase } from './case';
import { assertionOf, filled, notCounted, type ReadAssertion } from './promptfoo-assertion';

export interface ImportedCases {
  readonly cases: readonly EvaluationCase[];
  /** What stands in the file and was not taken over, each with its place and what to do instead. */
  readonly leftOut: readonly Issue[];
  /** What is wrong with the file; then there are no cases. */
  readonly issues: readonly Issue[];
}

/** Combinations of one test's lists beyond which somebody made a mistake. */
const mostCombinations = 1_000;

/**
 * The test cases of a promptfoo configuration, or of a file of tests alone: `vars` become the
 * input, assertions what is expected. As there, a variable with a list of values makes a case of
 * each combination, `defaultTest` is part of every test, and assertions may name variables. Every
 * part of the file that is ignored is listed: each provider, prompt, assertion and option by
 * itself.
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
        ? `the tests are in ${tests}: import that file`
        : 'there is no list of tests';
    return { cases: [], leftOut: [], issues: [issueAt(path, detail)] };
  }
  const defaults = isMap(value) && isMap(value['defaultTest']) ? value['defaultTest'] : {};
  const leftOut: Issue[] = [];
  if (isMap(value)) leftOut.push(...ignoredParts(value, document));
  const common = assertionsIn(defaults, ['defaultTest'], document, leftOut);
  leftOut.push(...uncounted(defaults, ['defaultTest'], document));
  const ids = new Set<string>();
  const cases = (tests as unknown[]).flatMap((test, index): readonly EvaluationCase[] => {
    const at: DocumentPath = [...path, index];
    if (!isMap(test)) {
      leftOut.push(
        issueAt(
          at,
          typeof test === 'string'
            ? `the tests of ${test} are in a file of their own: import it`
            : 'a test must be a map',
        ),
      );
      return [];
    }
    const vars = { ...mapOf(defaults['vars']), ...mapOf(test['vars']) };
    const own = assertionsIn(test, at, document, leftOut);
    leftOut.push(...uncounted(test, at, document));
    const inputs = combinations(vars, at, document, leftOut);
    const name =
      typeof test['description'] === 'string' && test['description'].trim() !== ''
        ? test['description'].trim()
        : `test ${index + 1}`;
    return inputs.map((input, number) => {
      const id = unique(inputs.length > 1 ? `${name} (${number + 1})` : name, ids);
      return caseOf(id, input, known([...common, ...own], input));
    });
  });
  return { cases, leftOut, issues: [] };

  /**
   * With what their texts stand for in this case. One that is nothing in one of several
   * combinations is told once.
   */
  function known(
    assertions: readonly Placed[],
    input: EvaluationCase['input'],
  ): readonly ReadAssertion[] {
    return assertions.flatMap(({ assertion, at }) => {
      const read = filled(assertion, input);
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
  readonly assertion: ReadAssertion;
  readonly at: DocumentPath;
}

/** Parts of a configuration beside its tests, each entry of a list by itself. */
function ignoredParts(
  configuration: Readonly<Record<string, unknown>>,
  { issueAt }: WrittenDocument,
): readonly Issue[] {
  const read = new Set(['tests', 'defaultTest', 'description', '$schema']);
  return Object.entries(configuration).flatMap(([key, value]): readonly Issue[] => {
    if (read.has(key) || value === undefined || value === null) return [];
    const why = (ignored[key] ?? 'it has no counterpart here').trim();
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
  providers: 'name who answers by --model or in --spec',
  prompts: 'name what is asked by --prompt',
  scenarios: 'they are not read; write them as tests',
  evaluateOptions: 'say --parallel',
  env: 'keys are settings of the platform',
};

const shownOfName = 60;

function nameIn(entry: unknown): string {
  const named = isMap(entry) ? (entry['id'] ?? entry['label'] ?? Object.keys(entry)[0]) : entry;
  const line = (typeof named === 'string' ? named : JSON.stringify(named))
    .replace(/\s+/g, ' ')
    .trim();
  return line.length <= shownOfName ? line : `${beginning(line, shownOfName - 1)}…`;
}

/** What of a test says how its answer is looked at, and is not done here. */
function uncounted(
  test: Readonly<Record<string, unknown>>,
  at: DocumentPath,
  { issueAt }: WrittenDocument,
): readonly Issue[] {
  const read = new Set(['vars', 'assert', 'description', 'metadata']);
  return Object.entries(test).flatMap(([key, value]): readonly Issue[] => {
    if (read.has(key) || value === undefined || value === null) return [];
    if (key === 'threshold')
      return [issueAt([...at, key], 'threshold: all rules of a case must hold')];
    if (key !== 'options' || !isMap(value))
      return [issueAt([...at, key], `${key}: it has no counterpart here`)];
    return Object.keys(value).map((option) =>
      issueAt(
        [...at, key, option],
        option === 'transform'
          ? 'options.transform: it is code, which is not run; answers are looked at as they are'
          : `options.${option}: it has no counterpart here`,
      ),
    );
  });
}

function caseOf(
  id: string,
  input: EvaluationCase['input'],
  assertions: readonly ReadAssertion[],
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
  { issueAt }: WrittenDocument,
  leftOut: Issue[],
): readonly Placed[] {
  const written = test['assert'];
  const asserts = Array.isArray(written) ? (written as unknown[]) : [];
  if (!Array.isArray(written) && written !== undefined && written !== null)
    leftOut.push(issueAt([...at, 'assert'], 'assert is not a list'));
  return asserts.flatMap((each, index) => {
    const place = [...at, 'assert', index];
    const read = assertionOf(each);
    const why = read.kind === 'read' ? notCounted(each) : read.why;
    if (why !== null) leftOut.push(issueAt(place, why));
    return read.kind === 'read' ? [{ assertion: read, at: place }] : [];
  });
}

function combinations(
  vars: Readonly<Record<string, unknown>>,
  at: DocumentPath,
  { issueAt }: WrittenDocument,
  leftOut: Issue[],
): readonly EvaluationCase['input'][] {
  let inputs: EvaluationCase['input'][] = [{}];
  for (const [name, value] of Object.entries(vars)) {
    const values = (Array.isArray(value) ? (value as unknown[]) : [value]).flatMap(
      (each): readonly (string | number)[] => {
        if (typeof each === 'string' && each.startsWith('file://')) {
          leftOut.push(
            issueAt([...at, 'vars', name], `${name} is in ${each}: write its text here`),
          );
          return [];
        }
        if (typeof each === 'string' || typeof each === 'number') return [each];
        return [typeof each === 'boolean' ? String(each) : JSON.stringify(each)];
      },
    );
    if (Array.isArray(value) && value.length === 0)
      leftOut.push(issueAt([...at, 'vars', name], `${name} has no value`));
    // Before they are made: long lists would be more than fits into memory.
    if (inputs.length * values.length > mostCombinations) {
      leftOut.push(
        issueAt([...at, 'vars'], `more than ${mostCombinations} combinations of its variables`),
      );
      return [];
    }
    inputs = inputs.flatMap((input) => values.map((each) => ({ ...input, [name]: each })));
  }
  return inputs;
}

function unique(name: string, ids: Set<string>): string {
  const first = beginning(name, 180);
  let id = first;
  for (let number = 2; ids.has(id); number += 1) id = `${first} #${number}`;
  ids.add(id);
  return id;
}

function mapOf(value: unknown): Readonly<Record<string, unknown>> {
  return isMap(value) ? value : {};
}
