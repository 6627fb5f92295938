import type { Budget, BudgetAmount } from '../../domain/budget/budget';
import { failure } from '../../domain/failure';
import type {
  AttemptEnd,
  AttemptPlan,
  CallClaim,
  CallLedger,
  CallOwner,
  CallRef,
  LedgerCall,
  RecordedAnswer,
} from '../../domain/provider/call-ledger';
import type { Database, Query, Transaction } from '../connection';
import { toJson } from '../document';
import type { BudgetRow } from '../budget/schema';
import type { llmAttempts, llmCalls } from './call-schema';
import { assumeBudgets, reserveBudgets, settleBudgets, toBudget } from '../budget/reservation';
import { reportCalls, reportsBelow } from './call-report';
import { spendOn } from './call-spend';

type CallRow = typeof llmCalls.$inferSelect & { readonly answeredModel?: string | null };
type AttemptRow = typeof llmAttempts.$inferSelect;

/** Longest wait between two checks of a call that another owner has in progress. */
const maxRecheckMs = 500;

export function createCallLedger({ sql }: Database): CallLedger {
  return {
    // The lock keeps retention from removing an answer before its reader is recorded.
    async find({ tenant, scope, keys }) {
      const rows = await sql<CallRow[]>`
        with others as (
          select key from llm_calls where tenant_id = ${tenant} and key = any(${keys}) and answer is not null and scope <> ${scope}
          order by key for key share),
        reading as (
          insert into llm_call_readers (tenant_id, key, scope) select ${tenant}::text, key, ${scope}::text from others ${onConflictTouchReader(sql)})
        select *, ${answeredModel(sql)} from llm_calls
        where tenant_id = ${tenant} and key = any(${keys}) and answer is not null and (scope = ${scope} or key in (select key from others))`;
      return Object.fromEntries(rows.map((row) => [row.key, toRecordedAnswer(row)]));
    },

    spentFor: ({ call, owner, reserve }) => spentBudget(sql, call, owner, reserve),

    claim: async ({ call, owner, attempt }) =>
      (await claimDirectly(sql, call, owner, attempt)) ??
      sql.begin(async (tx) => {
        const row =
          (await begin(tx, call, owner, attempt)) ?? (await takeOver(tx, call, owner, attempt));
        return 'kind' in row ? row : plan(tx, call, row, attempt);
      }),

    end: async ({ call, number, end }) =>
      (await recordAnswerDirectly(sql, call, number, end)) ??
      sql.begin(async (tx) => {
        const row = await lock(tx, call);
        const attempt = await endAttempt(tx, call, number, end);
        const isFirst = end.kind === 'answered' && row.answer === null;
        const result = isFirst
          ? await answer(tx, call, attempt, end)
          : row.answer === null
            ? null
            : row;
        const ref = { tenant: call.tenant, holder: attempt.requestId };
        if (end.kind === 'broken') await assumeBudgets(tx, ref);
        else await settleBudgets(tx, { ...ref, spent: end.kind === 'answered' ? end.spent : [] });
        return result && toRecordedAnswer(result);
      }),

    /**
     * Changes nothing if another owner has taken the call over. Without a failure the call stays
     * open, and the next owner can claim it at once.
     */
    async giveUp({ call: { tenant, key }, owner: { execution, attempt }, failure: type }) {
      await sql`
        update llm_calls set state = ${type === null ? 'asking' : 'failed'}, failure = ${type}, lease_until = now(),
          ended_at = case when ${type === null} then null else now() end
        where tenant_id = ${tenant} and key = ${key} and state = 'asking' and execution = ${execution} and execution_attempt = ${attempt}`;
    },

    report: (input) => reportCalls(sql, input),
    reportsBelow: (input) => reportsBelow(sql, input),
    spend: (query) => spendOn(sql, query),
  };
}

function onConflictTouchReader(sql: Query) {
  return sql`on conflict on constraint llm_call_readers_pk do update set read_at = now() where llm_call_readers.read_at < now() - interval '1 day'`;
}

