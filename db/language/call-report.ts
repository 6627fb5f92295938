import type { Tenant } from '../../domain/ids';
import {
  attemptOutcomes,
  type AttemptOutcome,
  type CallReport,
  type ScopedReport,
} from '../../domain/provider/call-ledger';
import type { Columns } from '../columns';
import type { Query } from '../connection';
import type { llmAttempts, llmCalls } from './call-schema';

interface OutcomeRow {
  readonly outcome: AttemptOutcome;
  readonly count: number;
  readonly promptTokens: number;
  readonly completionTokens: number;
  readonly cost: number;
  readonly mostPromptTokens: number;
  readonly mostCompletionTokens: number;
  readonly mostCost: number;
}

/** Calls, requests and certain cost of a scope, and the requests whose outcome is unknown. */
export async function reportCalls(
  sql: Query,
  { tenant, scope }: { readonly tenant: Tenant; readonly scope: string },
): Promise<CallReport> {
  const states = await sql<(Columns<typeof llmCalls, 'state'> & { readonly count: number })[]>`
    select state, count(*) as count from llm_calls where tenant_id = ${tenant} and scope = ${scope} group by state`;
  const rows = await sql<OutcomeRow[]>`
    select outcome, count(*) as count, coalesce(sum(prompt_tokens), 0)::bigint as prompt_tokens,
      coalesce(sum(completion_tokens), 0)::bigint as completion_tokens, coalesce(sum(cost), 0)::bigint as cost,
      sum(most_prompt_tokens)::bigint as most_prompt_tokens, sum(most_completion_tokens)::bigint as most_completion_tokens,
      sum(most_cost)::bigint as most_cost
    from llm_attempts where tenant_id = ${tenant} and scope = ${scope} group by outcome`;
  const unsettled = await sql<Columns<typeof llmAttempts, 'requestId'>[]>`
    select request_id from llm_attempts
    where tenant_id = ${tenant} and scope = ${scope} and outcome in ('sent', 'broken', 'lost') order by request_id`;
  const answered = rows.find(({ outcome }) => outcome === 'answered');
  const open = rows.filter(
    ({ outcome }) => outcome === 'sent' || outcome === 'broken' || outcome === 'lost',
  );
  const sum = (of: (row: OutcomeRow) => number) => open.reduce((total, row) => total + of(row), 0);
  const calls = {
    asking: 0,
    answered: 0,
    failed: 0,
    ...Object.fromEntries(states.map(({ state, count }) => [state, count])),
  };
  const attempts = Object.fromEntries(
    attemptOutcomes.map((outcome) => [
      outcome,
      rows.find((row) => row.outcome === outcome)?.count ?? 0,
    ]),
  ) as CallReport['attempts'];
  return {
    calls,
    attempts,
    usage: {
      promptTokens: answered?.promptTokens ?? 0,
      completionTokens: answered?.completionTokens ?? 0,
    },
    cost: answered?.cost ?? 0,
    unsettled: {
      requestIds: unsettled.map(({ requestId }) => requestId),
      usage: {
        promptTokens: sum((row) => row.mostPromptTokens),
        completionTokens: sum((row) => row.mostCompletionTokens),
      },
      cost: sum((row) => row.mostCost),
    },
  };
}

export async function reportsBelow(
  sql: Query,
  { tenant, scope }: { readonly tenant: Tenant; readonly scope: string },
): Promise<readonly ScopedReport[]> {
  const below = (table: 'llm_calls' | 'llm_attempts') =>
    sql`select scope from ${sql(table)} where tenant_id = ${tenant} and starts_with(scope, ${`${scope}/`})`;
  // A call counts in the scope that first asked for it, or first after its answer was removed. A
  // request counts in the scope that paid for it.
  const scopes = await sql<Columns<typeof llmCalls, 'scope'>[]>`
    ${below('llm_calls')} union ${below('llm_attempts')} order by scope`;
  return Promise.all(
    scopes.map(async ({ scope: each }) => ({
      scope: each,
      ...(await reportCalls(sql, { tenant, scope: each })),
    })),
  );
}
