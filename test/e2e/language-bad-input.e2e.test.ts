/**
 * Wrong input for a language application, through the whole product. It is refused with its place
 * before anything is stored, or counted, or ends the run with a clear error. Nothing incomplete is
 * promoted.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { RunJson } from '../../apps/cli/run/view';
import { startProduct, type Product } from '../support/process/product';
import { openScriptedProvider, type ScriptedProvider } from '../support/provider/scripted-provider';
import {
  tinyAnswer,
  writeTinyLlmLifecycle,
  type TinyLlmOptions,
} from '../support/language/tiny-llm-lifecycle';

jest.setTimeout(180_000);

const contextTokens = 500;
let product: Product;
let provider: ScriptedProvider;

beforeAll(async () => {
  provider = await openScriptedProvider({
    contextTokens,
    answer: (request) =>
      request.prompt.includes('in prose') ? 'It seems to me that it is.' : tinyAnswer(request),
  });
  product = await startProduct({ env: { PERENNIAL_LLM_URL: provider.url } });
});
afterAll(async () => {
  await product.stop();
  await provider.close();
});

const precise = {
  prompts: ['Be precise.'],
  cases: 60,
  gates: '[{ name: useful, kind: threshold, dimension: right, min: 0.4 }]',
} as const;
let count = 0;

interface Change {
  /** Replacements in a file of the lifecycle. */
  readonly [file: string]: readonly [string | RegExp, string];
}

/** The tiny lifecycle with the given changes, as its name and folder. */
function written(
  change: Change,
  options: Partial<TinyLlmOptions> = {},
): { readonly name: string; readonly folder: string } {
  const name = `bad-${++count}`;
  const folder = writeTinyLlmLifecycle(product.workDir, { name, ...precise, ...options });
  for (const [file, [from, to]] of Object.entries(change)) {
    const text = readFileSync(join(folder, file), 'utf8');
    const changed = text.replace(from, to);
    if (changed === text) throw new Error(`${file} has no ${String(from)}`);
    writeFileSync(join(folder, file), changed);
  }
  return { name, folder };
}

async function ended(change: Change, options: Partial<TinyLlmOptions> = {}): Promise<RunJson> {
  const { name, folder } = written(change, options);
  await product.apply(folder);
  return product.waitForEnd((await product.start(name)).body.id);
}

async function expectNobodyServes(model: string): Promise<void> {
  expect(
    (await product.call<{ version: number | null }>('GET', `/models/${model}/aliases/champion`))
      .body.version ?? null,
  ).toBeNull();
  const { body } = await product.call<{ items?: { status: string }[] }>(
    'GET',
    `/models/${model}/versions`,
  );
  for (const { status } of body.items ?? [])
    expect(['candidate', 'rejected', 'withdrawn']).toContain(status);
}

