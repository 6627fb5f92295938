import { openServingBudgets, type ServingBudgets } from '../../../data/language/serving-budgets';
import { meteredAccess } from '../../../data/language/metered-access';
import { openModelAccess, type ModelAccess } from '../../../data/language/model-access';
import { rerankQuestion } from '../../../data/language/rerank';
import type { Budget } from '../../../domain/budget/budget';
import { fakeBudgets, type FakeBudgets } from '../../support/fake-budgets';
import { noSecret, providerAt, question, tenant } from '../../support/provider/model-access';
import {
  openScriptedProvider,
  type Fault,
  type ScriptedProvider,
} from '../../support/provider/scripted-provider';

const budget = (scope: string, unit: 'usd' | 'tokens', limit: number): Budget => ({
  tenant,
  scope,
  unit,
  limit,
  reserved: 0,
  spent: 0,
  assumed: 0,
});
const target = { provider: 'paid', model: 'scripted' };

let provider: ScriptedProvider;
let fault: Fault | null;
let budgets: FakeBudgets;
let allowances: ServingBudgets;
let access: ModelAccess;
const opened: { close(): Promise<void> }[] = [];

beforeEach(async () => {
  fault = null;
  provider = await openScriptedProvider({
    answer: () => 'one two three',
    rerank: ({ documents }) => documents.map((_, index) => ({ index, relevance_score: 1 })),
    fault: () => fault,
  });
  // One dollar per prompt token, two per completion token.
  const prices = { scripted: { promptPerMillion: 1e6, completionPerMillion: 2e6 } };
  open(
    fakeBudgets(budget('tenant', 'tokens', 100_000)),
    ['paid', 'other', 'own'].map((name) => providerAt(provider.url, { name, prices })),
  );
});
afterEach(async () => {
  for (const each of opened.splice(0)) await each.close();
  await provider.close();
});

function open(kept: FakeBudgets, providers?: Parameters<typeof openModelAccess>[0]): void {
  budgets = kept;
  allowances = openServingBudgets({
    ledger: { list: (asked) => budgets.list(asked), account: (asked) => budgets.account(asked) },
    holder: 'gateway/a',
    accountMs: 3_600_000,
    registryTimeoutMs: 200,
    onError: () => undefined,
  });
  if (providers) access = openModelAccess(providers, noSecret);
  access = meteredAccess({
    access,
    allowances: { hold: (asked) => allowances.hold(asked) },
    isFree: (name) => name === 'own',
  });
  opened.push(allowances, access);
}

const never = () => new Promise<never>(() => undefined);
const ask = (who = 'paid') =>
  access.chat([{ ...target, provider: who }], question('hello'), { tenant, patienceMs: 1 });
/** The ledger after everything was reported. */
async function told(scope = 'tenant', unit = 'tokens') {
  await allowances.close();
  const found = budgets.budgets.find((each) => each.scope === scope && each.unit === unit);
  return { spent: found?.spent, reserved: found?.reserved };
}

describe('a served question', () => {
  test('is paid from every budget of the tenant and the provider, and from no other', async () => {
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
    expect(await told('tenant', 'usd')).toEqual({
      spent: (promptTokens + 2 * completionTokens) * 1e9,
      reserved: 0,
    });
  });

  test('needs no write of its own: many questions share one report', async () => {
    for (let asked = 0; asked < 8; asked += 1) await ask();
    expect(budgets.accounts).toHaveLength(1);
  });

  test('is sent to a free provider even when all budgets are spent', async () => {
    budgets.budgets.splice(0, 1, budget('tenant', 'tokens', 0));
    await expect(ask()).rejects.toMatchObject({ type: 'BudgetSpent' });
    await ask('own');
    expect(await told()).toEqual({ spent: 0, reserved: 0 });
  });

  test('is refused before it is sent when it could overspend', async () => {
    budgets.budgets.splice(0, 1, budget('tenant', 'tokens', 60));
    const refused = await ask().catch((error: unknown) => error);
    expect(refused).toMatchObject({
      type: 'BudgetSpent',
      next: 'perennial budget set tenant <more>',
    });
    expect((refused as Error).message).toMatch(
      /^the budget of tenant is spent: 0 tokens of 60 tokens; this question may need \d+ tokens$/,
    );
    await expect(ask()).rejects.toThrow('is spent');
    expect(provider.requests).toHaveLength(0);
    // A spent budget is not read again for each question.
    expect(budgets.accounts).toHaveLength(1);
  });

  test('reserves nothing in one budget when another one refuses', async () => {
    budgets.budgets.push(budget('provider/paid', 'tokens', 10));
    await expect(ask()).rejects.toThrow('the budget of provider/paid is spent');
    expect(await told()).toEqual({ spent: 0, reserved: 0 });
  });

  test.each<[string, Fault, 'nothing' | 'the most']>([
    ['a refusal', { kind: 'rateLimited' }, 'nothing'],
    ['a server that is not available', { kind: 'error', status: 503 }, 'nothing'],
    ['a connection that is lost during the answer', { kind: 'cut', afterTokens: 1 }, 'the most'],
  ])(
    'after %s costs %s that it can have cost, for each time it was sent',
    async (_, what, counted) => {
      fault = what;
      await expect(ask()).rejects.toThrow();
      const { spent = -1, reserved } = await told();
      expect(reserved).toBe(0);
      if (counted === 'nothing') expect(spent).toBe(0);
      else expect(spent).toBeGreaterThanOrEqual(50 * provider.requests.length);
    },
  );

  test('counts embeddings and rankings like answers', async () => {
    const { usage } = await access.embed(target, ['a text', 'another'], { tenant });
    const ranked = await access.rerank(target, rerankQuestion('which?', ['a', 'b']), { tenant });
    const { promptTokens, completionTokens } = ranked.answer.usage;
    expect(await told()).toEqual({
      spent: usage.promptTokens + promptTokens + completionTokens,
      reserved: 0,
    });
  });

  test('is paid from the block while the registry is not available, and no further', async () => {
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
    expect(spent).toBe(
      provider.bill.reduce((sum, line) => sum + line.promptTokens + line.completionTokens, 0),
    );
  });
});

