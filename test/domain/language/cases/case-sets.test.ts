import {
  readCaseSet,
  readStoredAnswers,
  readStoredCases,
  writeCaseSet,
} from '../../../../domain/language/cases/case-set-document';
import { importPromptfoo } from '../../../../domain/language/cases/promptfoo-document';
import {
  toCaseReport,
  toJsonLines,
  toJUnit,
  type CaseReport,
} from '../../../../domain/language/evaluation/report';
import type { CaseResult } from '../../../../domain/language/evaluation/result';
import { toFailure, notApplicable, toScore } from '../../../../domain/language/evaluation/score';

describe('a case set', () => {
  test('is read line by line with defaults, and reads the same when it is written', () => {
    const text =
      '{"id":"a","input":{"question":"where?"},"expected":{"answer":"Rome"}}\n\n{"id":"b","input":{"n":1},"rules":[{"kind":"words","max":3}]}\n';
    const { cases, issues } = readCaseSet(text, 'cases.ndjson');
    expect(issues).toEqual([]);
    expect(cases).toMatchObject([
      { id: 'a', tags: [], group: null, rules: [] },
      { id: 'b', expected: {}, rules: [{ kind: 'words', max: 3 }] },
    ]);
    expect(readCaseSet(writeCaseSet(cases), 'again')).toEqual({ cases, issues: [] });
  });

  test.each<[string, string, object]>([
    ['is not JSON', '{"id":', { detail: 'the line is not JSON', line: 2 }],
    [
      'has an unknown key',
      '{"id":"b","input":{},"expected":{"answr":"x"}}',
      { pointer: '/expected/answr', didYouMean: 'answer', line: 2 },
    ],
    [
      'has a duplicate id',
      '{"id":"a","input":{}}',
      { detail: 'the id a is already used in line 1', line: 2 },
    ],
    ['is a list', '[]', { line: 2 }],
    [
      'has a rule of an unknown kind',
      '{"id":"b","input":{},"rules":[{"kind":"sounds"}]}',
      { pointer: '/rules/0/kind', line: 2 },
    ],
    [
      'has an invalid schema',
      '{"id":"b","input":{},"expected":{"schema":{"type":"nothing"}}}',
      {
        pointer: '/expected/schema',
        detail: expect.stringContaining('expected.schema is not a valid JSON Schema: ') as string,
        line: 2,
      },
    ],
    [
      'has a rule with an invalid schema',
      '{"id":"b","input":{},"rules":[{"kind":"json","schema":{"required":"x"}}]}',
      { pointer: '/rules/0/schema', line: 2 },
    ],
  ])('reports a line that %s, and reads the others', (_name, line, issue) => {
    const { cases, issues } = readCaseSet(
      `{"id":"a","input":{}}\n${line}\n{"id":"c","input":{}}`,
      'cases.ndjson',
    );
    expect(cases.map(({ id }) => id)).toEqual(['a', 'c']);
    expect(issues).toEqual([expect.objectContaining(issue)]);
  });
});

describe('stored cases and answers', () => {
  // New documents with these values are rejected.
  const line = JSON.stringify({
    id: 'a',
    input: {},
    expected: { schema: { type: 'nothing' } },
    rules: [
      { kind: 'matches', pattern: '(' },
      {
        kind: 'anyOf',
        rules: [{ kind: 'json', schema: { $schema: 'http://json-schema.org/draft-04/schema#' } }],
      },
    ],
  });

  test('are read without the checks of new documents', () => {
    expect(readCaseSet(line, 'cases').issues).toHaveLength(3);
    expect(readStoredCases(`${line}\n{"id":"b","input":{}}`, 'cases').map(({ id }) => id)).toEqual([
      'a',
      'b',
    ]);
    expect(readStoredAnswers(`{"case":${line},"answer":"x","right":true}`, 'labels')).toMatchObject(
      [{ case: { id: 'a' }, right: true }],
    );
  });

  test('are rejected as a whole if a line cannot be read', () => {
    expect(() => readStoredCases(`${line}\n{"id":"a","input":{}}`, 'cases')).toThrow(
      'the id a is already used in line 1',
    );
    expect(() => readStoredCases(`${line}\n{"id":"b","inputs":{}}`, 'cases')).toThrow(
      'cases has 1 error\n  cases:2',
    );
    expect(() => readStoredAnswers('{"right":true}', 'labels')).toThrow('labels has ');
  });
});

