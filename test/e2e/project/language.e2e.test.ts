/** The guide of language lifecycles in the whole product: deploy, a kill, a release, an answer. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { codeBlocks } from '../../docs/type-errors';
import { promptText, tinyAnswer } from '../../support/language/tiny-llm-lifecycle';
import { startProduct, type Product } from '../../support/process/product';
import { scriptedFineTuning } from '../../support/provider/scripted-fine-tuning';
import {
  openScriptedProvider,
  type ScriptedProvider,
} from '../../support/provider/scripted-provider';

jest.setTimeout(300_000);

const [config = '', stage = '', lifecycle = ''] = codeBlocks('guides/language-lifecycles.md', 'ts');
const lines = (count: number, line: (index: number) => object) =>
  Array.from({ length: count }, (_, index) => `${JSON.stringify(line(index))}\n`).join('');

const files = {
  'perennial.config.ts': config,
  'stages/index.ts': stage,
  'lifecycles/helpdesk.ts': lifecycle,
  'prompts/plain.yaml': promptText('plain', 'Answer.', false),
  'prompts/brief.yaml': promptText('brief', 'Be brief.', false),
  'cases.ndjson': lines(240, (index) => ({
    id: `q${index}`,
    input: { question: `What is the code of lamp ${index}?` },
    expected: { answer: `code ${index}` },
  })),
  'data/tickets.ndjson': lines(120, (index) => ({
    language: index % 2 === 0 ? 'en' : 'de',
    input: index % 2 === 0 ? `Code of lamp ${index}?` : `Code der Leuchte ${index}?`,
    output: `code ${index}`,
  })),
};

const fineTuning = scriptedFineTuning({ looks: 2 });
const writeProviders = (url: string) => `apiVersion: perennial.dev/v1
kind: Platform
metadata: { name: here }
spec: { providers: { acme: { url: '${url}', allowPrivateAddresses: true } } }
`;

let product: Product;
let provider: ScriptedProvider;
let folder: string;
/** Read by each process when it starts. */
let settings: string;
beforeAll(async () => {
  provider = await openScriptedProvider({ answer: tinyAnswer, models: ['small-1'], fineTuning });
  settings = mkdtempSync(join(tmpdir(), 'perennial-providers-'));
  const providersFile = join(settings, 'providers.yaml');
  writeFileSync(providersFile, writeProviders(provider.url));
  product = await startProduct({ env: { PERENNIAL_PROVIDERS_FILE: providersFile } });
  folder = join(product.workDir, 'helpdesk');
});
afterAll(async () => {
  await product.stop();
  await provider.close();
  rmSync(settings, { recursive: true });
});

function deploy(changed: Readonly<Record<string, string>> = {}) {
  for (const [path, text] of Object.entries({ ...files, ...changed })) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text);
  }
  return product.cli(['deploy', folder]);
}

test.each([
  [
    'the function of another kind',
    { 'lifecycles/helpdesk.ts': lifecycle.replaceAll('languageLifecycle', 'lifecycle') },
    'lifecycles/helpdesk.ts:5:14 exports lifecycle(…), but lifecycles.helpdesk.spec of perennial.config.ts has the section prompt of language applications',
  ],
  [
    'a prompt that does not exist',
    { 'perennial.config.ts': config.replace('prompts/brief.yaml', 'prompts/brif.yaml') },
    'spec.prompt.candidates[1]: there is no file prompts/brif.yaml; did you mean prompts/brief.yaml?',
  ],
  [
    'a section of a model',
    { 'perennial.config.ts': config.replace('budget: {', 'tune: {') },
    'perennial.config.ts lifecycles.helpdesk.spec has the section tune of models and prompt of language applications',
  ],
])('deploying %s is refused with the place, and applies nothing', async (_, changed, message) => {
  const { exitCode, stderr } = await deploy(changed);
  expect(exitCode).not.toBe(0);
  expect(stderr).toContain(message);
  expect(stderr).toMatch(/^next: .*perennial deploy$/m);
  expect((await product.call('GET', '/lifecycles/helpdesk')).status).toBe(404);
});

test('the guide runs, survives a kill of its worker, and serves the fine-tuned bundle', async () => {
  const { exitCode, stderr } = await deploy();
  expect(exitCode === 0 ? '' : stderr).toBe('');
  const { body: started } = await product.start('helpdesk', { params: { language: 'en' } });
  await product.waitForStage(started.id, 'fine-tune');
  expect(product.kill('project-worker default helpdesk')).toHaveLength(1);
  const run = await product.waitForEnd(started.id, 200);
  expect(run).toMatchObject({ status: 'succeeded', version: 1, verdict: { kind: 'passed' } });
  expect(run.stages.map(({ name }) => name)).toEqual([
    'ingest',
    'keep_language',
    'prompt-eval',
    'fine-tune',
    'evaluate',
    'promote',
  ]);
  expect(fineTuning.jobs).toHaveLength(1);
  const [examples = ''] = fineTuning.files.map(({ text }) => text);
  expect(examples).toContain('Code of lamp');
  expect(examples).not.toContain('Leuchte');

  const answer = await product.call('POST', `${product.gatewayUrl}/v1/chat/completions`, {
    body: {
      model: 'helpdesk',
      messages: [{ role: 'user', content: 'What is the code of lamp 7?' }],
    },
  });
  expect(answer).toMatchObject({
    status: 200,
    body: { model: 'helpdesk@1', choices: [{ message: { content: 'code 7' } }] },
  });
});

test('a second run reuses the stages and leaves the champion', async () => {
  const paid = provider.bill.length;
  const { body: started } = await product.start('helpdesk', { params: { language: 'en' } });
  const run = await product.waitForEnd(started.id);
  expect(run).toMatchObject({
    status: 'succeeded',
    version: 1,
    verdict: { reasons: [{ code: 'promote.unchanged' }] },
  });
  expect(provider.bill).toHaveLength(paid);
  expect(fineTuning.jobs).toHaveLength(1);
  expect(run.stages.find(({ name }) => name === 'keep_language')?.reusedFrom).not.toBeNull();
});

test('an unknown parameter is refused before the run starts', async () => {
  const { status, body } = await product.start('helpdesk', { params: { language: 'fr' } });
  expect(status).toBe(422);
  expect(JSON.stringify(body)).toContain('params.language');
});
