import type { Ballot } from '../../domain/run/ballot';
import type { CommandOrder, KeyHolder } from '../../domain/command';
import { commandScopes } from '../../domain/command';
import type { FailureType } from '../../domain/failure';
import type { Tenant } from '../../domain/ids';
import { withActingKey } from '../acting-key';
import type { Columns } from '../columns';
import type { Database, Query, Transaction } from '../connection';
import { newId } from '../ids';
import { appendAudit } from '../audit/entry';
import { allows, type ApiKeyScope } from '../access/repository';
import type { runs } from './schema';
import { readStarters } from './starters';
import type { lifecycleRevisions } from '../lifecycle/schema';
import type { commands } from './command-schema';

export type Admission =
  | { readonly kind: 'admitted'; readonly by: KeyHolder }
  | {
      readonly kind: 'refused';
      readonly type: FailureType;
      readonly message: string;
      readonly next?: string;
    };

export interface CommandRepository {
  /**
   * Checks by the registry alone whether the key's holder may do this now. One transaction uses up
   * the command's id, counts a vote and adds an audit row. A second call with the same `delivery`
   * returns the first result. The same id in another delivery is a replay and is refused. `vote` is
   * what a vote is about. The caller checks the signature.
   */
  admit(input: {
    readonly order: CommandOrder;
    readonly delivery: string;
    readonly vote: Ballot | null;
  }): Promise<Admission>;
  /**
   * The result of `admit` for this delivery; null if it never admitted the command. Changes
   * nothing.
   */
  earlier(input: {
    readonly order: CommandOrder;
    readonly delivery: string;
  }): Promise<Admission | null>;
  /**
   * Audits a refused command or request. At most one row a minute for each subject and action, so
   * that a flood cannot fill the log.
   */
  auditDenied(input: CommandAudit): Promise<void>;
  /**
   * Audits a command that Temporal executes without the workflow's consent, such as a cancellation,
   * or a read of rows. Call it before the effect.
   */
  audit(input: CommandAudit): Promise<void>;
}

export interface CommandAudit {
  readonly tenant: Tenant;
  readonly actor: string;
  readonly action: string;
  readonly subject: string;
  readonly cause: string;
  readonly after?: unknown;
}

export function createCommandRepository({ sql }: Database): CommandRepository {
  return {
    admit: ({ order, delivery, vote }) =>
      withActingKey(order.keyId, () =>
        sql.begin(async (tx) => {
          // First, because since the recorded attempt the key may have been revoked or the run
          // ended.
          const earlier = await earlierAnswer(tx, order, delivery);
          if (earlier) return earlier;
          const key = await requireValidKey(tx, order);
          if ('kind' in key) return key;
          const scope = commandScopes[order.verb];
          if (!allows(key.scope, scope))
            return forbidden(
              `${order.verb} needs the scope ${scope}; the key ${key.name} has ${key.scope}`,
            );
          const refusal = vote && (await voteRefused(tx, { tenant: order.tenant, key, vote }));
          if (refusal) return refusal;
          if (!(await consumeCommand(tx, order, delivery))) {
            // Another attempt committed between the two statements.
            return (
              (await earlierAnswer(tx, order, delivery)) ??
              forbidden(`the command ${order.id} was removed meanwhile`)
            );
          }
          const by = toKeyHolder(key);
          if (vote) await countVote(tx, { order, key, vote });
          await appendAudit(tx, {
            tenant: order.tenant,
            actor: key.name,
            action: order.verb,
            subject: vote ? `run:${vote.runId}` : formatSubject(order),
            cause: order.reason ?? 'asked for',
            after: {
              command: order.id,
              ...(order.seconds === undefined ? {} : { seconds: order.seconds }),
              ...(vote ?? {}),
            },
          });
          return { kind: 'admitted', by };
        }),
      ),

    earlier: ({ order, delivery }) => earlierAnswer(sql, order, delivery),

    auditDenied: (entry) =>
      sql.begin(async (tx) => {
        const [last] = await tx<{ isRecent: boolean }[]>`
          select at > now() - interval '1 minute' as is_recent from audit_log
          where tenant_id = ${entry.tenant} and subject = ${entry.subject} and action = ${entry.action} order by id desc limit 1`;
        if (last?.isRecent !== true) await appendAudit(tx, entry);
      }),

    audit: (entry) => appendAudit(sql, entry),
  };
}

type ValidKey = {
  readonly id: string;
  readonly holderId: string;
  readonly name: string;
  readonly scope: ApiKeyScope;
};

async function requireValidKey(
  tx: Transaction,
  { tenant, keyId }: CommandOrder,
): Promise<ValidKey | Extract<Admission, { kind: 'refused' }>> {
  const [key] = await tx<ValidKey[]>`
    select id, holder_id, name, scope from api_keys where tenant_id = ${tenant} and id = ${keyId}
      and revoked_at is null and (expires_at is null or expires_at > now())`;
  return key ?? forbidden(`the API key ${keyId} is unknown, expired or revoked`);
}

interface Voter {
  readonly tenant: Tenant;
  readonly key: ValidKey;
  readonly vote: Ballot;
}

