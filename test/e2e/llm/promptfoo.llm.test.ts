/**
 * Unmodified promptfoo against the gateway, without a plug-in. Its counts of passed and failed
 * cases are right, and the gateway has received every question.
 */
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { startProduct, type Product } from '../../support/process/product';
import {
  openScriptedProvider,
  type ScriptedProvider,
} from '../../support/provider/scripted-provider';
import { tinyAnswer, writeTinyLlmLifecycle } from '../../support/language/tiny-llm-lifecycle';

jest.setTimeout(300_000);

const promptfoo = resolve(
  '.perennial',
  'promptfoo',
  'runtime',
  'node_modules',
  'promptfoo',
  'dist',
  'src',
  'entrypoint.js',
);
const model = 'coded';
let provider: ScriptedProvider;
let product: Product;

beforeAll(async () => {
  if (!existsSync(promptfoo))
    throw new Error('promptfoo is not on this machine: npm run test:llm fetches it');
  provider = await openScriptedProvider({ answer: tinyAnswer });
  product = await startProduct({ env: { PERENNIAL_LLM_URL: provider.url } });
  const gates = '[{ name: useful, kind: threshold, dimension: right, min: 0.6 }]';
  await product.apply(
    writeTinyLlmLifecycle(product.workDir, {
      name: model,
      prompts: ['Be precise.'],
      cases: 60,
      gates,
    }),
  );
  expect(await product.waitForEnd((await product.start(model)).body.id)).toMatchObject({
    status: 'succeeded',
    version: 1,
  });
});
afterAll(async () => {
  await product.stop();
  await provider.close();
});

test('cases reach a bundle by its alias, by its version and in a stream; the case with a wrong expectation fails for that reason', async () => {
  const before = await answeredByGateway();
  const asked = await evaluated('cases', {
    providers: [
      { id: `openai:chat:${model}`, config: usual() },
      { id: `openai:chat:${model}@1`, config: usual() },
      { id: `openai:chat:${model}@champion`, config: { ...usual(), stream: true } },
    ],
    tests: [
      { vars: { number: '4711' }, assert: [{ type: 'equals', value: 'code 4711' }] },
      {
        vars: { number: '4712' },
        assert: [
          { type: 'icontains', value: 'CODE 4712' },
          { type: 'regex', value: '^code \\d+$' },
        ],
      },
      { vars: { number: '4713' }, assert: [{ type: 'equals', value: 'code 9999' }] },
    ],
  });
  // The exit code of promptfoo for a failed case.
  expect(asked.exitCode).toBe(100);
  expect(asked.stats).toMatchObject({ successes: 6, failures: 3, errors: 0 });
  const told = asked.results.map(({ vars: { number }, success, response }) => ({
    number,
    success,
    output: response?.output,
  }));
  const thrice = (number: string, success: boolean) =>
    Array.from({ length: 3 }, () => ({ number, success, output: `code ${number}` }));
  const byNumber = told.sort((a, b) => a.number.localeCompare(b.number));
  expect(byNumber).toEqual([
    ...thrice('4711', true),
    ...thrice('4712', true),
    ...thrice('4713', false),
  ]);
  expect(asked.results.filter(({ success }) => !success).map(({ error }) => error)).toEqual(
    Array.from({ length: 3 }, () => expect.stringContaining('code 9999') as string),
  );
  // Tokens as counted by the provider, so that the costs of promptfoo are right.
  expect(asked.results.every(({ response }) => (response?.tokenUsage?.total ?? 0) > 0)).toBe(true);
  // No answer came from a cache of promptfoo.
  expect((await answeredByGateway()) - before).toBe(9);
});

test('an unknown model is an error in its report, with the message of the gateway', async () => {
  const { stats, results } = await evaluated('unknown', {
    providers: [{ id: `openai:chat:${model.slice(0, -1)}`, config: usual() }],
    tests: [{ vars: { number: '4711' }, assert: [{ type: 'contains', value: 'code' }] }],
  });
  expect(stats.successes).toBe(0);
  expect(results.map(({ error }) => error)).toEqual([
    expect.stringMatching(new RegExp(`404[^]*${model}`)) as string,
  ]);
});

interface Evaluated {
  readonly exitCode: number;
  readonly stats: {
    readonly successes: number;
    readonly failures: number;
    readonly errors: number;
  };
  readonly results: readonly {
    readonly vars: { readonly number: string };
    readonly success: boolean;
    readonly error?: string | null;
    readonly response?: {
      readonly output?: string;
      readonly tokenUsage?: { readonly total?: number };
    };
  }[];
}

const usual = () => ({ apiBaseUrl: `${product.gatewayUrl}/v1`, apiKeyEnvar: 'PERENNIAL_API_KEY' });

/** Runs `promptfoo eval` like a user, and returns its results. */
async function evaluated(
  name: string,
  config: { readonly providers: readonly object[]; readonly tests: readonly object[] },
): Promise<Evaluated> {
  const folder = join(product.workDir, name);
  mkdirSync(folder);
  writeFileSync(
    join(folder, 'promptfooconfig.yaml'),
    JSON.stringify({ prompts: ['What is the code of thing {{number}}?'], ...config }),
  );
  const child = spawn(
    process.execPath,
    [promptfoo, 'eval', '--no-cache', '--no-progress-bar', '--no-table', '-o', 'results.json'],
    {
      cwd: folder,
      env: { ...process.env, ...alone(folder), PERENNIAL_API_KEY: product.apiKey },
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  );
  let said = '';
  child.stdout.on('data', (chunk: Buffer) => (said += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (said += chunk.toString()));
  const exitCode = await new Promise<number>((done) =>
    child.once('close', (code) => done(code ?? -1)),
  );
  const results = join(folder, 'results.json');
  if (!existsSync(results)) throw new Error(`promptfoo ended with ${exitCode}:\n${said}`);
  return {
    exitCode,
    ...(
      JSON.parse(readFileSync(results, 'utf8')) as { readonly results: Omit<Evaluated, 'exitCode'> }
    ).results,
  };
}

/** It sends requests only to the gateway. */
function alone(folder: string): Readonly<Record<string, string>> {
  return {
    PROMPTFOO_CONFIG_DIR: join(folder, 'config'),
    PROMPTFOO_DISABLE_TELEMETRY: '1',
    PROMPTFOO_DISABLE_UPDATE: '1',
    PROMPTFOO_DISABLE_SHARING: '1',
    PROMPTFOO_DISABLE_REMOTE_GENERATION: '1',
  };
}

/** The number of questions that the gateway counted as answered. */
async function answeredByGateway(): Promise<number> {
  const { body } = await product.call<string>('GET', `${product.gatewayUrl}/metrics`);
  const lines = body.matchAll(/^perennial_gateway_requests_total\{([^}]*)\} (\d+)$/gm);
  return [...lines].reduce(
    (sum, [, labels = '', count]) =>
      labels.includes(`model="${model}"`) ? sum + Number(count) : sum,
    0,
  );
}
