import type { Query, Sql, Statement } from '../sql';
import type { Columns } from '../columns';
import type { llmCalls } from './call-schema';

type Fragment = Statement<Record<string, unknown>[]>;

/** Calls in one transaction. */
const atOnce = 1000;

/**
 * Index builds and manual prompt evaluations have no row with an end time. They are assumed to last
 * at most this long.
 */
const unboundedDays = 30;

/**
 * Removes the answers of calls whose asking and reading scopes all ended more than
 * `call_answer_days` ago. `days` gives that setting for each `tenant`. Costs, scopes and times
 * stay. A locked call is skipped until the next pass.
 */
export async function forgetAnswers(sql: Sql, days: Fragment): Promise<number> {
  let forgotten = 0;
  let after = { tenantId: '', key: '' };
  for (;;) {
    const { last, count } = await sql.begin(async (tx) => {
      // Continues after the last key, so that a pass checks each kept call once.
      const locked = await tx<Columns<typeof llmCalls, 'tenantId' | 'key'>[]>`
        select c.tenant_id, c.key from llm_calls c, ${days} s
        where (c.tenant_id, c.key) > (${after.tenantId}, ${after.key}) and ${isOver(tx)}
        order by c.tenant_id, c.key limit ${atOnce} for update of c skip locked`;
      const [tenants, of] = [locked.map(({ tenantId }) => tenantId), locked.map(({ key }) => key)];
      // Checked again under the lock, because a reader may have been added before it.
      const gone = await tx<Columns<typeof llmCalls, 'key'>[]>`
        update llm_calls c set answer = null, forgotten_at = now()
        from ${days} s, unnest(${tenants}::text[], ${of}::text[]) as l (tenant, of) where c.tenant_id = l.tenant and c.key = l.of and ${isOver(tx)}
        returning c.key`;
      await tx`
        delete from llm_call_readers r using llm_calls c, unnest(${tenants}::text[], ${of}::text[]) as l (tenant, of)
        where r.tenant_id = l.tenant and r.key = l.of and c.tenant_id = l.tenant and c.key = l.of and c.forgotten_at is not null`;
      return { last: locked.at(-1), count: gone.length };
    });
    forgotten += count;
    if (last === undefined) return forgotten;
    after = last;
  }
}

/** Whether call `c` is old enough by the settings `s` of its tenant. */
function isOver(sql: Query) {
  const since = sql`now() - make_interval(days => s.call_answer_days)`;
  const isStillNeeded = (scope: Fragment, at: Fragment) => sql`(case split_part(${scope}, '/', 1)
    when 'run' then exists (
      select from runs r where r.tenant_id = c.tenant_id and r.id = split_part(${scope}, '/', 2) and (r.ended_at is null or r.ended_at >= ${since}))
    when 'prompt-search' then exists (
      select from prompt_searches p
      where p.tenant_id = c.tenant_id and p.id = split_part(${scope}, '/', 2) and (p.ended_at is null or p.ended_at >= ${since}))
    else ${at} >= now() - make_interval(days => greatest(s.call_answer_days, ${unboundedDays})) end)`;
  return sql`c.tenant_id = s.tenant and c.answer is not null and c.ended_at < ${since} and not ${isStillNeeded(sql`c.scope`, sql`c.ended_at`)}
    and not exists (select from llm_call_readers reader
      where reader.tenant_id = c.tenant_id and reader.key = c.key and ${isStillNeeded(sql`reader.scope`, sql`reader.read_at`)})`;
}
