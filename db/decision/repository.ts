import type { Digest } from '../../domain/artifact';
import type { Attempt } from '../../domain/evaluation/attempts';
import type { RunId, Tenant } from '../../domain/ids';
import type { DecisionRef, Verdict } from '../../domain/verdict';
import { failure } from '../../domain/failure';
import type { Database, Sql, Transaction } from '../connection';
import { toJson } from '../document';
import { runIdempotently } from '../idempotency/idempotency';
import { newId } from '../ids';
import type { decisions } from './schema';
import { decideAttempt } from './holdout-attempt';
import { appendAudit } from '../audit/entry';
import { appendEvent, type NewRunEvent } from '../run/event';

export interface DecisionRecord extends DecisionRef {
  readonly runId: RunId;
  readonly stage: string;
  readonly createdAt: string;
}

export interface DecisionRepository {
  /**
   * Records a decision with an audit row and the events in `told`. Policy and evidence must be
   * stored before (NotFound). A repeated key returns the first decision and writes nothing.
   */
  record(input: {
    readonly tenant: Tenant;
    readonly runId: RunId;
    readonly stage: string;
    readonly policy: Digest;
    readonly evidence: Digest;
    readonly verdict: Verdict;
    readonly idempotencyKey: string;
    /** The result of `attempts.claim` for the candidate. NotFound when it was not claimed. */
    readonly attempt?: (Attempt & { readonly model: string }) | undefined;
    readonly told?: readonly Pick<NewRunEvent, 'kind' | 'data'>[];
  }): Promise<DecisionRef>;
  get(input: { readonly tenant: Tenant; readonly id: string }): Promise<DecisionRecord | null>;
  /** Oldest first. */
  list(input: {
    readonly tenant: Tenant;
    readonly runId: RunId;
  }): Promise<readonly DecisionRecord[]>;
}

type DecisionRow = typeof decisions.$inferSelect;

export function createDecisionRepository({ sql }: Database): DecisionRepository {
  return {
    async record(input) {
      await requireStored(sql, input);
      return sql.begin((tx) => {
        const { tenant, runId, stage, policy, evidence, verdict, idempotencyKey: key } = input;
        const request = { runId, stage, policy, evidence, verdict };
        return runIdempotently(tx, { tenant, operation: 'decision.record', key, request }, () =>
          insert(tx, input),
        );
      });
    },

    async get({ tenant, id }) {
      const [row] = await sql<
        DecisionRow[]
      >`select * from decisions where tenant_id = ${tenant} and id = ${id}`;
      return row ? toRecord(row) : null;
    },

    async list({ tenant, runId }) {
      const rows = await sql<
        DecisionRow[]
      >`select * from decisions where tenant_id = ${tenant} and run_id = ${runId} order by id`;
      return rows.map(toRecord);
    },
  };
}

type NewDecision = Parameters<DecisionRepository['record']>[0];

/** The foreign keys check the same, but do not report which one is missing. */
async function requireStored(sql: Sql, { tenant, policy, evidence }: NewDecision): Promise<void> {
  const [stored] = await sql<{ policy: boolean; evidence: boolean }[]>`
    select exists (select from policies where tenant_id = ${tenant} and digest = ${policy}) as policy,
      exists (select from evidence where tenant_id = ${tenant} and digest = ${evidence}) as evidence`;
  if (!stored?.policy)
    throw failure(
      'NotFound',
      `policy ${policy} is not stored: store it before you record a decision`,
    );
  if (!stored.evidence)
    throw failure(
      'NotFound',
      `evidence ${evidence} is not stored: store it before you record a decision`,
    );
}

async function insert(tx: Transaction, decision: NewDecision): Promise<DecisionRef> {
  const { tenant, runId, stage, policy, evidence, verdict, attempt, told = [] } = decision;
  const id = newId('dec');
  await tx`
    insert into decisions (tenant_id, id, run_id, stage, policy, evidence, verdict)
    values (${tenant}, ${id}, ${runId}, ${stage}, ${policy}, ${evidence}, ${toJson(verdict)})`;
  await appendAudit(tx, {
    tenant,
    actor: `run:${runId}`,
    action: 'decision.record',
    subject: `decision:${id}`,
    cause: `${stage} ${verdict.kind}`,
    after: {
      stage,
      verdict: verdict.kind,
      policy,
      evidence,
      ...(attempt && { holdout: attempt.holdout, attempt: attempt.number }),
    },
  });
  if (attempt !== undefined) await decideAttempt(tx, { tenant, decision: id, ...attempt });
  for (const each of told) await appendEvent(tx, { tenant, runId, stage, ...each });
  return { id, policy, evidence, verdict };
}

function toRecord({
  id,
  runId,
  stage,
  policy,
  evidence,
  verdict,
  createdAt,
}: DecisionRow): DecisionRecord {
  return { id, runId, stage, policy, evidence, verdict, createdAt };
}
