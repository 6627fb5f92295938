import {
  openLedgerChat,
  type LedgerChat,
  type LedgerQuestion,
} from '../../../data/language/ledger-chat';
import { openModelAccess, type ModelAccess } from '../../../data/language/model-access';
import type { ProviderSettings } from '../../../domain/provider/settings';
import { openTestRegistry, unique, type TestRegistry } from '../../db/registry-fixture';
import {
  openEvaluatedProvider,
  reconcile,
  runWithKills,
} from '../../support/language/killed-evaluation';
import { listBudgets, evaluate, price } from '../../support/language/ledgered-evaluation';
import { noSecret, providerAt, question, tenant } from '../../support/provider/model-access';
import {
  openScriptedProvider,
  type Script,
  type ScriptedProvider,
} from '../../support/provider/scripted-provider';

describe('asking through the call ledger', () => {
  let test_: TestRegistry;
  let server: ScriptedProvider;
  let access: ModelAccess;
  let chat: LedgerChat;
  let scope: string;
  beforeAll(async () => {
    test_ = await openTestRegistry({ maxConnections: 20 });
  });
  afterAll(() => test_.close());
  beforeEach(() => {
    scope = unique('run/');
  });
  const open = async (script: Script = {}, settings: Partial<ProviderSettings> = {}) => {
    server = await openScriptedProvider(script);
    access = openModelAccess(
      [providerAt(server.url, { prices: { scripted: price }, ...settings })],
      noSecret,
    );
    chat = openLedgerChat(access, test_.registry.llmCalls);
  };
  afterEach(async () => {
    await access.close();
    await server.close();
  });
  const asked = (text: string, settings: Partial<LedgerQuestion> = {}): LedgerQuestion => ({
    tenant,
    scope,
    owner: { execution: scope, attempt: 1 },
    route: [{ provider: 'scripted', model: 'scripted' }],
    question: question(`${scope} ${text}`),
    promptDigest: null,
    repeat: 0,
    budgets: [],
    ...settings,
  });
  const report = () => test_.registry.llmCalls.report({ tenant, scope });
  const setBudget = (unit: 'usd' | 'tokens', limit: number) =>
    test_.registry.budgets.set({ tenant, scope, unit, limit });
  const budget = (unit: 'usd' | 'tokens') => test_.registry.budgets.get({ tenant, scope, unit });

  test('a recorded answer is reused by everyone, and a deliberate repeat is asked', async () => {
    await open();
    const first = await chat.ask(asked('one'));
    expect(first).toMatchObject({ fromLedger: false, provider: 'scripted' });
    expect(await chat.recall([asked('two'), asked('one')])).toEqual([
      null,
      { ...first, fromLedger: true },
    ]);
    const again = await chat.ask(asked('one', { owner: { execution: 'another run', attempt: 1 } }));
    expect(again).toEqual({ ...first, fromLedger: true });
    await chat.ask(asked('one', { repeat: 1 }));
    expect(server.requests).toHaveLength(2);
    expect(await report()).toMatchObject({
      calls: { answered: 2, asking: 0 },
      attempts: { answered: 2 },
    });
  });

  test('a thinking model is paid with its thoughts, and later settings do not change the key of the call', async () => {
    await open({ thoughts: 20 }, { thinkingTokens: { scripted: 400 } });
    await setBudget('tokens', 400);
    const budgets = [{ scope, unit: 'tokens' }] as const;
    await expect(chat.ask(asked('one', { budgets }))).rejects.toMatchObject({
      type: 'BudgetSpent',
    });
    await setBudget('tokens', 2_000);
    const first = await chat.ask(asked('one', { budgets }));
    expect(first).toMatchObject({ fromLedger: false, answer: { finish: 'stop' } });
    expect((await budget('tokens'))?.spent).toBe(
      first.answer.usage.promptTokens + first.answer.usage.completionTokens,
    );
    const plain = openModelAccess(
      [providerAt(server.url, { prices: { scripted: price } })],
      noSecret,
    );
    expect(await openLedgerChat(plain, test_.registry.llmCalls).ask(asked('one'))).toEqual({
      ...first,
      fromLedger: true,
    });
    await plain.close();
  });

  test('concurrent requests of one process and of two are paid once', async () => {
    await open({ latencyMs: () => 100 });
    const other = openLedgerChat(access, test_.registry.llmCalls);
    const asks = [chat, chat, chat, other].map((each, n) =>
      each.ask(asked('one', { owner: { execution: `run ${n}`, attempt: 1 } })),
    );
    const texts = (await Promise.all(asks)).map(({ answer }) => answer.text);
    expect(new Set(texts).size).toBe(1);
    expect(server.bill).toHaveLength(1);
  });

  test('a lost answer is asked again, and its request counts as perhaps paid', async () => {
    await open({ fault: (_, number) => (number === 0 ? { kind: 'cut', afterTokens: 2 } : null) });
    await setBudget('tokens', 10_000);
    await chat.ask(asked('one', { budgets: [{ scope, unit: 'tokens' }] }));
    const { attempts, unsettled, usage } = await report();
    expect(attempts).toMatchObject({ answered: 1, broken: 1 });
    expect(unsettled.requestIds).toEqual([server.bill[0]?.requestId]);
    const now = await budget('tokens');
    expect(now).toMatchObject({
      reserved: 0,
      assumed: unsettled.usage.promptTokens + unsettled.usage.completionTokens,
    });
    expect(now?.spent).toBe((now?.assumed ?? 0) + usage.promptTokens + usage.completionTokens);
  });

  test('a budget is never overspent, and after raising it only the rest is asked', async () => {
    await open({ answer: () => 'yes' });
    await setBudget('usd', 60_000);
    const budgets = [{ scope, unit: 'usd' as const }];
    const ask = () =>
      Promise.allSettled(
        Array.from({ length: 12 }, (_, n) => chat.ask(asked(`question ${n}`, { budgets }))),
      );
    const first = await ask();
    const answered = first.filter(({ status }) => status === 'fulfilled').length;
    expect(answered).toBeGreaterThan(0);
    expect(answered).toBeLessThan(12);
    const refused = first.find((each) => each.status === 'rejected') as PromiseRejectedResult;
    expect(refused.reason).toMatchObject({
      type: 'BudgetSpent',
      message: expect.stringContaining(scope) as string,
    });
    const now = await budget('usd');
    expect(now).toMatchObject({ reserved: 0, assumed: 0, spent: (await report()).cost });
    expect(now?.spent).toBeLessThanOrEqual(60_000);
    await setBudget('usd', 10_000_000);
    expect((await ask()).every(({ status }) => status === 'fulfilled')).toBe(true);
    expect(server.bill).toHaveLength(12);
  });

  test('a spent budget refuses before the request waits for its turn', async () => {
    await open(
      { latencyMs: () => 3000 },
      { limits: { requestsPerMinute: 60, tokensPerMinute: null, concurrency: 1 } },
    );
    await setBudget('tokens', 1);
    let ended = false;
    const rich = chat.ask(asked('rich')).finally(() => (ended = true));
    for (let n = 0; n < 10; n += 1) {
      const poor = chat.ask(asked(`poor ${n}`, { budgets: [{ scope, unit: 'tokens' }] }));
      await expect(poor).rejects.toMatchObject({ type: 'BudgetSpent' });
    }
    expect(ended).toBe(false);
    await rich;
    expect(server.requests).toHaveLength(1);
  });

  test('a spent budget does not refuse an answer that another owner is paying for', async () => {
    await open(
      { latencyMs: () => 500 },
      { limits: { requestsPerMinute: null, tokensPerMinute: null, concurrency: 2 } },
    );
    await setBudget('tokens', 1);
    const first = chat.ask(asked('one', { owner: { execution: 'another run', attempt: 1 } }));
    while (server.requests.length === 0) await new Promise((later) => setTimeout(later, 10));
    const second = await chat.ask(asked('one', { budgets: [{ scope, unit: 'tokens' }] }));
    expect(second).toMatchObject({ key: (await first).key, fromLedger: true });
  });

  test('the budget of a provider pays only for requests to that provider', async () => {
    const [first, standby] = [unique('first'), unique('standby')];
    server = await openScriptedProvider({
      fault: (_, number) =>
        number === 1 ? { kind: 'rateLimited', headers: { 'retry-after': '600' } } : null,
    });
    access = openModelAccess(
      [first, standby].map((name) => providerAt(server.url, { name, prices: { scripted: price } })),
      noSecret,
    );
    chat = openLedgerChat(access, test_.registry.llmCalls);
    const budgets = [scope, `provider/${first}`, `provider/${standby}`].map((each) => ({
      scope: each,
      unit: 'tokens' as const,
    }));
    for (const each of budgets)
      await test_.registry.budgets.set({ tenant, ...each, limit: 10_000 });
    const spent = async () =>
      Promise.all(
        budgets.map(async (each) => (await test_.registry.budgets.get({ tenant, ...each }))?.spent),
      );
    const route = [
      { provider: first, model: 'scripted' },
      { provider: standby, model: 'scripted' },
    ] as const;
    const one = await chat.ask(asked('one', { route, budgets }));
    const used = ({ answer: { usage } }: typeof one) => usage.promptTokens + usage.completionTokens;
    expect(await spent()).toEqual([used(one), used(one), 0]);
    const two = await chat.ask(asked('two', { route, budgets }));
    expect(two).toMatchObject({ provider: standby });
    expect(await spent()).toEqual([used(one) + used(two), used(one), used(two)]);
  });

  test('an answer that is not the required JSON is an error and is paid once', async () => {
    await open({
      answer: ({ prompt }) =>
        prompt.includes('prose')
          ? 'I would say: good.'
          : prompt.includes('other')
            ? '{"score":"high"}'
            : '{"score":1}',
    });
    const jsonSchema = {
      type: 'object',
      properties: { score: { type: 'number' } },
      required: ['score'],
      additionalProperties: false,
    };
    const judge = (text: string) =>
      chat.ask(asked(text, { question: question(`${scope} ${text}`, { jsonSchema }) }));
    expect((await judge('good')).answer.text).toBe('{"score":1}');
    await expect(judge('prose')).rejects.toMatchObject({
      type: 'AnswerInvalid',
      message: expect.not.stringContaining('I would say') as string,
    });
    await expect(judge('prose')).rejects.toMatchObject({ type: 'AnswerInvalid' });
    await expect(judge('other')).rejects.toMatchObject({
      type: 'AnswerInvalid',
      message: expect.stringContaining('/score') as string,
    });
    expect(server.bill).toHaveLength(3);
  });

  test('an unknown model and a prompt that is too long cost nothing and can be asked again', async () => {
    await open({ contextTokens: 200 });
    await setBudget('tokens', 10_000);
    const budgets = [{ scope, unit: 'tokens' as const }];
    const route = [{ provider: 'scripted', model: 'scriptet' }] as const;
    await expect(chat.ask(asked('one', { route, budgets }))).rejects.toMatchObject({
      type: 'ModelNotFound',
    });
    await expect(chat.ask(asked('long '.repeat(300), { budgets }))).rejects.toMatchObject({
      type: 'ContextOverflow',
    });
    expect(await budget('tokens')).toMatchObject({ reserved: 0, spent: 0, assumed: 0 });
    expect(await report()).toMatchObject({
      calls: { failed: 2, answered: 0 },
      attempts: { refused: 2 },
      unsettled: { requestIds: [] },
    });
  });

  test('a cancelled call can be claimed at once by the next attempt', async () => {
    await open({ fault: (_, number) => (number === 0 ? { kind: 'stall', afterTokens: 0 } : null) });
    const caller = new AbortController();
    const first = chat.ask(asked('one', { signal: caller.signal }));
    setTimeout(() => caller.abort(new Error('cancelled')), 100);
    await expect(first).rejects.toThrow('cancelled');
    expect(
      (await chat.ask(asked('one', { owner: { execution: 'another run', attempt: 1 } })))
        .fromLedger,
    ).toBe(false);
    expect(await report()).toMatchObject({ attempts: { broken: 1, answered: 1 } });
  });

  test("a concurrent owner of the same question is not affected by the first one's budget or cancellation", async () => {
    await open({ latencyMs: () => 200 });
    await setBudget('tokens', 1);
    const other = { owner: { execution: 'another run', attempt: 1 } };
    // The order is not defined: the owner without a budget may read the answer that the other pays.
    const [, rich] = await Promise.allSettled([
      chat.ask(asked('one', { budgets: [{ scope, unit: 'tokens' }] })),
      chat.ask(asked('one', other)),
    ]);
    expect(rich).toMatchObject({ status: 'fulfilled', value: { fromLedger: false } });
    const caller = new AbortController();
    setTimeout(() => caller.abort(new Error('cancelled')), 100);
    const [gone, stays] = await Promise.allSettled([
      chat.ask(asked('two', { signal: caller.signal })),
      chat.ask(asked('two', other)),
    ]);
    expect(gone).toMatchObject({ status: 'rejected', reason: { message: 'cancelled' } });
    expect(stays.status).toBe('fulfilled');
  });

  test('an evaluation killed with kill -9 pays again only for requests in progress and gets the same scores', async () => {
    await open();
    const provider = await openEvaluatedProvider('some');
    const size = { variants: 10, cases: 20, atOnce: 16 };
    for (const each of [scope, `${scope}/whole`]) {
      for (const { unit } of listBudgets(each))
        await test_.registry.budgets.set({ tenant, scope: each, unit, limit: 1_000_000_000 });
    }
    const killed = await runWithKills(
      { databaseUrl: test_.url, providerUrl: provider.url, scope, ...size },
      provider,
      [50, 150],
    );
    const { wrong, matched, reported, attempts, bill } = await reconcile(
      test_.database,
      provider,
      scope,
    );
    expect(killed.kills).toBe(2);
    expect(killed.result.failed).toEqual({});
    expect(wrong).toEqual([]);
    expect(matched).toBe(200);
    expect(bill.lines).toBe(matched + reported);
    expect(attempts.lost ?? 0).toBeLessThanOrEqual(2 * size.atOnce);
    expect(attempts.sent ?? 0).toBe(0);
    const { usage, unsettled, cost } = await report();
    expect(unsettled.requestIds).toHaveLength((attempts.lost ?? 0) + (attempts.broken ?? 0));
    expect(await budget('usd')).toMatchObject({
      reserved: 0,
      assumed: unsettled.cost,
      spent: cost + unsettled.cost,
    });
    const spent =
      usage.promptTokens +
      usage.completionTokens +
      unsettled.usage.promptTokens +
      unsettled.usage.completionTokens;
    expect(await budget('tokens')).toMatchObject({ reserved: 0, spent });

    // Uninterrupted, with an empty ledger.
    const whole = await openEvaluatedProvider('none');
    await test_.owner.sql`truncate llm_attempts, llm_call_readers, llm_calls`;
    const plan = {
      databaseUrl: test_.url,
      providerUrl: whole.url,
      scope: `${scope}/whole`,
      attempt: 1,
      ...size,
    };
    expect((await evaluate(plan)).scores).toEqual(killed.result.scores);
    await provider.close();
    await whole.close();
  });
});
