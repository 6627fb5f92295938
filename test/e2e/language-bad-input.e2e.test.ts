/**
 * What a language application can be given that is wrong, through the whole product: refused by its
 * place before anything is stored, or counted and ended in words; never promoted by half.
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
  /** From → to, in a file of the lifecycle. */
  readonly [file: string]: readonly [string | RegExp, string];
}

/** The tiny lifecycle, valid but for what is changed; its name and folder. */
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
      'with a prompt of an unknown variable',
      { 'prompts/p0.yaml': ['{{question}}', '{{qestion}}'] },
      'prompts/p0.yaml',
      /unknown variable qestion.*"question"/,
    ],
    [
      'with few-shot sets in a circle',
      {
        'prompts/p0.yaml': [
          /$/,
          fewShot(`      a: { include: [b], ${shot} }\n      b: { include: [a], ${shot} }\n`),
        ],
      },
      'prompts/p0.yaml',
      /few-shot sets include each other: a → b → a/,
    ],
    ['with cases that are no JSON', { 'cases.ndjson': [/^\{/, ''] }, 'cases.ndjson', /"line":1/],
    [
      'with a case twice',
      { 'cases.ndjson': ['"q1"', '"q0"'] },
      'cases.ndjson',
      /the id q0 is already used in line 1.*"line":2/,
    ],
    [
      'with cases that bring no value for the prompt',
      { 'cases.ndjson': [/"question"/g, '"topic"'] },
      'lifecycle.yaml',
      /60 of 60 cases of cases\.ndjson lack the input question/,
    ],
    [
      'with labels of a judge that are none',
      { 'labels.ndjson': [/"right":true/, '"right":"yes"'] },
      'labels.ndjson',
      /"line":1/,
    ],
    [
      'with a gate over a dimension that is not measured',
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

  test('with a file of another encoding is refused by its line: nobody is asked with letters that were lost', async () => {
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

  test('whose model its provider does not have fails at once, with the nearest that it has', async () => {
    const run = await ended({ 'lifecycle.yaml': ['name: scripted', 'name: scriptod'] });
    expect(run).toMatchObject({
      status: 'failed',
      failure: { type: 'ModelNotFound', next: 'did you mean scripted?' },
    });
    await expectNobodyServes(run.lifecycle);
  });

  test('whose provider nobody has set up fails at once, with those that there are', async () => {
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

  test('with questions beyond the model’s context counts them, and promotes nothing on what was left', async () => {
    const run = await ended({
      'cases.ndjson': [/What is the code of (\S+) (\d*[05])\?/g, `${long} $1 $2?`],
    });
    expect(run).toMatchObject({ status: 'stopped', verdict: { kind: 'inconclusive' } });
    expect(run.verdict?.reasons.map(({ message }) => message).join('\n')).toMatch(
      /12 .*of 60|20 %|ContextOverflow/,
    );
    await expectNobodyServes(run.lifecycle);
  });

  test('with a few of them judges the others, each at its worst', async () => {
    const run = await ended({
      'cases.ndjson': [/What is the code of (\S+) 7\?/g, `${long} $1 7?`],
    });
    expect(run).toMatchObject({ status: 'succeeded', version: 1 });
    const told = await product.cli(['model', 'explain', run.lifecycle]);
    expect(told.stdout).toMatch(/ContextOverflow/);
  });

  test('whose judge answers prose has no verdict of it, says so, and promotes nothing', async () => {
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

  test('whose model does not answer the JSON that the prompt promises counts every such answer, and promotes nothing', async () => {
    const schema =
      '  answer: { schema: { type: object, properties: { code: { type: string } }, required: [code], additionalProperties: false } }\n';
    const run = await ended({ 'prompts/p0.yaml': [/$/, schema] });
    expect(run).toMatchObject({ status: 'stopped', verdict: { kind: 'inconclusive' } });
    expect(run.verdict?.reasons.map(({ message }) => message).join('\n')).toMatch(
      /AnswerInvalid|60 of 60|100 %/,
    );
    await expectNobodyServes(run.lifecycle);
  });

  test('whose budget is spent in the middle ends in words and withdraws its candidate', async () => {
    const run = await ended({}, { more: '  budget: { tokens: 400 }\n', parallel: 1 });
    expect(run).toMatchObject({
      status: 'failed',
      failure: { type: 'BudgetSpent', stage: 'evaluate' },
    });
    await expectNobodyServes(run.lifecycle);
  });
});

describe('a request to what is served', () => {
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

  test('beyond the model’s context is refused by its name', async () => {
    expect(await ask('very '.repeat(contextTokens))).toMatchObject({
      status: 400,
      body: {
        code: 'ContextOverflow',
        error: { code: 'context_length_exceeded', type: 'invalid_request_error' },
      },
    });
  });

  test('of a version that is not there, or of nobody, is 404 and says what there is', async () => {
    const other = await product.call('POST', `${product.gatewayUrl}/v1/chat/completions`, {
      body: { model: `${model}@9`, messages: [{ role: 'user', content: 'x' }] },
    });
    expect(other).toMatchObject({ status: 404 });
  });
});
