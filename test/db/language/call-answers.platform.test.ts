import { budgetUnits } from '../../../domain/budget/budget';
import type { RunId } from '../../../domain/ids';
import { runScope } from '../../../domain/budget/run-budget';
import type { LedgerCall } from '../../../domain/provider/call-ledger';
import {
  toDigest,
  openTestRegistry,
  startRun,
  tenant,
  unique,
  type TestRegistry,
} from '../registry-fixture';

/** Retention of answers of language models: expired answers are deleted, and their costs stay. */
describe('answers on the call ledger', () => {
  let test_: TestRegistry;
  beforeEach(async () => {
    test_ = await openTestRegistry();
  });
  afterEach(() => test_.close());

  const buildCall = (scope: string, text: string): LedgerCall => ({
    tenant,
    key: toDigest(text),
    scope,
    provider: 'scripted',
    model: 'scripted',
    promptDigest: null,
    inputDigest: toDigest(`of ${text}`),
    repeat: 0,
  });
  const usage = { promptTokens: 7, completionTokens: 3 };
  const plan = {
    provider: 'scripted',
    model: 'scripted',
    reserve: [],
    mostUsage: usage,
    mostCost: 100,
    leaseMs: 60_000,
  };
  const claim = (call: LedgerCall) =>
    test_.registry.llmCalls.claim({
      call,
      owner: { execution: call.scope, attempt: 1 },
      attempt: plan,
    });
  async function answer(call: LedgerCall, text = `answer to ${call.key}`, model = 'scripted') {
    const owner = { execution: call.scope, attempt: 1 };
    const claimed = await test_.registry.llmCalls.claim({
      call,
      owner,
      attempt: { ...plan, model },
    });
    if (claimed.kind !== 'claimed') throw new Error(`the call is ${claimed.kind}`);
    const said = { text, finish: 'stop' as const, usage, model, firstTokenMs: null, totalMs: 5 };
    await test_.registry.llmCalls.end({
      call,
      number: claimed.number,
      end: { kind: 'answered', answer: said, cost: 42, spent: [] },
    });
  }
  const find = async (scope: string, ...calls: LedgerCall[]) => {
    const found = await test_.registry.llmCalls.find({
      tenant,
      scope,
      keys: calls.map(({ key }) => key),
    });
    return calls.map(({ key }) => found[key] ?? null);
  };
  const report = (scope: string) => test_.registry.llmCalls.report({ tenant, scope });
  const formatStage = (run: RunId) => `${runScope(run)}/evaluate`;
  async function endRun(run: RunId, daysAgo: number) {
    await test_.registry.runs.update({ tenant, id: run, status: 'succeeded' });
    await test_.owner.sql`alter table runs disable trigger runs_keep_final`;
    await test_.database
      .sql`update runs set ended_at = now() - make_interval(days => ${daysAgo}) where id = ${run}`;
  }
  const age = async (days: number) => {
    await test_.database
      .sql`update llm_attempts set started_at = started_at - make_interval(days => ${days}), ended_at = ended_at - make_interval(days => ${days})`;
    await test_.database
      .sql`update llm_calls set ended_at = ended_at - make_interval(days => ${days})`;
    await test_.database
      .sql`update llm_call_readers set read_at = read_at - make_interval(days => ${days})`;
  };
  const applied = async () => (await test_.registry.retention.apply()).callAnswerDays;

  test('are deleted when their run ended longer ago than the retention; their exact cost stays', async () => {
    const run = await startRun(test_.registry);
    const call = buildCall(formatStage(run), 'one');
    await answer(call, 'the judge quotes: my number is 0171');
    const bill = await test_.database.sql`select * from llm_attempts`;
    const before = await report(call.scope);
    await age(400);
    await endRun(run, 89);
    expect(await applied()).toBe(0);
    await endRun(run, 91);
    const aged = await test_.database.sql`select * from llm_attempts`;
    expect(await applied()).toBe(1);
    expect(await applied()).toBe(0);

    expect(await find(call.scope, call)).toEqual([null]);
    const rows = await test_.database.sql`select * from llm_calls`;
    expect(JSON.stringify(rows)).not.toContain('0171');
    expect(rows).toMatchObject([
      {
        state: 'answered',
        answer: null,
        cost: 42,
        provider: 'scripted',
        model: 'scripted',
        scope: call.scope,
      },
    ]);
    expect(bill).toHaveLength(1);
    expect(await test_.database.sql`select * from llm_attempts`).toEqual(aged);
    expect(await report(call.scope)).toEqual(before);
    expect(before).toMatchObject({ usage, cost: 42, calls: { answered: 1 } });
  });

  test('stay for a running run, whether it requested or reads them', async () => {
    const [over, reading, claiming, asking] = [
      await startRun(test_.registry),
      await startRun(test_.registry),
      await startRun(test_.registry),
      await startRun(test_.registry),
    ];
    const calls = ['read', 'claimed', 'unread'].map((text) => buildCall(formatStage(over), text));
    const own = buildCall(formatStage(asking), 'own');
    for (const call of [...calls, own]) await answer(call);
    const [read, claimed, unread] = calls as [LedgerCall, LedgerCall, LedgerCall];
    expect(await find(formatStage(reading), read)).toMatchObject([{ scope: formatStage(over) }]);
    expect(await claim({ ...claimed, scope: formatStage(claiming) })).toMatchObject({
      kind: 'answered',
    });
    await age(400);
    await endRun(over, 200);
    expect(await applied()).toBe(1);
    expect(await find(formatStage(over), read, claimed, unread, own)).toMatchObject([
      {},
      {},
      null,
      {},
    ]);

    // A recent read by the ended run does not keep them.
    for (const run of [reading, claiming, asking]) await endRun(run, 200);
    expect(await applied()).toBe(3);
    expect(await test_.database.sql`select * from llm_call_readers`).toEqual([]);
  });

  test('are requested and paid for again by the next reader, who gets the new one', async () => {
    const [old, later] = [await startRun(test_.registry), await startRun(test_.registry)];
    const first = buildCall(formatStage(old), 'one');
    await answer(first, 'long ago', 'standby');
    await age(200);
    await endRun(old, 100);
    expect(await applied()).toBe(1);

    const again = { ...first, scope: formatStage(later) };
    expect(await find(again.scope, again)).toEqual([null]);
    await answer(again, 'today');
    expect(await find(again.scope, again)).toMatchObject([
      { answer: { text: 'today' }, model: 'scripted', scope: again.scope, cost: 42 },
    ]);
    const requests = await test_.database.sql<{ number: number; scope: string; cost: number }[]>`
      select number, scope, cost from llm_attempts order by number`;
    expect(requests).toEqual([
      { number: 1, scope: first.scope, cost: 42 },
      { number: 2, scope: again.scope, cost: 42 },
    ]);
    for (const scope of [first.scope, again.scope])
      expect(await report(scope)).toMatchObject({ attempts: { answered: 1 }, usage, cost: 42 });
    await age(200);
    expect(await applied()).toBe(0);
  });

  test('that were deleted are a clear error when they cannot be paid for again', async () => {
    const [old, later] = [await startRun(test_.registry), await startRun(test_.registry)];
    const first = buildCall(formatStage(old), 'one');
    await answer(first);
    await age(200);
    await endRun(old, 100);
    await applied();
    const reserve = [{ scope: runScope(later), unit: 'usd' as const, amount: 100 }];
    await test_.registry.budgets.set({ tenant, scope: runScope(later), unit: 'usd', limit: 99 });
    const call = { ...first, scope: formatStage(later) };
    const owner = { execution: 'later', attempt: 1 };
    expect(await test_.registry.llmCalls.spentFor({ call, owner, reserve })).toMatchObject({
      asked: 100,
      budget: { limit: 99 },
    });
    expect(
      await test_.registry.llmCalls.claim({ call, owner, attempt: { ...plan, reserve } }),
    ).toMatchObject({ kind: 'budgetSpent' });
    expect(await report(call.scope)).toMatchObject({ calls: { failed: 1, answered: 0 }, cost: 0 });
    expect(await report(first.scope)).toMatchObject({ attempts: { answered: 1 }, cost: 42 });
  });

  test('of a search stay while it runs, and those of an unknown owner at least a month', async () => {
    const { registry, database } = test_;
    await registry.retention.set({ tenant, settings: { callAnswerDays: 1 }, actor: 'key:a' });
    const [search, build] = [
      buildCall('prompt-search/search_1', 'searched'),
      buildCall(unique('index-build/'), 'embedded'),
    ];
    for (const call of [search, build]) await answer(call);
    await database.sql`insert into prompts (tenant_id, name) values (${tenant}, 'p')`;
    await database.sql`
      insert into prompt_searches (tenant_id, id, prompt, first_version, request, actor, status) values (${tenant}, 'search_1', 'p', 1, '{}', 'a', 'running')`;
    await age(29);
    expect(await applied()).toBe(0);
    await age(2);
    expect(await applied()).toBe(1);
    expect(await find(build.scope, search, build)).toMatchObject([{}, null]);
    await database.sql`update prompt_searches set status = 'done', ended_at = now() - interval '2 days'`;
    await age(31);
    expect(await applied()).toBe(1);
  });

  test('stay for a running run that got the answer of a question another run had failed to get', async () => {
    const { registry } = test_;
    const [over, later] = [await startRun(registry), await startRun(registry)];
    const asked = buildCall(formatStage(over), 'one');
    const owner = { execution: asked.scope, attempt: 1 };
    const claimed = await claim(asked);
    if (claimed.kind !== 'claimed') throw new Error(claimed.kind);
    await registry.llmCalls.end({
      call: asked,
      number: claimed.number,
      end: { kind: 'refused', failure: 'ProviderUnavailable' },
    });
    await registry.llmCalls.giveUp({ call: asked, owner, failure: 'ProviderUnavailable' });
    await answer({ ...asked, scope: formatStage(later) });
    await age(400);
    await endRun(over, 400);
    expect(await applied()).toBe(0);
    await endRun(later, 91);
    expect(await applied()).toBe(1);
  });

  test('the costs of a run stay in its report when others request the answers again', async () => {
    const { registry } = test_;
    const [old, later] = [await startRun(registry), await startRun(registry)];
    const first = buildCall(formatStage(old), 'one');
    await answer(first);
    await age(200);
    await endRun(old, 100);
    await applied();
    await answer({ ...first, scope: formatStage(later) });
    for (const run of [old, later])
      expect(await registry.llmCalls.reportsBelow({ tenant, scope: runScope(run) })).toMatchObject([
        { scope: formatStage(run), cost: 42 },
      ]);
    const spend = async (by: 'provider' | 'scope') =>
      registry.llmCalls.spend({ tenant, by, from: new Date(0).toISOString(), limit: 200 });
    for (const run of [old, later])
      expect((await spend('scope')).find(({ key }) => key === runScope(run))).toMatchObject({
        requests: 1,
        answered: 1,
        usd: 42 / budgetUnits.usd,
      });
    const byProvider = await spend('provider');
    expect(byProvider.map(({ usd }) => usd)).toEqual(
      byProvider.map(({ usd }) => usd).sort((x, y) => y - x),
    );
  });

  test('that are read at the same moment are kept', async () => {
    const [over, reading] = [await startRun(test_.registry), await startRun(test_.registry)];
    const calls = Array.from({ length: 200 }, (_, n) => buildCall(formatStage(over), `call ${n}`));
    for (const call of calls) await answer(call);
    await age(200);
    await endRun(over, 100);
    const [, found] = await Promise.all([
      test_.registry.retention.apply(),
      find(formatStage(reading), ...calls),
      test_.registry.retention.apply(),
    ]);
    // In either order, an answer that was returned once is returned again.
    expect(await find(formatStage(reading), ...calls)).toEqual(found);
    await applied();
    expect(await find(formatStage(reading), ...calls)).toEqual(found);
  });
});
