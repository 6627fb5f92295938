/**
 * Evaluations of prompts through the real API and the command line. Temporal is a fake; the
 * workflow is tested with that of searches.
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { answersSummary } from '../../../../domain/language/evaluation/answers-summary';
import { readCaseSet } from '../../../../domain/language/cases/case-set-document';
import { buildLlmEvidence } from '../../../../domain/language/evaluation/build-evidence';
import type { CaseReport } from '../../../../domain/language/evaluation/report';
import type { CaseResult } from '../../../../domain/language/evaluation/result';
import type { PromptEvaluationInput } from '../../../../workflows/prompt/evaluation-messages';
import { tenant } from '../../../db/registry-fixture';
import { cliAgainst } from '../../cli/fake-api';
import type { ApiWorld } from '../support/api-world';
import { openApiWorld } from '../support/api-world';

let world: ApiWorld;
let folder: string;
beforeAll(async () => {
  world = await openApiWorld();
  folder = mkdtempSync(join(tmpdir(), 'perennial-evaluations-'));
  world.evaluations.readState = answer;
  writeFileSync(
    join(folder, 'capitals.yaml'),
    `apiVersion: perennial.dev/v1
kind: Prompt
metadata: { name: capitals }
spec:
  variables: { country: {} }
  messages: [{ role: user, template: "Capital of {{country}}?" }]
`,
  );
  writeFileSync(
    join(folder, 'promptfooconfig.yaml'),
    `prompts: ["Capital of {{country}}?"]
providers: [openai:gpt-5-mini]
tests:
  - description: France
    vars: { country: France }
    assert: [{ type: equals, value: Paris }]
  - description: Peru
    vars: { country: Peru }
    assert: [{ type: equals, value: Lima }, { type: llm-rubric, value: is polite }]
`,
  );
});
afterAll(async () => {
  await world.close();
  rmSync(folder, { recursive: true });
});

/** The answer about Peru. */
let perus = 'Cusco';

/** The result of the workflow: one answer is right, and `perus` sets the other. */
async function answer({ cases, dimensions, template }: PromptEvaluationInput) {
  const read = readCaseSet(
    new TextDecoder().decode(await world.artifacts.getBytes(cases)),
    'cases',
  ).cases;
  const results = read.map(({ id, group, pair, input, expected }, index): CaseResult => ({
    id,
    group,
    pair,
    input,
    expected,
    unanswered: null,
    retrieved: [],
    latencyMs: 20,
    cost: 1_000_000,
    answer: index === 0 ? 'Paris' : perus,
    scores: Object.fromEntries(
      dimensions.map(({ name }) => [
        name,
        { kind: 'scored', value: index === 0 || perus === 'Lima' ? 1 : 0 },
      ]),
    ),
  }));
  const names = dimensions.map(({ name }) => name);
  const counterparts = { champion: null, baseline: null };
  const evidence = buildLlmEvidence({
    candidate: template.digest,
    caseSet: cases.digest,
    dimensions: names,
    results,
    counterparts,
    judges: {},
  });
  const stored = await world.artifacts.putJson({ tenant, value: results });
  return {
    status: 'done',
    outcome: { candidate: template.digest, summary: answersSummary(evidence), results: stored },
  } as const;
}

const cli = async (...args: readonly string[]) => {
  const { stdout, stderr, exitCode } = await cliAgainst(
    { apiUrl: world.url, apiKey: world.keys.admin, cwd: folder },
    ['evaluate', ...args],
  );
  return `${exitCode} ${stdout}${stderr}`;
};
const usual = [
  'promptfooconfig.yaml',
  '--prompt',
  'capitals.yaml',
  '--model',
  'embedded/small',
] as const;

test('evaluates a promptfoo configuration, and writes it as JUnit XML and JSON lines', async () => {
  const said = await cli(...usual, '--junit', 'report.xml', '--jsonl', 'answers.jsonl');
  expect(said).toMatch(/^0 /);
  expect(said).toMatch(/ignored: promptfooconfig\.yaml:\d+:\d+ .*llm-rubric/);
  expect(said).toMatch(/exact +0\.5 +0 … 1 /);
  expect(said).toContain('2 cases, 0 without an answer, $0.0020, median 20 ms');
  const xml = readFileSync(join(folder, 'report.xml'), 'utf8');
  // Without a gate, the exit code is 0 and the report has no failures.
  expect(xml).toContain(
    '<testsuite name="capitals" tests="2" failures="0" errors="0" skipped="0">',
  );
  expect(xml).toContain('name="France" time="0.020"/>');
  const lines = readFileSync(join(folder, 'answers.jsonl'), 'utf8').trim().split('\n');
  expect(lines.map((line) => JSON.parse(line) as CaseReport)).toMatchObject([
    {
      input: { country: 'France' },
      expected: { answer: 'Paris' },
      answer: 'Paris',
      costUsd: 0.001,
    },
    { answer: 'Cusco' },
  ]);
  const [started] = world.evaluations.started;
  expect(started).toMatchObject({
    prompt: 'capitals@1',
    count: 2,
    route: [{ provider: 'embedded', model: 'small' }],
    budgetUsd: null,
  });
});