async function spentBudget(
  sql: Query,
  { tenant, key }: CallRef,
  { execution }: CallOwner,
  reserve: readonly BudgetAmount[],
): Promise<{ readonly budget: Budget; readonly asked: number } | null> {
  const [row] = await sql<(BudgetRow & { readonly asked: number })[]>`
    select b.*, a.amount as asked
    from budgets b join unnest(${reserve.map(({ scope }) => scope)}::text[], ${reserve.map(({ unit }) => unit)}::text[],
      ${reserve.map(({ amount }) => amount)}::bigint[]) as a (scope, unit, amount) on a.scope = b.scope and a.unit = b.unit
    where b.tenant_id = ${tenant} and b.spent + a.amount > b."limit"
      and not exists (select from llm_calls c where c.tenant_id = ${tenant} and c.key = ${key}
        and (c.answer is not null or (c.state = 'asking' and c.execution <> ${execution} and c.lease_until > now())))
    order by b.scope, b.unit limit 1`;
  return row ? { budget: toBudget(row), asked: row.asked } : null;
}

/**
 * The usual case, a new call without a reservation, in one statement instead of a dozen round
 * trips. Otherwise returns null and writes nothing.
 */
async function claimDirectly(
  sql: Query,
  call: LedgerCall,
  owner: CallOwner,
  attempt: AttemptPlan,
): Promise<CallClaim | null> {
  const { tenant, key, scope, promptDigest, inputDigest, repeat } = call;
  const { provider, model, mostUsage, mostCost, reserve, leaseMs } = attempt;
  if (reserve.length > 0) return null;
  const number = 1;
  const requestId = formatRequestId(key, number);
  const { count } = await sql`
    with call as (
      insert into llm_calls (tenant_id, key, scope, provider, model, prompt_digest, input_digest, repeat, state, execution, execution_attempt, lease_until, attempts)
      values (${tenant}, ${key}, ${scope}, ${call.provider}, ${call.model}, ${promptDigest}, ${inputDigest}, ${repeat}, 'asking', ${owner.execution},
        ${owner.attempt}, now() + ${leaseMs} * interval '1 millisecond', ${number})
      on conflict on constraint llm_calls_pk do nothing returning tenant_id, key, scope)
    insert into llm_attempts
      (tenant_id, key, number, scope, provider, model, request_id, outcome, most_prompt_tokens, most_completion_tokens, most_cost)
    select tenant_id, key, ${number}::integer, scope, ${provider}, ${model}, ${requestId}, 'sent', ${mostUsage.promptTokens}::integer,
      ${mostUsage.completionTokens}::integer, ${mostCost}::bigint from call`;
  return count === 0 ? null : { kind: 'claimed', number, requestId, lost: 0 };
}

/** The first answer in one statement. Locks the call's row before its attempt's, as everywhere. */
async function recordAnswerDirectly(
  sql: Query,
  { tenant, key }: CallRef,
  number: number,
  end: AttemptEnd,
): Promise<RecordedAnswer | null> {
  if (end.kind !== 'answered' || end.spent.length > 0) return null;
  const { answer: given, cost } = end;
  const { firstTokenMs, totalMs, usage } = given;
  const [row] = await sql<CallRow[]>`
    with call as (
      update llm_calls set state = 'answered', failure = null, answer = ${toJson(given)}, cost = ${cost}, ended_at = now(),
        answered_by = (select provider from llm_attempts where tenant_id = ${tenant} and key = ${key} and number = ${number})
      where tenant_id = ${tenant} and key = ${key} and state = 'asking'
        and exists (select from llm_attempts where tenant_id = ${tenant} and key = ${key} and number = ${number})
      returning *),
    attempt as (
      update llm_attempts set outcome = 'answered', failure = null, ended_at = now(), prompt_tokens = ${usage.promptTokens},
        completion_tokens = ${usage.completionTokens}, cost = ${cost}, first_token_ms = ${roundMilliseconds(firstTokenMs)}, total_ms = ${roundMilliseconds(totalMs)}
      from call where llm_attempts.tenant_id = call.tenant_id and llm_attempts.key = call.key and llm_attempts.number = ${number})
    select *, (select model from llm_attempts where tenant_id = ${tenant} and key = ${key} and number = ${number}) as answered_model from call`;
  return row ? toRecordedAnswer(row) : null;
}