describe('a spent budget', () => {
  test('uses no turn at the provider', async () => {
    const other = 'other' as typeof tenant;
    const limits = { requestsPerMinute: 60, tokensPerMinute: 6_000, concurrency: 1 };
    open(fakeBudgets(budget('tenant', 'tokens', 10)), [
      providerAt(provider.url, { name: 'paid', limits }),
    ]);
    for (let asked = 0; asked < 100; asked += 1)
      await expect(ask()).rejects.toMatchObject({ type: 'BudgetSpent' });
    await access.chat([target], question('hello'), { tenant: other, patienceMs: 1 });
    expect(provider.requests).toHaveLength(1);
  });

  test('does not count as a trial of a half-open circuit breaker', async () => {
    fault = { kind: 'error', status: 503 };
    await access
      .chat([target], question('hello'), { tenant, patienceMs: 60_000 })
      .catch(() => undefined);
    await expect(ask()).rejects.toThrow('circuit breaker open');
    await new Promise((later) => setTimeout(later, 1_100));
    const sent = provider.requests.length;
    const most = question('hello', {
      sampling: { temperature: 0, topP: 1, maxTokens: 200_000, seed: 1, stop: [] },
    });
    await expect(access.chat([target], most, { tenant })).rejects.toMatchObject({
      type: 'BudgetSpent',
    });
    await expect(ask()).rejects.toMatchObject({ type: 'ProviderUnavailable' });
    // As after a failed trial: twice the first pause.
    await expect(ask()).rejects.toThrow('next attempt in 2 s');
    expect(provider.requests).toHaveLength(sent + 1);
  });
});

describe('a question that was reserved but did not get its turn', () => {
  test('costs nothing when its caller cancelled', async () => {
    const caller = new AbortController();
    budgets.travel = () => {
      caller.abort(new Error('hung up'));
      return Promise.resolve();
    };
    await expect(
      access.chat([target], question('hello'), { tenant, signal: caller.signal }),
    ).rejects.toThrow('hung up');
    expect(provider.requests).toHaveLength(0);
    expect(await told()).toEqual({ spent: 0, reserved: 0 });
  });

  test('costs nothing when the wait for the rate limits would be too long', async () => {
    const limits = { requestsPerMinute: 1, tokensPerMinute: null, concurrency: 1 };
    open(fakeBudgets(budget('tenant', 'tokens', 100_000)), [
      providerAt(provider.url, { name: 'paid', limits }),
    ]);
    const { answer } = await ask();
    await expect(ask()).rejects.toMatchObject({ type: 'ProviderRateLimited' });
    expect(await told()).toEqual({
      spent: answer.usage.promptTokens + answer.usage.completionTokens,
      reserved: 0,
    });
  });
});

describe('while the registry does not respond', () => {
  test.each(['list', 'account'] as const)(
    'a question does not wait forever for %s',
    async (what) => {
      budgets[what] = never;
      await expect(ask()).rejects.toMatchObject({ type: 'DatabaseUnavailable' });
    },
  );

  test('the last known budgets are used, also after a long pause', async () => {
    await ask();
    budgets.list = never;
    const now = performance.now.bind(performance);
    const later = jest.spyOn(performance, 'now').mockImplementation(() => now() + 700_000);
    try {
      await ask();
    } finally {
      later.mockRestore();
    }
    expect(provider.requests).toHaveLength(2);
  });

  test('not every question queries it again', async () => {
    let asked = 0;
    const ledger = {
      list: () => (
        (asked += 1),
        asked === 1 ? Promise.resolve([budget('tenant', 'tokens', 1_000)]) : never()
      ),
      account: never,
    };
    const quick = openServingBudgets({
      ledger,
      holder: 'gateway/b',
      accountMs: 10,
      registryTimeoutMs: 1_000,
      onError: () => undefined,
    });
    await expect(
      quick.hold({ tenant, provider: 'paid', worstCase: { usd: 0, tokens: 1 } }),
    ).rejects.toMatchObject({
      type: 'DatabaseUnavailable',
    });
    expect(asked).toBeLessThanOrEqual(3);
    await quick.close();
  });
});
