import { maxInProgress } from '../../data/language/evaluation/pool';
import type { RunJson } from '../../apps/cli/run/view';
import { approve } from '../support/process/dying-product';
import { expectNothingLeft } from '../support/leftovers';
import type { Product } from '../support/process/product';
import { pause, startProduct } from '../support/process/product';
import {
  openScriptedProvider,
  type Fault,
  type ScriptedProvider,
} from '../support/provider/scripted-provider';
import { tinyAnswer, writeTinyLlmLifecycle } from '../support/language/tiny-llm-lifecycle';
import { until } from '../support/time/until';

jest.setTimeout(300_000);

const parallel = 8;
const cases = 240;

let product: Product;
let provider: ScriptedProvider;
let fault: () => Fault | null = () => null;
let count = 0;

beforeAll(async () => {
  // Slow enough that a stage has a middle.
  provider = await openScriptedProvider({
    answer: tinyAnswer,
    latencyMs: () => 60,
    fault: () => fault(),
  });
  product = await startProduct({ env: { PERENNIAL_LLM_URL: provider.url } });
});
afterEach(() => {
  fault = () => null;
  return expectNothingLeft(product);
});
afterAll(async () => {
  await product.stop();
  await provider.close();
});

interface Asked {
  /** Requests that the provider worked on. */
  readonly paid: number;
  /** Different questions among them. */
  readonly different: number;
}

/**
 * Runs a lifecycle with a fault in a stage, and returns the provider's bill for it.
 */
async function survived(
  stage: string,
  happens: (id: string) => Promise<void> | void,
  more?: string,
): Promise<Asked & { readonly run: RunJson; readonly model: string }> {
  const model = `language-${++count}`;
  await product.apply(
    writeTinyLlmLifecycle(product.workDir, {
      name: model,
      cases,
      parallel,
      ...(more === undefined ? {} : { more }),
    }),
  );
  const { body } = await product.start(model);
  await product.waitForStage(body.id, stage);
  await pause(150);
  expect((await product.run(body.id)).stages.at(-1)).toMatchObject({
    name: stage,
    status: 'running',
  });
  await happens(body.id);
  const run = await product.waitForEnd(body.id, 180);
  const asked = provider.requests
    .filter(({ prompt }) => prompt.includes(`of ${model} `))
    .map(({ body: sent }) => JSON.stringify(sent['messages']));
  return { run, model, paid: asked.length, different: new Set(asked).size };
}

async function expectPromotedOnce({
  run,
  model,
  paid,
  different,
}: Awaited<ReturnType<typeof survived>>): Promise<void> {
  expect(run).toMatchObject({
    status: 'succeeded',
    version: 1,
    failure: null,
    verdict: { kind: 'passed' },
  });
  expect(run.stages.map(({ name, status }) => `${name} ${status}`)).toEqual([
    'prompt-eval succeeded',
    'evaluate succeeded',
    'promote succeeded',
  ]);
  const { body: versions } = await product.call<{ items: unknown[] }>(
    'GET',
    `/models/${model}/versions`,
  );
  expect(versions.items).toHaveLength(1);
  const { body: champion } = await product.call<{ version: number | null }>(
    'GET',
    `/models/${model}/aliases/champion`,
  );
  expect(champion.version).toBe(1);
  // Both prompts on the search cases, the confirmation, and the evaluation of the bundle and the
  // first prompt.
  expect(different).toBe(2 * cases);
  expect(paid - different).toBeLessThanOrEqual(maxInProgress(parallel));
}

