import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { RunJson } from '../../apps/cli/run/view';
import type { Product } from '../support/process/product';
import { startProduct } from '../support/process/product';
import {
  openScriptedProvider,
  type Fault,
  type ScriptedProvider,
} from '../support/provider/scripted-provider';
import {
  tinyAnswer,
  writeTinyLlmLifecycle,
  type TinyLlmOptions,
} from '../support/language/tiny-llm-lifecycle';

jest.setTimeout(180_000);

/**
 * The answering model and four standbys: equally good, wrong, with a wrong key, and without the
 * model.
 */
const names = ['first', 'good', 'bad', 'locked', 'other'] as const;
type Name = (typeof names)[number];

let product: Product;
/** In the file of providers, which a restarted worker reads again. */
let folder: string;
let providers: Readonly<Record<Name, ScriptedProvider>>;
const away = new Set<Name>();
let goodTakesMs = 0;

beforeAll(async () => {
  const down = (name: Name) => (): Fault | null =>
    away.has(name) ? { kind: 'error', status: 503 } : null;
  providers = {
    first: await openScriptedProvider({ answer: tinyAnswer, fault: down('first') }),
    good: await openScriptedProvider({
      answer: tinyAnswer,
      fault: down('good'),
      latencyMs: () => goodTakesMs,
    }),
    bad: await openScriptedProvider({ answer: () => 'I do not know' }),
    locked: await openScriptedProvider({ answer: tinyAnswer, key: 'sk-another' }),
    other: await openScriptedProvider({ answer: tinyAnswer, models: ['large'] }),
  };
  folder = mkdtempSync(join(tmpdir(), 'perennial-providers-'));
  const file = join(folder, 'providers.yaml');
  const lines = names
    .map((name) => `    ${name}: { url: '${providers[name].url}', allowPrivateAddresses: true }\n`)
    .join('');
  writeFileSync(
    file,
    `apiVersion: perennial.dev/v1\nkind: Platform\nmetadata: { name: here }\nspec:\n  providers:\n${lines}`,
  );
  product = await startProduct({ env: { PERENNIAL_PROVIDERS_FILE: file } });
});
afterAll(async () => {
  await product.stop();
  rmSync(folder, { recursive: true });
  await Promise.all(names.map((name) => providers[name].close()));
});
beforeEach(() => {
  away.clear();
  goodTakesMs = 0;
});

/** A lifecycle on the model `first`, with these standbys. */
function writeLifecycle(standbys: readonly Name[], options: TinyLlmOptions): string {
  const written = writeTinyLlmLifecycle(product.workDir, { prompts: ['Be precise.'], ...options });
  const file = join(written, 'lifecycle.yaml');
  const list = standbys.map((provider) => `{ provider: ${provider}, model: scripted }`).join(', ');
  const text = readFileSync(file, 'utf8').replace(
    '{ name: scripted }',
    `{ provider: first, name: scripted, standby: [${list}] }`,
  );
  writeFileSync(file, text);
  return written;
}

async function finished(lifecycle: string): Promise<RunJson> {
  const started = await product.start(lifecycle);
  expect(started.status).toBe(202);
  return product.waitForEnd(started.body.id);
}

function ask(model: string, question: string) {
  return product.call<{ model: string; choices: { message: { content: string } }[] }>(
    'POST',
    `${product.gatewayUrl}/v1/chat/completions`,
    {
      body: { model, messages: [{ role: 'user', content: question }] },
    },
  );
}

const paid = () => names.map((name) => providers[name].bill.length);
/** Waits until it is logged, shortly after the answer. */
async function shown(prediction: string): Promise<string> {
  for (const end = Date.now() + 60_000; ;) {
    const { exitCode, stdout, stderr } = await product.cli(['prediction', 'show', prediction]);
    if (exitCode === 0) return stdout;
    if (Date.now() > end) throw new Error(stderr);
  }
}

const listVersions = async (model: string) =>
  (
    await product.call<{ items: { version: number; status: string }[] }>(
      'GET',
      `/models/${model}/versions`,
    )
  ).body.items;

