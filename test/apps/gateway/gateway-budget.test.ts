import OpenAI, { APIError } from 'openai';
import { openServingBudgets, type ServingBudgets } from '../../../data/language/serving-budgets';
import { meteredAccess } from '../../../data/language/metered-access';
import { openModelAccess, type ModelAccess } from '../../../data/language/model-access';
import { failure } from '../../../domain/failure';
import { defaultTenant as tenant, type RolloutId } from '../../../domain/ids';
import { fakeBudgets, type FakeBudgets } from '../../support/fake-budgets';
import { noSecret, providerAt } from '../../support/provider/model-access';
import {
  openScriptedProvider,
  type ScriptedProvider,
} from '../../support/provider/scripted-provider';
import { putBundle, questionPrompt } from '../../support/language/served-bundles';
import {
  addKey,
  fakeArtifacts,
  fakeRegistry,
  type FakeArtifacts,
  type FakeRegistry,
} from './fakes';
import { startGateway, type StartedGateway } from './started-gateway';
import { until } from '../../support/time/until';

const messages = [{ role: 'user' as const, content: 'Who was Ada?' }];
let gateway: StartedGateway;
let provider: ScriptedProvider;
let access: ModelAccess;
let budgets: FakeBudgets;
let allowances: ServingBudgets;
let client: OpenAI;
let calls = 0;
let registry: FakeRegistry;
let artifacts: FakeArtifacts;

beforeEach(async () => {
  provider = await openScriptedProvider({ answer: () => 'She wrote of the engine.' });
  budgets = fakeBudgets({
    tenant,
    scope: 'provider/paid',
    unit: 'tokens',
    limit: 400,
    reserved: 0,
    spent: 0,
    assumed: 0,
  });
  allowances = openServingBudgets({
    ledger: budgets,
    holder: 'gateway/a',
    accountMs: 20,
    onError: () => undefined,
  });
  access = meteredAccess({
    access: openModelAccess(
      [
        providerAt(provider.url, { name: 'paid' }),
        providerAt(provider.url, { name: 'bounded-by-nobody' }),
      ],
      noSecret,
    ),
    allowances,
    isFree: () => false,
  });
  [registry, artifacts] = [fakeRegistry(), fakeArtifacts()];
  gateway = await startGateway({ registry, artifacts, access });
  const manifest = await bundleAsking('paid');
  registry.route('wiki-assistant', [{ alias: 'champion', version: 1, manifest }]);
  // Like a stock client, which retries when that may help.
  const counting: typeof fetch = (...given) => {
    calls += 1;
    return fetch(...given);
  };
  client = new OpenAI({
    baseURL: `${gateway.url}/v1`,
    apiKey: addKey(registry, 'viewer'),
    fetch: counting,
  });
  await until(async () => (await client.models.list()).data.length > 0);
});

afterEach(async () => {
  await gateway.stop();
  await allowances.close();
  await access.close();
  await provider.close();
});

function bundleAsking(name: string) {
  const base = { provider: name, model: 'scripted', adapter: null, standby: [] };
  return putBundle((bytes) => artifacts.put(bytes), {
    prompt: questionPrompt(`Be brief, ${name}.`),
    base,
  });
}

const ask = () => client.chat.completions.create({ model: 'wiki-assistant', messages });

async function refusedAfter(asking: () => Promise<unknown>): Promise<APIError> {
  for (;;) {
    const error: unknown = await asking().then(
      () => null,
      (thrown: unknown) => thrown,
    );
    if (error === null) continue;
    if (error instanceof APIError) return error;
    throw error as Error;
  }
}

test('a spent budget gives OpenAI’s error for missing credit, without retries', async () => {
  const refused = await refusedAfter(ask);
  expect(refused).toMatchObject({
    status: 429,
    code: 'insufficient_quota',
    type: 'insufficient_quota',
  });
  expect(refused.message).toMatch(
    /the budget of provider\/paid is spent: \d+ tokens of 400 tokens.*perennial budget set provider\/paid <more>/,
  );
  const sent = provider.requests.length;
  const before = calls;
  await expect(ask()).rejects.toMatchObject({ status: 429 });
  // A stock client obeys the header against retries.
  expect(calls).toBe(before + 1);
  expect(provider.requests).toHaveLength(sent);
  await allowances.close();
  const spent = provider.bill.reduce(
    (sum, line) => sum + line.promptTokens + line.completionTokens,
    0,
  );
  expect(budgets.budgets[0]).toMatchObject({ spent, reserved: 0 });
  expect(spent).toBeLessThanOrEqual(400);
});