/** The usual case: the call is new. */
async function begin(
  tx: Transaction,
  call: LedgerCall,
  owner: CallOwner,
  { leaseMs }: AttemptPlan,
): Promise<Claimed | null> {
  const { tenant, key, scope, provider, model, promptDigest, inputDigest, repeat } = call;
  const [row] = await tx<CallRow[]>`
    insert into llm_calls (tenant_id, key, scope, provider, model, prompt_digest, input_digest, repeat, state, execution, execution_attempt, lease_until, attempts)
    values (${tenant}, ${key}, ${scope}, ${provider}, ${model}, ${promptDigest}, ${inputDigest}, ${repeat}, 'asking', ${owner.execution},
      ${owner.attempt}, now() + ${leaseMs} * interval '1 millisecond', 1)
    on conflict on constraint llm_calls_pk do nothing returning *`;
  return row ? { row, lost: 0 } : null;
}

interface Claimed {
  readonly row: CallRow;
  readonly lost: number;
}

async function takeOver(
  tx: Transaction,
  call: LedgerCall,
  owner: CallOwner,
  { leaseMs }: AttemptPlan,
): Promise<Claimed | CallClaim> {
  const row = await lock(tx, call);
  if (row.answer !== null) {
    await readBy(tx, call, row);
    return { kind: 'answered', recorded: toRecordedAnswer(row) };
  }
  const isOwner = row.execution === owner.execution && row.executionAttempt === owner.attempt;
  const waitMs = Date.parse(row.leaseUntil) - Date.now();
  const isNextAttempt = row.execution === owner.execution && row.executionAttempt < owner.attempt;
  if (row.state === 'asking' && !isOwner && !isNextAttempt && waitMs > 0)
    return { kind: 'asked', waitMs: Math.min(waitMs, maxRecheckMs) };
  const lost = isOwner ? [] : await markAttemptsLost(tx, call);
  const [taken] = await tx<CallRow[]>`
    update llm_calls set state = 'asking', scope = case when forgotten_at is null then scope else ${call.scope} end, answered_by = null, cost = null,
      forgotten_at = null, failure = null, ended_at = null, execution = ${owner.execution}, execution_attempt = ${owner.attempt},
      lease_until = now() + ${leaseMs} * interval '1 millisecond', attempts = attempts + 1
    where tenant_id = ${call.tenant} and key = ${call.key} returning *`;
  // The call may still belong to another scope. Retention must then know this reader.
  await readBy(tx, call, requireWritten(taken));
  return { row: requireWritten(taken), lost: lost.length };
}

async function readBy(
  tx: Transaction,
  { tenant, key, scope }: LedgerCall,
  row: CallRow,
): Promise<void> {
  if (row.scope === scope) return;
  await tx`insert into llm_call_readers (tenant_id, key, scope) values (${tenant}, ${key}, ${scope}) ${onConflictTouchReader(tx)}`;
}

/** Marks the requests of a dead owner as lost; they may have been billed. */
async function markAttemptsLost(
  tx: Transaction,
  { tenant, key }: CallRef,
): Promise<readonly AttemptRow[]> {
  const lost = await tx<AttemptRow[]>`
    update llm_attempts set outcome = 'lost', ended_at = now() where tenant_id = ${tenant} and key = ${key} and outcome = 'sent' returning *`;
  for (const { requestId } of lost) await assumeBudgets(tx, { tenant, holder: requestId });
  return lost;
}

/** A refused attempt leaves a gap in the numbers. */
async function plan(
  tx: Transaction,
  call: LedgerCall,
  { row, lost }: Claimed,
  attempt: AttemptPlan,
): Promise<CallClaim> {
  const { tenant, key, scope } = call;
  const number = row.attempts;
  const requestId = formatRequestId(key, number);
  const { provider, model, mostUsage, mostCost, reserve, leaseMs } = attempt;
  await tx`
    insert into llm_attempts
      (tenant_id, key, number, scope, provider, model, request_id, outcome, most_prompt_tokens, most_completion_tokens, most_cost)
    values (${tenant}, ${key}, ${number}, ${scope}, ${provider}, ${model}, ${requestId}, 'sent', ${mostUsage.promptTokens},
      ${mostUsage.completionTokens}, ${mostCost})`;
  const reserved = await reserveBudgets(tx, {
    tenant,
    holder: requestId,
    amounts: reserve,
    leaseMs,
  });
  if (reserved.kind === 'reserved') return { kind: 'claimed', number, requestId, lost };
  await tx`delete from llm_attempts where tenant_id = ${tenant} and key = ${key} and number = ${number}`;
  if (reserved.kind === 'held') return { ...reserved, kind: 'budgetHeld' };
  await tx`
    update llm_calls set state = 'failed', failure = 'BudgetSpent', ended_at = now() where tenant_id = ${tenant} and key = ${key}`;
  return { ...reserved, kind: 'budgetSpent' };
}

