import { openAllowances, type Allowances } from '../../../data/llm/allowances';
import { meteredAccess } from '../../../data/llm/metered-access';
import { openModelAccess, type ModelAccess } from '../../../data/llm/model-access';
import { rerankQuestion } from '../../../data/llm/rerank';
import type { Budget } from '../../../domain/budget';
import { fakeBudgets, type FakeBudgets } from '../../support/fake-budgets';
import { noSecret, providerAt, question, tenant } from '../../support/model-access';
import { openScriptedProvider, type Fault, type ScriptedProvider } from '../../support/scripted-provider';

const budget = (scope: string, unit: 'usd' | 'tokens', limit: number): Budget => ({
  ...{ tenant, scope, unit, limit, reserved: 0, spent: 0, assumed: 0 },
});
const target = { provider: 'paid', model: 'scripted' };

let provider: ScriptedProvider;
let fault: Fault | null;
let budgets: FakeBudgets;
let allowances: Allowances;
let access: ModelAccess;

beforeEach(async () => {
  fault = null;
  provider = await openScriptedProvider({
    answer: () => 'one two three',
    rerank: ({ documents }) => documents.map((_, index) => ({ index, relevance_score: 1 })),
    fault: () => fault,
  });
  // A dollar a prompt token, two an answered one.
  const prices = { scripted: { promptPerMillion: 1e6, completionPerMillion: 2e6 } };
  open(
    fakeBudgets(budget('tenant', 'tokens', 100_000)),
    ['paid', 'other', 'own'].map((name) => providerAt(provider.url, { name, prices })),
  );
});
afterEach(async () => {
  await allowances.close();
  await access.close();
  await provider.close();
});

function open(kept: FakeBudgets, providers?: Parameters<typeof openModelAccess>[0]): void {
  budgets = kept;
  allowances = openAllowances({
    ledger: { list: (asked) => budgets.list(asked), account: (asked) => budgets.account(asked) },
    holder: 'gateway/a',
    accountMs: 3_600_000,
    onError: () => undefined,
  });
  if (providers) access = openModelAccess(providers, noSecret);
  access = meteredAccess({ access, allowances: { hold: (asked) => allowances.hold(asked) }, isFree: (name) => name === 'own' });
}

const ask = (who = 'paid') => access.chat([{ ...target, provider: who }], question('hello'), { tenant, patienceMs: 1 });
/** What the ledger says after everything was told. */
async function told(scope = 'tenant', unit = 'tokens') {
  await allowances.close();
  const found = budgets.budgets.find((each) => each.scope === scope && each.unit === unit);
  return { spent: found?.spent, reserved: found?.reserved };
}

describe('what callers ask', () => {
  test('is paid from every budget of tenant and provider, and from no other provider’s', async () => {
    budgets.budgets.push(
      budget('tenant', 'usd', 1e15),
      budget('provider/paid', 'tokens', 5_000),
      budget('provider/other', 'tokens', 5_000),
    );
    const { answer } = await ask();
    const { promptTokens, completionTokens } = answer.usage;
    const tokens = promptTokens + completionTokens;
    expect(tokens).toBeGreaterThan(3);
    expect(await told()).toEqual({ spent: tokens, reserved: 0 });
    expect(await told('provider/paid')).toEqual({ spent: tokens, reserved: 0 });
    expect(await told('provider/other')).toEqual({ spent: 0, reserved: 0 });
    expect(await told('tenant', 'usd')).toEqual({ spent: (promptTokens + 2 * completionTokens) * 1e9, reserved: 0 });
  });

  test('waits for no write of its own: many questions are one account', async () => {
    for (let asked = 0; asked < 8; asked += 1) await ask();
    expect(budgets.accounts).toHaveLength(1);
  });

  test('is asked of a provider that is free, whatever is spent, and costs nothing', async () => {
    budgets.budgets.splice(0, 1, budget('tenant', 'tokens', 0));
    await expect(ask()).rejects.toMatchObject({ type: 'BudgetSpent' });
    await ask('own');
    expect(await told()).toEqual({ spent: 0, reserved: 0 });
  });

  test('is refused in words when it could overspend, before it is sent', async () => {
    budgets.budgets.splice(0, 1, budget('tenant', 'tokens', 60));
    const refused = await ask().catch((error: unknown) => error);
    expect(refused).toMatchObject({ type: 'BudgetSpent', next: 'perennial budget set tenant <more>' });
    expect((refused as Error).message).toMatch(/^the budget of tenant is spent: 0 tokens of 60 tokens; this question may take \d+ tokens$/);
    await expect(ask()).rejects.toThrow('is spent');
    expect(provider.requests).toHaveLength(0);
    // A spent budget is not asked for again by each question.
    expect(budgets.accounts).toHaveLength(1);
  });

  test('takes nothing from one budget where another refuses', async () => {
    budgets.budgets.push(budget('provider/paid', 'tokens', 10));
    await expect(ask()).rejects.toThrow('the budget of provider/paid is spent');
    expect(await told()).toEqual({ spent: 0, reserved: 0 });
  });

  test.each<[string, Fault, 'nothing' | 'the most']>([
    ['a refusal', { kind: 'rateLimited' }, 'nothing'],
    ['a server that is away', { kind: 'error', status: 503 }, 'nothing'],
    ['a connection that breaks in the answer', { kind: 'cut', afterTokens: 1 }, 'the most'],
  ])('after %s counts as %s that it can have cost, each time that it was sent', async (_, what, counted) => {
    fault = what;
    await expect(ask()).rejects.toThrow();
    const { spent = -1, reserved } = await told();
    expect(reserved).toBe(0);
    if (counted === 'nothing') expect(spent).toBe(0);
    else expect(spent).toBeGreaterThanOrEqual(50 * provider.requests.length);
  });

  test('counts vectors and rankings as it counts answers', async () => {
    const { usage } = await access.embed(target, ['a text', 'another'], { tenant });
    const ranked = await access.rerank(target, rerankQuestion('which?', ['a', 'b']), { tenant });
    const { promptTokens, completionTokens } = ranked.answer.usage;
    expect(await told()).toEqual({ spent: usage.promptTokens + promptTokens + completionTokens, reserved: 0 });
  });

  test('goes on from its block while the registry is away, and no further', async () => {
    await ask();
    budgets.away = true;
    for (let asked = 0; asked < 3; asked += 1) await ask();
    const all = Array.from({ length: 40 }, () => ask());
    const ended = await Promise.allSettled(all);
    const failed = ended.filter(({ status }) => status === 'rejected') as PromiseRejectedResult[];
    expect(failed.length).toBeGreaterThan(0);
    for (const { reason } of failed) expect(reason).toMatchObject({ type: 'DatabaseUnavailable' });
    budgets.away = false;
    const { spent = 0, reserved } = await told();
    expect(reserved).toBe(0);
    expect(spent).toBe(provider.bill.reduce((sum, line) => sum + line.promptTokens + line.completionTokens, 0));
  });
});