test('exits with 3 if the lower bound is too low, and the same command is the same evaluation', async () => {
  expect(await cli(...usual, '--min', 'exact=0.9')).toMatch(
    /^3 [^]*exact is 0\.5 with a lower bound of 0[.\d]*; the minimum is 0\.9/,
  );
  expect(new Set(world.evaluations.started.map(({ evaluation }) => evaluation)).size).toBe(1);
  expect(await cli(...usual, '--min', 'nice=0.9')).toMatch(
    /^2 [^]*--min nice: this dimension is not measured/,
  );
  expect(await cli(...usual, '--dimensions', 'nice')).toMatch(
    /^2 [^]*nice needs a spec file that defines how it is measured/,
  );
  expect(await cli('promptfooconfig.yaml', '--prompt', 'capitals')).toMatch(
    /^2 [^]*no model is given/,
  );
  const begun = world.evaluations.started.length;
  expect(await cli(...usual, '--junit', 'report.xml', '--jsonl', 'nosuch/answers.jsonl')).toMatch(
    /^2 [^]*nosuch\/answers\.jsonl cannot be written/,
  );
  expect(await cli(...usual, '--junit', folder)).toMatch(
    /^2 [^]*cannot be written because it is a folder/,
  );
  expect(await cli(...usual, '--junit', 'one', '--jsonl', './one')).toMatch(
    /^2 [^]*--junit and --jsonl are the same file/,
  );
  expect(world.evaluations.started).toHaveLength(begun);
  expect(readdirSync(folder).filter((name) => name.endsWith('.part'))).toEqual([]);
  world.evaluations.readState = () =>
    Promise.resolve({ status: 'failed', cause: 'the budget is spent', next: 'raise it' });
  expect(await cli(...usual, '--budget', '1')).toMatch(
    /^1 [^]*failed: the budget is spent[^]*next: raise it; then run the same command to continue/,
  );
});

describe('with --all-pass', () => {
  const perCase = [...usual, '--all-pass', '--junit', 'report.xml'];
  const failuresIn = (file: string) =>
    /<testsuite name="capitals" [^>]*failures="(\d+)"/.exec(
      readFileSync(join(folder, file), 'utf8'),
    )?.[1];
  beforeEach(() => {
    world.evaluations.readState = answer;
  });

  test('one wrong answer exits with 3, and the report fails', async () => {
    perus = 'Cusco';
    expect(await cli(...perCase)).toMatch(/^3 [^]*1 of 2 cases fail\n {2}Peru: exact 0 is below 1/);
    expect(failuresIn('report.xml')).toBe('1');
    expect(await cli(...perCase, '--json')).toContain('"rule":"allPass","passed":false');
  });

  test('all right answers exit with 0, however few, and the report does not fail', async () => {
    perus = 'Lima';
    expect(await cli(...perCase)).toMatch(/^0 /);
    expect(failuresIn('report.xml')).toBe('0');
    expect(await cli(...usual, '--min', 'exact=0.9', '--junit', 'report.xml')).toMatch(
      /^3 [^]*--all-pass instead requires/,
    );
    expect(readFileSync(join(folder, 'report.xml'), 'utf8')).toMatch(
      /<testsuite name="capitals\.gates" tests="1" failures="1"/,
    );
    expect(failuresIn('report.xml')).toBe('0');
    perus = 'Cusco';
  });
});

test('--strict refuses ignored parts of a configuration before anything is sent', async () => {
  const begun = world.evaluations.started.length;
  expect(await cli(...usual, '--strict')).toMatch(
    /^2 [^]*3 parts would be ignored, which --strict does not allow; nothing was started\n(  promptfooconfig\.yaml:\d+:\d+ the (prompt|provider) .*\n){2} {2}promptfooconfig\.yaml:\d+:\d+ llm-rubric/,
  );
  expect(world.evaluations.started).toHaveLength(begun);
});

test('shows what an evaluation paid for, from the call ledger', async () => {
  const { body } = await world.call('GET', '/prompts/capitals/evaluations/evaluation_0/calls', {
    as: 'viewer',
  });
  expect(body).toMatchObject({ answered: 0, failed: 0, requests: 0, usd: 0 });
  const settings = { apiUrl: world.url, apiKey: world.keys.admin, cwd: folder };
  const shown = await cliAgainst(settings, ['prompt', 'calls', 'capitals', 'evaluation_0']);
  expect(shown.stderr).toContain(
    'evaluation_0 made no paid requests, or all of them had been paid for before',
  );
});

test.each([
  ['no cases', { cases: '\n' }, 'cases.ndjson has no cases'],
  [
    'a judge',
    { dimensions: [{ name: 'j', kind: 'judge', prompt: 'p@1', provider: 'a', model: 'b' }] },
    'j, of kind judge, cannot be measured for a prompt alone',
  ],
  [
    'robustness of an unknown dimension',
    {
      dimensions: [
        {
          name: 'r',
          kind: 'robustness',
          of: 'x',
          variable: 'country',
          perturbations: [{ kind: 'upperCase' }],
        },
      ],
    },
    'x',
  ],
])('refuses %s before anything is sent', async (_, change, words) => {
  const cases = JSON.stringify({
    id: 'a',
    input: { country: 'France' },
    expected: { answer: 'Paris' },
  });
  const body = {
    cases,
    dimensions: [{ name: 'exact', kind: 'exact' }],
    model: { name: 'small' },
    ...change,
  };
  const { status, body: refused } = await world.call<{ detail: string }>(
    'POST',
    '/prompts/capitals/evaluations',
    { as: 'operator', body },
  );
  expect(status).toBeGreaterThanOrEqual(400);
  expect(refused.detail).toContain(words);
});