/** Long enough to be unique and short enough for every provider. */
function formatRequestId(key: string, number: number): string {
  return `${key.slice('sha256:'.length, 'sha256:'.length + 32)}-${number}`;
}

async function endAttempt(
  tx: Transaction,
  { tenant, key }: CallRef,
  number: number,
  end: AttemptEnd,
): Promise<AttemptRow> {
  const answered = end.kind === 'answered' ? end : null;
  const usage = answered?.answer.usage ?? null;
  // This also ends a lost attempt: its owner was presumed dead but has reported.
  const [row] = await tx<AttemptRow[]>`
    update llm_attempts set outcome = ${end.kind}, failure = ${end.kind === 'answered' ? null : end.failure}, ended_at = now(),
      prompt_tokens = ${usage?.promptTokens ?? null}, completion_tokens = ${usage?.completionTokens ?? null}, cost = ${answered?.cost ?? null},
      first_token_ms = ${roundMilliseconds(answered?.answer.firstTokenMs)}, total_ms = ${roundMilliseconds(answered?.answer.totalMs)}
    where tenant_id = ${tenant} and key = ${key} and number = ${number} returning *`;
  if (!row) throw failure('NotFound', `attempt ${number} of call ${key} is not on the ledger`);
  return row;
}

async function answer(
  tx: Transaction,
  { tenant, key }: CallRef,
  { provider, model }: AttemptRow,
  end: AttemptEnd & { kind: 'answered' },
): Promise<CallRow> {
  const [row] = await tx<CallRow[]>`
    update llm_calls set state = 'answered', failure = null, answer = ${toJson(end.answer)}, forgotten_at = null, answered_by = ${provider}, cost = ${end.cost},
      ended_at = now()
    where tenant_id = ${tenant} and key = ${key} returning *`;
  return { ...requireWritten(row), answeredModel: model };
}

async function lock(tx: Transaction, { tenant, key }: CallRef): Promise<CallRow> {
  const [row] = await tx<CallRow[]>`
    select *, ${answeredModel(tx)} from llm_calls where tenant_id = ${tenant} and key = ${key} for update`;
  if (!row) throw failure('NotFound', `call ${key} is not on the ledger`);
  return row;
}

/**
 * The model that gave the call's current answer. Attempts that ended before the call did gave
 * answers that retention has removed.
 */
function answeredModel(sql: Query) {
  return sql`(
    select attempt.model from llm_attempts attempt
    where attempt.tenant_id = llm_calls.tenant_id and attempt.key = llm_calls.key and attempt.provider = llm_calls.answered_by and attempt.outcome = 'answered'
      and attempt.ended_at >= llm_calls.ended_at
    order by attempt.ended_at, attempt.number limit 1) as answered_model`;
}

function toRecordedAnswer({
  answer: text,
  answeredBy,
  answeredModel: asked,
  model,
  cost,
  key,
  scope,
}: CallRow): RecordedAnswer {
  if (text === null || answeredBy === null || cost === null)
    throw failure('NotFound', `call ${key} has no answer on the ledger`);
  return { scope, answer: text, provider: answeredBy, model: asked ?? model, cost };
}

function requireWritten(row: CallRow | undefined): CallRow {
  if (!row) throw failure('DatabaseUnavailable', 'the database did not return the stored call');
  return row;
}

function roundMilliseconds(milliseconds: number | null | undefined): number | null {
  return milliseconds === null || milliseconds === undefined ? null : Math.round(milliseconds);
}
