import { openAllowances, type Allowances } from '../../../data/language/allowances';
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
  ...{ tenant, scope, unit, limit, reserved: 0, spent: 0, assumed: 0 },
});
const target = { provider: 'paid', model: 'scripted' };

let provider: ScriptedProvider;
let fault: Fault | null;
let budgets: FakeBudgets;
let allowances: Allowances;
let access: ModelAccess;
const opened: { close(): Promise<void> }[] = [];

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
  for (const each of opened.splice(0)) await each.close();
  await provider.close();
});

function open(kept: FakeBudgets, providers?: Parameters<typeof openModelAccess>[0]): void {
  budgets = kept;
  allowances = openAllowances({
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
    expect(await told('tenant', 'usd')).toEqual({
      spent: (promptTokens + 2 * completionTokens) * 1e9,
      reserved: 0,
    });
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
    expect(refused).toMatchObject({
      type: 'BudgetSpent',
      next: 'perennial budget set tenant <more>',
    });
    expect((refused as Error).message).toMatch(
      /^the budget of tenant is spent: 0 tokens of 60 tokens; this question may take \d+ tokens$/,
    );
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
  ])(
    'after %s counts as %s that it can have cost, each time that it was sent',
    async (_, what, counted) => {
      fault = what;
      await expect(ask()).rejects.toThrow();
      const { spent = -1, reserved } = await told();
      expect(reserved).toBe(0);
      if (counted === 'nothing') expect(spent).toBe(0);
      else expect(spent).toBeGreaterThanOrEqual(50 * provider.requests.length);
    },
  );

  test('counts vectors and rankings as it counts answers', async () => {
    const { usage } = await access.embed(target, ['a text', 'another'], { tenant });
    const ranked = await access.rerank(target, rerankQuestion('which?', ['a', 'b']), { tenant });
    const { promptTokens, completionTokens } = ranked.answer.usage;
    expect(await told()).toEqual({
      spent: usage.promptTokens + promptTokens + completionTokens,
      reserved: 0,
    });
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
    expect(spent).toBe(
      provider.bill.reduce((sum, line) => sum + line.promptTokens + line.completionTokens, 0),
    );
  });
});

describe('a spent budget', () => {
  test('takes no turn from the others of its provider', async () => {
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

  test('says nothing of a provider that is just tried again', async () => {
    fault = { kind: 'error', status: 503 };
    await access
      .chat([target], question('hello'), { tenant, patienceMs: 60_000 })
      .catch(() => undefined);
    await expect(ask()).rejects.toThrow('is left alone');
    await new Promise((later) => setTimeout(later, 1_100));
    const sent = provider.requests.length;
    const most = question('hello', {
      sampling: { temperature: 0, topP: 1, maxTokens: 200_000, seed: 1, stop: [] },
    });
    await expect(access.chat([target], most, { tenant })).rejects.toMatchObject({
      type: 'BudgetSpent',
    });
    await expect(ask()).rejects.toMatchObject({ type: 'ProviderUnavailable' });
    // As after a try that failed: longer than the first time.
    await expect(ask()).rejects.toThrow('is left alone for 2 s');
    expect(provider.requests).toHaveLength(sent + 1);
  });
});

describe('a question that was paid and never came to its turn', () => {
  test('costs nothing when its caller hung up before', async () => {
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

  test('costs nothing when the provider’s limits are further away than it waits', async () => {
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

describe('while the registry does not answer', () => {
  test.each(['list', 'account'] as const)(
    'a question does not wait for its %s for ever',
    async (what) => {
      budgets[what] = never;
      await expect(ask()).rejects.toMatchObject({ type: 'DatabaseUnavailable' });
    },
  );

  test('what was known of the budgets goes on, also for who comes back after a long time', async () => {
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

  test('it is not asked again and again', async () => {
    let asked = 0;
    const ledger = {
      list: () => (
        (asked += 1),
        asked === 1 ? Promise.resolve([budget('tenant', 'tokens', 1_000)]) : never()
      ),
      account: never,
    };
    const quick = openAllowances({
      ledger,
      holder: 'gateway/b',
      accountMs: 10,
      registryTimeoutMs: 1_000,
      onError: () => undefined,
    });
    await expect(
      quick.hold({ tenant, provider: 'paid', most: { usd: 0, tokens: 1 } }),
    ).rejects.toMatchObject({
      type: 'DatabaseUnavailable',
    });
    expect(asked).toBeLessThanOrEqual(3);
    await quick.close();
  });
});