describe('standbys', () => {
  const model = 'covered';

  test('answer once they have passed the gates of the bundle, and no others do', async () => {
    const lifecycle = writeLifecycle(['bad', 'good', 'locked', 'other'], {
      name: model,
      cases: 120,
    });
    const checked = await product.cli(['lifecycle', 'validate', lifecycle]);
    expect(checked.stderr).toContain(
      'good scripted must pass the gates to be a standby: up to 120 questions',
    );
    await product.apply(lifecycle);
    const run = await finished(model);
    expect(run).toMatchObject({ status: 'succeeded', version: 1, verdict: { kind: 'passed' } });
    expect(paid()).toEqual([120, 120, 120, 0, 0]);

    const told = [
      /bad scripted is not a standby: failed on 120 cases, useful: right 0 /,
      /good scripted is a standby: it passed the same gates on 120 cases/,
      /locked scripted is not a standby: it was not measured: provider locked denied access/,
      /other scripted is not a standby: it was not measured: provider other has no such model/,
    ];
    const explained = (await product.cli(['model', 'explain', model])).stdout;
    for (const each of told) expect(explained).toMatch(each);
    const watched = await product.cli(['run', 'watch', run.id]);
    for (const each of told) expect(watched.stdout + watched.stderr).toMatch(each);

    const question = 'What is the code of lamp 7?';
    const right = {
      status: 200,
      body: { model: 'covered@1', choices: [{ message: { content: 'code 7' } }] },
    };
    expect(await ask(model, question)).toMatchObject(right);
    expect(paid()).toEqual([121, 120, 120, 0, 0]);
    away.add('first');
    const byStandby = await ask(model, question);
    expect(byStandby).toMatchObject(right);
    expect(paid()).toEqual([121, 121, 120, 0, 0]);
    expect(await shown(byStandby.headers.get('x-perennial-prediction-id') ?? '')).toContain(
      'answered by standby good scripted',
    );
    away.add('good');
    expect((await ask(model, question)).status).toBeGreaterThanOrEqual(500);
    expect(paid()).toEqual([121, 121, 120, 0, 0]);
    expect(providers.bad.requests).toHaveLength(120);
  });

  test('that could not be measured are measured again by the next run, and an unchanged bundle is no new version', async () => {
    const before = paid();
    const again = await finished(model);
    expect(again).toMatchObject({
      status: 'succeeded',
      verdict: { reasons: [{ code: 'promote.unchanged' }] },
    });
    expect(again.stages.map(({ name }) => name)).toEqual(['evaluate']);
    expect(await listVersions(model)).toMatchObject([{ version: 1 }]);
    expect(paid()).toEqual(before);
  });

  test('continue after a worker died during their evaluation: nothing is paid for twice, and one version is registered', async () => {
    const dying = 'mortal';
    goodTakesMs = 40;
    await product.apply(writeLifecycle(['good'], { name: dying, cases: 120, parallel: 2 }));
    const before = paid();
    const { body } = await product.start(dying);
    const deadline = Date.now() + 60_000;
    while (providers.good.bill.length < (before[1] ?? 0) + 20 && Date.now() < deadline)
      await new Promise((done) => setTimeout(done, 20));
    expect(product.kill('main.ts worker')).toHaveLength(1);
    expect(await product.waitForEnd(body.id)).toMatchObject({ status: 'succeeded', version: 1 });
    expect(await listVersions(dying)).toMatchObject([{ version: 1 }]);
    const [first = 0, good = 0] = paid().map((count, index) => count - (before[index] ?? 0));
    expect(first).toBe(120);
    expect(good).toBeGreaterThanOrEqual(120);
    expect(good).toBeLessThanOrEqual(122);
  });

  test('are left out if the budget is spent during their evaluation, and the bundle is promoted without them', async () => {
    const spending = 'spending';
    await product.apply(
      writeLifecycle(['good'], {
        name: spending,
        cases: 60,
        parallel: 1,
        more: '  budget: { tokens: 1100 }\n',
      }),
    );
    const run = await finished(spending);
    expect(run).toMatchObject({ status: 'succeeded', version: 1 });
    const explained = (await product.cli(['model', 'explain', spending])).stdout;
    expect(explained).toMatch(
      /good scripted is not a standby: it was not measured: the budget of run\/\S+ is spent/,
    );
    away.add('first');
    const before = providers.good.requests.length;
    expect((await ask(spending, 'What is the code of lamp 8?')).status).toBeGreaterThanOrEqual(500);
    expect(providers.good.requests).toHaveLength(before);
  });
});