describe('a promptfoo configuration', () => {
  const config = `
prompts: [prompt.txt]
providers: [openai:gpt-4o]
defaultTest:
  vars: { tone: kind }
  assert: [{ type: not-icontains, value: as an ai }]
tests:
  - description: capital
    vars: { question: What is the capital of Italy? }
    assert:
      - { type: equals, value: Rome }
      - { type: llm-rubric, value: is polite }
      - { type: javascript, value: output.length < 10 }
  - vars: { question: Say it, language: [French, German] }
    assert:
      - { type: contains-any, value: [bonjour, hallo] }
      - { type: is-json, value: { type: object } }
      - { type: latency, threshold: 500 }
  - vars: { document: file://long.txt }
`;

  test('becomes cases, and parts that are not imported are listed with their places', () => {
    const { cases, leftOut, issues } = importPromptfoo(config, 'promptfooconfig.yaml');
    expect(issues).toEqual([]);
    const polite = { kind: 'excludes', text: 'as an ai', ignoreCase: true };
    expect(cases).toEqual([
      expect.objectContaining({
        id: 'capital',
        input: { tone: 'kind', question: 'What is the capital of Italy?' },
        expected: { answer: 'Rome' },
        rules: [polite, { kind: 'equals', text: 'Rome' }],
      }),
      expect.objectContaining({
        id: 'test 2 (1)',
        input: { tone: 'kind', question: 'Say it', language: 'French' },
        expected: {},
      }),
      expect.objectContaining({
        id: 'test 2 (2)',
        input: { tone: 'kind', question: 'Say it', language: 'German' },
      }),
    ]);
    expect(cases[1]?.rules).toEqual([
      polite,
      {
        kind: 'anyOf',
        rules: [
          { kind: 'contains', text: 'bonjour', ignoreCase: false },
          { kind: 'contains', text: 'hallo', ignoreCase: false },
        ],
      },
      { kind: 'json', schema: { type: 'object' } },
    ]);
    expect(leftOut.map(({ pointer, detail }) => `${pointer} ${detail}`)).toEqual([
      '/prompts/0 the prompt prompt.txt: not imported; use --prompt',
      '/providers/0 the provider openai:gpt-4o: not imported; use --model or --spec',
      '/tests/0/assert/1 llm-rubric: needs a judge; add a dimension of kind judge and calibrate it',
      '/tests/0/assert/2 javascript: code is not run; use rules',
      '/tests/1/assert/2 latency: not supported for single cases; use a gate',
      '/tests/2/vars/document document is in file://long.txt; write its text here',
    ]);
    expect(leftOut[2]).toMatchObject({ file: 'promptfooconfig.yaml', line: 12 });
    expect(readCaseSet(writeCaseSet(cases), 'again').cases).toEqual(cases);
  });

  test('has its variables replaced in assertions as promptfoo does', () => {
    const { cases, leftOut } = importPromptfoo(
      `
defaultTest:
  assert:
    - { type: icontains, value: "in {{ expected }}" }
    - { type: not-contains-any, value: "sorry, cannot" }
tests:
  - vars: { question: Where?, expected: "{{Rome}}" }
    assert:
      - { type: equals, value: "{{expected}}" }
      - { type: contains-all, value: ["{{expected}}", 7] }
      - { type: contains, value: "{{ expected | upper }}" }
  - vars: { question: [When?, Why?] }
`,
      'tests.yaml',
    );
    const refuses = ['sorry', 'cannot'].map((text) => ({
      kind: 'excludes',
      text,
      ignoreCase: false,
    }));
    expect(cases.map(({ expected, rules }) => ({ expected, rules }))).toEqual([
      {
        expected: { answer: '{{Rome}}' },
        rules: [
          { kind: 'contains', text: 'in {{Rome}}', ignoreCase: true },
          ...refuses,
          { kind: 'equals', text: '{{Rome}}' },
          { kind: 'contains', text: '{{Rome}}', ignoreCase: false },
          { kind: 'contains', text: '7', ignoreCase: false },
        ],
      },
      { expected: {}, rules: refuses },
      { expected: {}, rules: refuses },
    ]);
    expect(leftOut.map(({ pointer, detail }) => `${pointer} ${detail}`)).toEqual([
      '/tests/0/assert/2 {{ expected | upper }} has no value; replace it by its text',
      '/defaultTest/assert/0 {{ expected }} has no value; replace it by its text',
    ]);
  });

  test.each([
    [
      'a schema in a file',
      'assert: [{ type: is-json, value: file://schema.json }]',
      '/0/assert/0 is-json: its value is in file://schema.json; write the value here',
    ],
    [
      'a schema as text',
      'assert: [{ type: is-json, value: "type: object" }]',
      '/0/assert/0 is-json: write its schema here as a map',
    ],
    [
      'a list with items that are not texts',
      'assert: [{ type: contains-any, value: [a, { b: c }] }]',
      '/0/assert/0 contains-any: not supported; use rules',
    ],
    [
      'the threshold of a similarity',
      'assert: [{ type: similar, value: a, threshold: 0.9 }]',
      '/0/assert/0 similar: its text becomes an expected answer, its threshold is ignored; use a gate on a dimension of kind similarity',
    ],
    [
      'a weight',
      'assert: [{ type: equals, value: a, weight: 2 }]',
      '/0/assert/0 weight is ignored, because all rules of a case must hold',
    ],
    [
      'a transform of an assertion',
      'assert: [{ type: equals, value: a, transform: output.trim() }]',
      '/0/assert/0 equals: its transform is code and is not run',
    ],
    [
      'a transform of a test',
      'options: { transform: output.trim() }',
      '/0/options/transform options.transform: code is not run; answers are checked as they are',
    ],
    [
      'a threshold of a test',
      'threshold: 0.5',
      '/0/threshold threshold is ignored, because all rules of a case must hold',
    ],
    ['a provider of a test', 'provider: openai:o3', '/0/provider provider: not supported'],
    [
      'another option',
      'options: { rubricPrompt: judge }',
      '/0/options/rubricPrompt options.rubricPrompt: not supported',
    ],
    [
      'assertions that are not a list',
      'assert: { type: equals, value: a }',
      '/0/assert assert is not a list',
    ],
  ])('reports that %s is not imported', (_name, given, said) => {
    const { cases, leftOut } = importPromptfoo(`- vars: { q: a }\n  ${given}`, 'tests.yaml');
    expect(cases).toHaveLength(1);
    expect(leftOut.map(({ pointer, detail }) => `${pointer} ${detail}`)).toEqual([said]);
  });

  test('has valid Unicode ids when a long description is cut', () => {
    const { cases } = importPromptfoo(
      `- { description: ${'d'.repeat(179)}😀 and more, vars: { q: a } }`,
      'tests.yaml',
    );
    expect(cases.map(({ id }) => id)).toEqual(['d'.repeat(179)]);
  });

  test('reports tests whose lists make no case, or too many', () => {
    const hundred = JSON.stringify(Array.from({ length: 100 }, (_, index) => index));
    const { cases, leftOut } = importPromptfoo(
      `- vars: { a: ${hundred}, b: ${hundred} }\n- vars: { a: [] }`,
      'tests.yaml',
    );
    expect(cases).toEqual([]);
    expect(leftOut.map(({ pointer, detail }) => `${pointer} ${detail}`)).toEqual([
      '/0/vars the variables have more than 1000 combinations',
      '/1/vars/a a has no values',
    ]);
  });

  test.each([
    ['without tests', 'prompts: [x]', 'the file has no list of tests'],
    [
      'whose tests are in a file',
      'tests: tests.yaml',
      'the tests are in tests.yaml; import that file',
    ],
    ['that is not YAML', 'tests: [', /./],
  ])('%s is rejected', (_name, text, detail) => {
    const { cases, issues } = importPromptfoo(text, 'promptfooconfig.yaml');
    expect(cases).toEqual([]);
    expect(issues[0]?.detail).toMatch(detail);
  });

  test('may be only a list of tests', () => {
    expect(
      importPromptfoo('- vars: { q: 1 }\n- vars: { q: true }', 'tests.yaml').cases,
    ).toMatchObject([{ input: { q: 1 } }, { input: { q: 'true' } }]);
  });
});

