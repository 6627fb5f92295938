/**
 * Parts of the product die while a provider fine-tunes a model: the job is submitted and paid for
 * once, and its model is served.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expectNothingLeft } from '../support/leftovers';
import { pause, startProduct, type Product } from '../support/process/product';
import { scriptedFineTuning } from '../support/provider/scripted-fine-tuning';
import { openScriptedProvider, type ScriptedProvider } from '../support/provider/scripted-provider';
import { tinyAnswer, writeTinyLlmLifecycle } from '../support/language/tiny-llm-lifecycle';

jest.setTimeout(300_000);

let folder: string;
let product: Product;
let acme: ScriptedProvider;
let count = 0;
// The status is polled every fifteen seconds, so the job takes long enough.
const fineTuning = scriptedFineTuning({ looks: 2 });

beforeAll(async () => {
  acme = await openScriptedProvider({ answer: tinyAnswer, fineTuning });
  folder = mkdtempSync(join(tmpdir(), 'perennial-providers-'));
  const providersFile = join(folder, 'providers.yaml');
  writeFileSync(
    providersFile,
    `apiVersion: perennial.dev/v1
kind: Platform
metadata: { name: here }
spec: { providers: { acme: { url: '${acme.url}', allowPrivateAddresses: true } } }
`,
  );
  product = await startProduct({ env: { PERENNIAL_PROVIDERS_FILE: providersFile } });
});
afterEach(() => expectNothingLeft(product));
afterAll(async () => {
  await product.stop();
  await acme.close();
  // A restarted process reads it again.
  rmSync(folder, { recursive: true });
});

test.each([
  ['the worker, during the submission', 'main.ts worker', 100],
  ['the worker, while it waits', 'main.ts worker', 5_000],
  ['PostgreSQL', 'bin/postgres', 3_000],
  ['the Temporal server', 'temporal server', 3_000],
])('kill -9 of %s: one job, one version, and its answers', async (_, process, afterMs) => {
  const model = `tuned-${++count}`;
  const before = fineTuning.jobs.length;
  const gates = '[{ name: useful, kind: threshold, dimension: right, min: 0.8 }]';
  // Separate examples, so that no stage of another test is reused.
  const prompts = [`Answer ${count}.`];
  await product.apply(
    writeTinyLlmLifecycle(product.workDir, {
      name: model,
      prompts,
      cases: 100,
      gates,
      tunedBy: 'acme',
    }),
  );
  const { body } = await product.start(model);
  await product.waitForStage(body.id, 'fine-tune');
  await pause(afterMs);
  expect(product.kill(process).length).toBeGreaterThan(0);
  const run = await product.waitForEnd(body.id, 240);
  expect(run).toMatchObject({
    status: 'succeeded',
    version: 1,
    failure: null,
    verdict: { kind: 'passed' },
  });
  expect(run.stages.map(({ name }) => name)).toEqual([
    'ingest',
    'fine-tune',
    'evaluate',
    'promote',
  ]);
  expect(fineTuning.jobs).toHaveLength(before + 1);
  const { body: versions } = await product.call<{ items: unknown[] }>(
    'GET',
    `/models/${model}/versions`,
  );
  expect(versions.items).toHaveLength(1);
  const answer = await product.call<{ model: string; choices: { message: { content: string } }[] }>(
    'POST',
    `${product.gatewayUrl}/v1/chat/completions`,
    { body: { model, messages: [{ role: 'user', content: 'What is the code of lamp 7?' }] } },
  );
  // Only the fine-tuned model answers it without the word `precise`.
  expect(answer).toMatchObject({
    status: 200,
    body: { model: `${model}@1`, choices: [{ message: { content: 'code 7' } }] },
  });
});