/** Uses the revision with which the run started, as the registry stores it. */
async function voteRefused(
  tx: Transaction,
  { tenant, key, vote }: Voter,
): Promise<Admission | null> {
  const [run] = await tx<
    (Columns<typeof runs, 'lifecycle'> & Columns<typeof lifecycleRevisions, 'spec'>)[]
  >`
    select r.lifecycle, v.spec from runs r
    join lifecycle_revisions v on v.tenant_id = r.tenant_id and v.lifecycle = r.lifecycle and v.digest = r.revision_digest
    where r.tenant_id = ${tenant} and r.id = ${vote.runId} and r.ended_at is null`;
  if (!run || run.lifecycle !== vote.model) {
    return {
      kind: 'refused',
      type: 'Conflict',
      message: `${vote.runId} is not an open run of ${vote.model}: it accepts no votes`,
    };
  }
  const { spec } = run;
  const [section, { allowStarter, ...rule }] =
    spec.kind === 'DataLifecycle'
      ? ['approval', { role: 'approver' as const, ...spec.approval }]
      : ['promote.approval', spec.promote.approval];
  const role = vote.role ?? rule.role;
  if (key.scope !== role && key.scope !== 'admin') {
    return forbidden(
      `an approval of ${vote.model} needs the scope ${role}; the key ${key.name} has ${key.scope}`,
      {
        next: `ask an admin: perennial key create <name> --scope ${role}`,
      },
    );
  }
  if (allowStarter) return null;
  const starters = await readStarters(tx, { tenant, runId: vote.runId });
  if (!starters.includes(key.holderId)) return null;
  return forbidden(
    `the key ${key.name} started ${vote.runId} and may not vote on it; another person's key must`,
    {
      next:
        `perennial key create <name> --scope ${role}, then PERENNIAL_API_KEY=<that key> ` +
        `perennial run approve ${vote.runId}; or set ${section}.allowStarter: true`,
    },
  );
}

function forbidden(
  message: string,
  { next }: { readonly next?: string } = {},
): Extract<Admission, { kind: 'refused' }> {
  return { kind: 'refused', type: 'Forbidden', message, ...(next === undefined ? {} : { next }) };
}

/**
 * Null for a new command. Only admitted commands are recorded, so a known delivery was admitted.
 */
async function earlierAnswer(
  tx: Query,
  { tenant, id, workflowId }: CommandOrder,
  delivery: string,
): Promise<Admission | null> {
  const [earlier] = await tx<(ValidKey & Columns<typeof commands, 'workflowId' | 'delivery'>)[]>`
    select c.workflow_id, c.delivery, k.id, k.holder_id, k.name, k.scope from commands c
    join api_keys k on k.tenant_id = c.tenant_id and k.id = c.key_id
    where c.tenant_id = ${tenant} and c.id = ${id}`;
  if (!earlier) return null;
  if (earlier.workflowId === workflowId && earlier.delivery === delivery)
    return { kind: 'admitted', by: toKeyHolder(earlier) };
  const message = `the command ${id} was carried out before; a new one needs a new idempotency key`;
  return { kind: 'refused', type: 'Conflict', message };
}

function toKeyHolder({ id, holderId, name, scope }: ValidKey): KeyHolder {
  return { keyId: id, holderId, name, scope };
}

/**
 * False if the id was used before. Ids are kept for a day; commands older than a few minutes are
 * refused by their time.
 */
async function consumeCommand(
  tx: Transaction,
  { tenant, id, workflowId, verb, keyId }: CommandOrder,
  delivery: string,
): Promise<boolean> {
  await tx`delete from commands where tenant_id = ${tenant} and created_at < now() - interval '1 day'`;
  const [used] = await tx`
    insert into commands (tenant_id, id, workflow_id, delivery, verb, key_id)
    values (${tenant}, ${id}, ${workflowId}, ${delivery}, ${verb}, ${keyId}) on conflict do nothing returning true as used`;
  return used !== undefined;
}

async function countVote(
  tx: Transaction,
  {
    order,
    key,
    vote,
  }: { readonly order: CommandOrder; readonly key: ValidKey; readonly vote: Ballot },
): Promise<void> {
  await tx`
    insert into approvals (tenant_id, id, run_id, model, version, stage, vote, key_id, holder_id, key_name, scope, comment)
    values (${order.tenant}, ${newId('apv')}, ${vote.runId}, ${vote.model}, ${vote.version}, ${vote.stage}, ${order.verb === 'run.reject' ? 'reject' : 'approve'},
      ${key.id}, ${key.holderId}, ${key.name}, ${key.scope}, ${order.reason ?? null})
    on conflict on constraint approvals_one_vote_unique do nothing`;
}

/**
 * `run/default/churn/run_…` and `rollout/default/churn/run_…` are about that run. The subject of a
 * scheduled run is its workflow.
 */
function formatSubject({ workflowId, verb }: CommandOrder): string {
  const run = /\/(run_[0-9a-z]+)$/.exec(workflowId)?.[1];
  if (run === undefined) return `workflow:${workflowId}`;
  return verb.startsWith('rollout.') ? `rollout-of:${run}` : `run:${run}`;
}