describe('a report', () => {
  const result = (id: string, scores: CaseResult['scores']): CaseReport =>
    toCaseReport({
      id,
      group: null,
      pair: null,
      answer: 'x',
      unanswered: null,
      retrieved: [],
      scores,
      latencyMs: 1250,
      cost: 5_000_000,
      input: { question: `what is ${id}?` },
      expected: { answer: 'y', otherAnswers: ['z'] },
    });
  const results = [
    result('a', { exact: toScore(1), f1: toScore(0.4) }),
    result('b <"&\u0000">', { exact: toScore(0, 'says "no"'), f1: notApplicable }),
    result('c', { exact: toFailure('ProviderTimeout'), f1: toScore(0.7) }),
    result('d', { exact: toScore(1), f1: toScore(1) }),
  ];

  test('for JUnit has each case once, with its failure or error, question and expected answer', () => {
    expect(toJUnit(results, { suite: 'wiki', passAt: { f1: 0.5 } }))
      .toBe(`<?xml version="1.0" encoding="UTF-8"?>
<testsuites name="wiki">
  <testsuite name="wiki" tests="4" failures="2" errors="1" skipped="0">
    <testcase classname="wiki" name="a" time="1.250"><failure message="f1 0.4 is below 0.5">question: what is a?
expected: y | z
answer: x</failure></testcase>
    <testcase classname="wiki" name="b &lt;&quot;&amp;\ufffd&quot;&gt;" time="1.250"><failure message="exact 0 is below 1: says &quot;no&quot;">question: what is b &lt;"&amp;\ufffd"&gt;?
expected: y | z
answer: x</failure></testcase>
    <testcase classname="wiki" name="c" time="1.250"><error message="exact ProviderTimeout">question: what is c?
expected: y | z
answer: x</error></testcase>
    <testcase classname="wiki" name="d" time="1.250"><system-out>question: what is d?
expected: y | z
answer: x</system-out></testcase>
  </testsuite>
</testsuites>
`);
  });

  test.each([
    [null, 0],
    ['f1 is 0.700 with a lower bound of 0.210; the minimum is 0.5', 1],
  ])('for JUnit with gates fails only by the gates: %s', (failure, failures) => {
    const xml = toJUnit(results, {
      suite: 'wiki',
      passAt: {},
      gates: [{ name: 'f1 at least 0.5', failure }],
    });
    expect(xml).toContain(
      `<testsuite name="wiki.gates" tests="1" failures="${failures}" errors="0" skipped="0">`,
    );
    expect(xml).toContain('<testsuite name="wiki" tests="4" failures="0" errors="0" skipped="0">');
    expect(xml).toContain('exact ProviderTimeout');
    expect(xml.match(/name="c"/g)).toHaveLength(1);
  });

  test('as JSON Lines has all of each case, with its cost in US dollars', () => {
    const lines = toJsonLines(results).trim().split('\n');
    expect(lines.map((line) => JSON.parse(line) as unknown)).toEqual(results);
    expect(results[0]).toMatchObject({ costUsd: 0.005 });
  });
});