test('a stock client retries while the rest of a budget is reserved, and then gets its answer', async () => {
  const reserve = (reserved: number) =>
    (budgets.budgets[0] = { ...(budgets.budgets[0] as (typeof budgets.budgets)[0]), reserved });
  reserve(395);
  const refused = await client.chat.completions
    .create({ model: 'wiki-assistant', messages }, { maxRetries: 0 })
    .catch((error: unknown) => error);
  expect(refused).toMatchObject({
    status: 429,
    code: 'rate_limit_exceeded',
    type: 'rate_limit_error',
  });
  expect((refused as Error).message).toMatch(
    /the budget of provider\/paid: 0 tokens of 400 tokens are spent and the rest is reserved/,
  );
  const { headers } = refused as APIError;
  expect([headers?.get('retry-after'), headers?.get('x-should-retry')]).toEqual(['1', null]);
  reserve(0);
  expect((await ask()).choices[0]?.message.content).toBe('She wrote of the engine.');
});

test('a stream is refused before its first piece, by a normal response', async () => {
  await refusedAfter(ask);
  const stream = client.chat.completions.create({
    model: 'wiki-assistant',
    messages,
    stream: true,
  });
  await expect(stream).rejects.toMatchObject({ status: 429, code: 'insufficient_quota' });
});

test('callers are answered again after the budget was raised', async () => {
  await refusedAfter(ask);
  budgets.budgets[0] = { ...(budgets.budgets[0] as (typeof budgets.budgets)[0]), limit: 100_000 };
  await new Promise((followed) => setTimeout(followed, 1_100));
  expect((await ask()).choices[0]?.message.content).toBe('She wrote of the engine.');
});

/**
 * Version 3, whose provider has a budget, is the champion, and version 2, whose provider has none,
 * the challenger.
 */
async function challenged(rollout: {
  readonly weight: number;
  readonly besides: boolean;
}): Promise<void> {
  const [champion, challenger] = [
    await bundleAsking('bounded-by-nobody'),
    await bundleAsking('paid'),
  ];
  registry.route(
    'wiki-assistant',
    [
      { alias: 'challenger', version: 3, weight: rollout.weight, manifest: challenger },
      { alias: 'champion', version: 2, weight: 1 - rollout.weight, manifest: champion },
    ],
    { rollout: { id: 'roll_1' as RolloutId, step: 1, besides: rollout.besides } },
  );
  const after = rollout.weight === 1 ? 'wiki-assistant@3' : 'wiki-assistant@2';
  await until(async () => (await ask()).model === after);
}

const rowsOfRollout = () => registry.inserted.filter(({ version }) => version !== 1);
const heldAgainstIt = () =>
  rowsOfRollout().filter(({ other }) => other !== null && other.error !== null);

test('without a budget for the challenger the champion answers, and the challenger has not failed', async () => {
  await challenged({ weight: 1, besides: true });
  await until(async () => (await ask()).model === 'wiki-assistant@2');
  await gateway.stop();
  expect(rowsOfRollout().at(-1)).toMatchObject({ version: 2, rollout: null, other: null });
  expect(heldAgainstIt()).toEqual([]);
});

test.each([
  ['answers', 1],
  ['is asked beside the champion', 0],
])('a registry that grants no block is no failure of a challenger that %s', async (_, weight) => {
  budgets.budgets[0] = { ...(budgets.budgets[0] as (typeof budgets.budgets)[0]), limit: 2_000 };
  await challenged({ weight, besides: true });
  // The next questions use up its block, and it gets no other one.
  budgets.account = () =>
    Promise.reject(failure('DatabaseUnavailable', 'PostgreSQL cannot be reached'));
  const models = [];
  for (let asked = 0; asked < 40; asked += 1) models.push((await ask()).model);
  expect(models.at(-1)).toBe('wiki-assistant@2');
  await gateway.stop();
  expect(rowsOfRollout().at(-1)).toMatchObject({ version: 2, other: null });
  expect(heldAgainstIt()).toEqual([]);
});
