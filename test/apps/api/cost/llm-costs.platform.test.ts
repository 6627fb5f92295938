import { budgetUnits } from '../../../../domain/budget/budget';
import type { Tenant } from '../../../../domain/ids';
import { runScope } from '../../../../domain/budget/run-budget';
import type { AttemptEnd, LlmSpend } from '../../../../domain/provider/call-ledger';
import { toDigest, startRun, tenant } from '../../../db/registry-fixture';
import { openApiWorld, type ApiWorld } from '../support/api-world';

let world: ApiWorld;
let run: string;
const usage = { promptTokens: 7, completionTokens: 3 };
const dollars = (usd: number): number => usd * budgetUnits.usd;

/** One request that reserves a tenth of a dollar. Without an end it is still in progress. */
async function request(
  text: string,
  {
    scope,
    provider = 'acme',
    of = tenant,
    end,
  }: {
    readonly scope: string;
    readonly provider?: string;
    readonly of?: Tenant;
    readonly end?: AttemptEnd;
  },
): Promise<void> {
  const call = {
    tenant: of,
    key: toDigest(text),
    scope,
    provider,
    model: 'large',
    promptDigest: null,
    inputDigest: toDigest(`of ${text}`),
    repeat: 0,
  };
  const { llmCalls } = world.registry;
  const claimed = await llmCalls.claim({
    call,
    owner: { execution: scope, attempt: 1 },
    attempt: {
      provider,
      model: 'large',
      reserve: [],
      mostUsage: usage,
      mostCost: dollars(0.1),
      leaseMs: 600_000,
    },
  });
  if (claimed.kind !== 'claimed') throw new Error(`the call is ${claimed.kind}`);
  if (end !== undefined) await llmCalls.end({ call, number: claimed.number, end });
}

const answered = (usd: number): AttemptEnd => ({
  kind: 'answered',
  answer: { text: 'yes', finish: 'stop', usage, model: 'large', firstTokenMs: null, totalMs: 5 },
  cost: dollars(usd),
  spent: [],
});

beforeAll(async () => {
  world = await openApiWorld();
  const id = await startRun(world.registry);
  run = runScope(id);
  await request('one', { scope: `${run}/prompt-eval`, end: answered(0.02) });
  await request('two', { scope: `${run}/evaluate`, end: answered(0.03) });
  await request('three', { scope: `${run}/evaluate`, end: { kind: 'broken', failure: null } });
  await request('four', { scope: `${run}/evaluate` });
  await request('five', { scope: `${run}/evaluate`, end: { kind: 'refused', failure: null } });
  await request('six', { scope: 'search/s1', provider: 'beta', end: answered(0.5) });
  const other = 'other' as Tenant;
  await world.registry.tenants.create({ name: other, actor: 'a', keyExpiresAt: null });
  await request('seven', { scope: `${run}/evaluate`, of: other, end: answered(99) });
}, 60_000);
afterAll(() => world.close());

async function spend(query: string): Promise<readonly LlmSpend[]> {
  const { status, body } = await world.call<{ items: readonly LlmSpend[] }>(
    'GET',
    `/llm-costs?${query}`,
    { as: 'viewer' },
  );
  expect(status).toBe(200);
  return body.items;
}

describe('the cost of requests to language models', () => {
  const beta = {
    requests: 1,
    answered: 1,
    promptTokens: 7,
    completionTokens: 3,
    usd: 0.5,
    mostUnsettledUsd: 0,
  };
  // A refused request costs nothing. A broken one and one in progress may cost all they reserved.
  const acme = {
    requests: 5,
    answered: 2,
    promptTokens: 14,
    completionTokens: 6,
    usd: 0.05,
    mostUnsettledUsd: 0.2,
  };

  test('is added up by provider and model, the most expensive first', async () => {
    expect(await spend('by=provider')).toEqual([
      { key: 'beta large', ...beta },
      { key: 'acme large', ...acme },
    ]);
  });

  test('is added up by what asked, all stages of a run together', async () => {
    expect(await spend('by=scope')).toEqual([
      { key: 'search/s1', ...beta },
      { key: run, ...acme },
    ]);
  });

  test('is that since a time, of the caller’s tenant, and of so many groups', async () => {
    expect(await spend('by=provider&from=2999-01-01T00:00:00Z')).toEqual([]);
    expect(await spend('by=provider&limit=1')).toEqual([{ key: 'beta large', ...beta }]);
    await world.database
      .sql`update llm_attempts set started_at = now() - interval '31 days' where provider = 'beta'`;
    expect(await spend('by=provider')).toEqual([{ key: 'acme large', ...acme }]);
    expect(await spend('by=provider&from=2020-01-01T00:00:00Z')).toHaveLength(2);
  });

  test('refuses an unknown group', async () => {
    expect(await world.call('GET', '/llm-costs?by=colour')).toMatchObject({ status: 422 });
  });
});