describe('kill -9 while a language application is released', () => {
  test.each(['prompt-eval', 'evaluate'])(
    'of the worker in %s: at most the requests in flight are repeated',
    async (stage) => {
      await expectPromotedOnce(
        await survived(stage, () => {
          expect(product.kill('main.ts worker')).toHaveLength(1);
        }),
      );
    },
  );

  test.each([
    ['the worker', 'main.ts worker'],
    ['the Temporal server', 'temporal server'],
  ])(
    'of %s during a prompt search: the same prompt is found, and at most the requests in flight are repeated',
    async (_, process) => {
      const model = `language-${++count}`;
      const searched = [
        ...Array.from({ length: 11 }, (_option, index) => `Be kind ${index}.`),
        'Be precise.',
      ];
      await product.apply(
        writeTinyLlmLifecycle(product.workDir, {
          name: model,
          cases,
          parallel,
          prompts: [`Answer ${count}.`],
          searched,
        }),
      );
      const { body } = await product.start(model);
      type Searches = { readonly items?: readonly { readonly actor: string }[] };
      const begun = async () => {
        const { body: list } = await product.call<Searches>('GET', '/prompts/p0/searches');
        return list.items?.some(({ actor }) => actor === `run:${body.id}`) === true;
      };
      await until(begun, { seconds: 60, everyMs: 100 });
      await pause(400);
      expect(product.kill(process).length).toBeGreaterThan(0);
      const run = await product.waitForEnd(body.id, 180);
      expect(run).toMatchObject({ status: 'succeeded', version: 1, verdict: { kind: 'passed' } });
      const prompts = run.stages.find(({ name }) => name === 'prompt-eval')?.prompts;
      expect(prompts).toMatchObject({
        chosen: prompts?.searched?.found,
        searched: { variants: 13 },
      });
      expect(prompts?.searched?.gain?.mean).toBeGreaterThan(0.3);
      const asked = provider.requests.flatMap(({ prompt, body: sent }) =>
        prompt.includes(`of ${model} `) ? [JSON.stringify(sent['messages'])] : [],
      );
      expect(asked.length - new Set(asked).size).toBeLessThanOrEqual(maxInProgress(parallel));
    },
  );

  const waitsForAPerson = '  promote: { approval: { required: 1 } }\n';

  test('of the worker while the promotion waits for approval: a later approval still promotes once, and no lease is held meanwhile', async () => {
    const happens = async (id: string) => {
      await expectNothingLeft(product, [`run/default/language-${count}/${id}`]);
      expect(product.kill('main.ts worker')).toHaveLength(1);
      await approve(product, id);
    };
    await expectPromotedOnce(await survived('promote', happens, waitsForAPerson));
  });

  test('of the S3 store during the promotion of a bundle that no gateway has loaded: it is loaded when the store is back', async () => {
    const happens = async (id: string) => {
      const returns = () =>
        product.log().match(/S3 store \(SeaweedFS\) is running again/g)?.length ?? 0;
      const before = returns();
      expect(product.kill('bin/weed').length).toBeGreaterThan(0);
      await approve(product, id);
      expect(returns()).toBe(before);
    };
    await expectPromotedOnce(await survived('promote', happens, waitsForAPerson));
    expect(product.log()).toMatch(/S3 store \(SeaweedFS\) is running again/);
  });

  test.each([
    ['PostgreSQL', 'bin/postgres'],
    ['the Temporal server', 'temporal server'],
    ['the gateway', 'main.ts gateway'],
    ['the S3 store', 'bin/weed'],
  ])('of %s in the evaluation', async (_, process) => {
    await expectPromotedOnce(
      await survived('evaluate', () => {
        expect(product.kill(process).length).toBeGreaterThan(0);
      }),
    );
  });

  test('of the worker repeatedly: the scores equal those of an undisturbed run', async () => {
    const calm = await survived('evaluate', () => undefined);
    const killed = await survived('prompt-eval', async () => {
      for (let time = 0; time < 3; time += 1) {
        product.kill('main.ts worker');
        await pause(2_500);
      }
    });
    expect(
      killed.run.verdict?.reasons.map(({ message }) => message.replace(killed.model, calm.model)),
    ).toEqual(calm.run.verdict?.reasons.map(({ message }) => message));
    expect(killed.paid - killed.different).toBeLessThanOrEqual(3 * parallel);
  });
});

describe('a provider that fails', () => {
  test('is waited for while it is unavailable, and the run continues', async () => {
    const done = await survived('evaluate', async () => {
      fault = () => ({ kind: 'error', status: 503 });
      await pause(3_000);
      fault = () => null;
    });
    expect(done.run).toMatchObject({
      status: 'succeeded',
      version: 1,
      verdict: { kind: 'passed' },
    });
  });

  test('interrupts the stream of one case in a hundred: the case is counted as a failure, or repeated', async () => {
    let number = 0;
    fault = () => (++number % 100 === 0 ? { kind: 'cut', afterTokens: 1 } : null);
    const { run } = await survived('evaluate', () => undefined);
    expect(run).toMatchObject({ status: 'succeeded', version: 1 });
  });
});

test('a run that is cancelled in its evaluation leaves no candidate, and sends no more requests', async () => {
  const model = `language-${++count}`;
  await product.apply(writeTinyLlmLifecycle(product.workDir, { name: model, cases, parallel }));
  const { body } = await product.start(model);
  await product.waitForStage(body.id, 'evaluate');
  await pause(150);
  expect((await product.call('POST', `/runs/${body.id}/cancel`, { body: {} })).status).toBe(202);
  expect((await product.waitForEnd(body.id)).status).toBe('cancelled');
  const asked = provider.requests.length;
  await pause(1_000);
  expect(provider.requests).toHaveLength(asked);
  const { status, body: versions } = await product.call<{ items: { status: string }[] }>(
    'GET',
    `/models/${model}/versions`,
  );
  // A version is registered at the end of the evaluation, which may be before the cancellation.
  const items = status === 404 ? [] : versions.items;
  expect(items.filter((version) => version.status !== 'withdrawn')).toEqual([]);
});