describe('a lifecycle', () => {
  const fewShot = (sets: string) => `  fewShot:\n    use: a\n    sets:\n${sets}`;
  const shot = 'examples: [{ input: { question: x }, output: y }]';
  test.each<[string, Change, string, RegExp]>([
    [
      'with an unknown variable in a prompt',
      { 'prompts/p0.yaml': ['{{question}}', '{{qestion}}'] },
      'prompts/p0.yaml',
      /unknown variable qestion.*"question"/,
    ],
    [
      'with few-shot sets that include each other',
      {
        'prompts/p0.yaml': [
          /$/,
          fewShot(`      a: { include: [b], ${shot} }\n      b: { include: [a], ${shot} }\n`),
        ],
      },
      'prompts/p0.yaml',
      /few-shot sets include each other: a → b → a/,
    ],
    ['with cases that are not JSON', { 'cases.ndjson': [/^\{/, ''] }, 'cases.ndjson', /"line":1/],
    [
      'with a case twice',
      { 'cases.ndjson': ['"q1"', '"q0"'] },
      'cases.ndjson',
      /the id q0 is already used in line 1.*"line":2/,
    ],
    [
      'with cases without a value for the prompt',
      { 'cases.ndjson': [/"question"/g, '"topic"'] },
      'lifecycle.yaml',
      /60 of 60 cases of cases\.ndjson lack the input question/,
    ],
    [
      'with invalid labels of a judge',
      { 'labels.ndjson': [/"right":true/, '"right":"yes"'] },
      'labels.ndjson',
      /"line":1/,
    ],
    [
      'with a gate on a dimension that is not measured',
      { 'lifecycle.yaml': ['dimension: right', 'dimension: rigth'] },
      'lifecycle.yaml',
      /rigth.*"right"/,
    ],
  ])('%s is refused with its place, and nothing is stored', async (_, change, file, message) => {
    const { name, folder } = written(change, { judgeLabels: 1 });
    const refused = await product.apply(folder).catch((error: unknown) => String(error));
    expect(refused).toMatch(message);
    expect(refused).toContain(`"file":"${file}"`);
    expect(refused).toMatch(/"line":\d+/);
    expect(await product.call('GET', `/lifecycles/${name}`)).toMatchObject({ status: 404 });
  });

  test('with a file in another encoding is refused with the line, so no damaged text is sent', async () => {
    const { name, folder } = written({});
    const file = join(folder, 'cases.ndjson');
    writeFileSync(
      file,
      Buffer.from(readFileSync(file, 'utf8').replace('the code', 'the c\xf6de'), 'latin1'),
    );
    await expect(product.apply(folder)).rejects.toThrow(
      'line 1 of cases.ndjson is not valid UTF-8',
    );
    expect(await product.call('GET', `/lifecycles/${name}`)).toMatchObject({ status: 404 });
  });
});

describe('a run', () => {
  const long = `What is the ${'very '.repeat(contextTokens)}code of`;

  test('whose provider does not have the model fails at once, with the nearest name', async () => {
    const run = await ended({ 'lifecycle.yaml': ['name: scripted', 'name: scriptod'] });
    expect(run).toMatchObject({
      status: 'failed',
      failure: { type: 'ModelNotFound', next: 'did you mean scripted?' },
    });
    await expectNobodyServes(run.lifecycle);
  });

  test('whose provider is not configured fails at once, with the configured ones', async () => {
    const run = await ended({
      'lifecycle.yaml': ['name: scripted }', 'name: scripted, provider: acmee }'],
    });
    expect(run).toMatchObject({
      status: 'failed',
      failure: {
        type: 'NotFound',
        message: 'there is no provider acmee',
        next: 'use one of the configured providers: embedded',
      },
    });
    await expectNobodyServes(run.lifecycle);
  });

  test('with questions that exceed the context counts them, and promotes nothing on the rest', async () => {
    const run = await ended({
      'cases.ndjson': [/What is the code of (\S+) (\d*[05])\?/g, `${long} $1 $2?`],
    });
    expect(run).toMatchObject({ status: 'stopped', verdict: { kind: 'inconclusive' } });
    expect(run.verdict?.reasons.map(({ message }) => message).join('\n')).toMatch(
      /12 .*of 60|20 %|ContextOverflow/,
    );
    await expectNobodyServes(run.lifecycle);
  });

  test('with a few of them decides with each counted at its worst', async () => {
    const run = await ended({
      'cases.ndjson': [/What is the code of (\S+) 7\?/g, `${long} $1 7?`],
    });
    expect(run).toMatchObject({ status: 'succeeded', version: 1 });
    const told = await product.cli(['model', 'explain', run.lifecycle]);
    expect(told.stdout).toMatch(/ContextOverflow/);
  });

  test('whose judge answers in prose has no verdict, reports it, and promotes nothing', async () => {
    const gates = '[{ name: judged-well, kind: threshold, dimension: judged, min: 0.5 }]';
    const run = await ended(
      { 'judge.yaml': ['Answer as JSON', 'Answer in prose'] },
      { gates, judgeLabels: 31 },
    );
    expect(run).toMatchObject({
      status: 'stopped',
      verdict: {
        kind: 'inconclusive',
        reasons: [{ gate: 'judged-well' }, { code: 'policy.attempt' }],
      },
    });
    await expectNobodyServes(run.lifecycle);
  });

  test('whose model does not answer in the required JSON counts every such answer, and promotes nothing', async () => {
    const schema =
      '  answer: { schema: { type: object, properties: { code: { type: string } }, required: [code], additionalProperties: false } }\n';
    const run = await ended({ 'prompts/p0.yaml': [/$/, schema] });
    expect(run).toMatchObject({ status: 'stopped', verdict: { kind: 'inconclusive' } });
    expect(run.verdict?.reasons.map(({ message }) => message).join('\n')).toMatch(
      /AnswerInvalid|60 of 60|100 %/,
    );
    await expectNobodyServes(run.lifecycle);
  });

  test('whose budget is spent during the evaluation ends with a clear error and withdraws its candidate', async () => {
    const run = await ended({}, { more: '  budget: { tokens: 400 }\n', parallel: 1 });
    expect(run).toMatchObject({
      status: 'failed',
      failure: { type: 'BudgetSpent', stage: 'evaluate' },
    });
    await expectNobodyServes(run.lifecycle);
  });
});

describe('a request to an application', () => {
  let model: string;
  beforeAll(async () => {
    model = (await ended({})).lifecycle;
  });
  const ask = (content: string) =>
    product.call<{ error: { code: string; message: string } }>(
      'POST',
      `${product.gatewayUrl}/v1/chat/completions`,
      {
        body: { model, messages: [{ role: 'user', content }] },
      },
    );

  test('that exceeds the context is refused with the code of the protocol', async () => {
    expect(await ask('very '.repeat(contextTokens))).toMatchObject({
      status: 400,
      body: {
        code: 'ContextOverflow',
        error: { code: 'context_length_exceeded', type: 'invalid_request_error' },
      },
    });
  });

  test('for an unknown version or application gets 404 with the next step', async () => {
    const other = await product.call('POST', `${product.gatewayUrl}/v1/chat/completions`, {
      body: { model: `${model}@9`, messages: [{ role: 'user', content: 'x' }] },
    });
    expect(other).toMatchObject({ status: 404 });
  });
});
