import { budgetUnits } from '../../domain/budget/budget';
import type { LlmSpend, LlmSpendQuery } from '../../domain/provider/call-ledger';
import type { Query } from '../connection';

interface SpendSums {
  readonly key: string;
  readonly requests: number;
  readonly answered: number;
  readonly promptTokens: number;
  readonly completionTokens: number;
  readonly cost: number;
  readonly mostUnsettled: number;
}

/** Sums of the requests to providers by one property, the most expensive groups first. */
export async function spendOn(
  sql: Query,
  { tenant, by, from, limit }: LlmSpendQuery,
): Promise<readonly LlmSpend[]> {
  const key = {
    provider: sql`provider || ' ' || model`,
    // A scope is `run/<id>/<stage>` or, for other work, its kind and its id.
    scope: sql`split_part(scope, '/', 1) || '/' || split_part(scope, '/', 2)`,
  }[by];
  const rows = await sql<SpendSums[]>`
    select ${key} as key, count(*)::int as requests, (count(*) filter (where outcome = 'answered'))::int as answered,
      coalesce(sum(prompt_tokens), 0)::bigint as prompt_tokens, coalesce(sum(completion_tokens), 0)::bigint as completion_tokens,
      coalesce(sum(cost), 0)::bigint as cost,
      coalesce(sum(most_cost) filter (where outcome in ('sent', 'broken', 'lost')), 0)::bigint as most_unsettled
    from llm_attempts where tenant_id = ${tenant} and started_at >= ${from}
    group by 1 order by sum(cost) desc nulls last, 1 limit ${limit}`;
  return rows.map(({ cost, mostUnsettled, ...row }) => ({
    ...row,
    usd: cost / budgetUnits.usd,
    mostUnsettledUsd: mostUnsettled / budgetUnits.usd,
  }));
}
