/**
 * A revision that loosens the policy takes effect when a second person accepts it. All changes here
 * run under the lifecycle's row lock.
 */
import { failure } from '../../domain/failure';
import type { Tenant } from '../../domain/ids';
import type { LifecycleRevision } from '../../domain/lifecycle/revision';
import { looseningText, type Loosening } from '../../domain/lifecycle/loosenings';
import { actingKeyId } from '../access/acting-key';
import type { Columns } from '../columns';
import type { Query, Transaction } from '../connection';
import { toJson } from '../document';
import { newId } from '../ids';
import type {
  LifecycleProposal,
  LifecycleRepository,
  NewLifecycleRevision,
  ProposalDecision,
} from './records';
import type { lifecycleProposals } from './proposal-schema';
import { appendAudit } from '../audit/entry';
import { notify } from '../notification/notification';
import { putInForce, refuseArchived, type CurrentRevision } from './revisions';
import type { lifecycleRevisions } from './schema';

type ProposalRow = typeof lifecycleProposals.$inferSelect;

export async function pendingOf(
  sql: Query,
  { tenant, name }: { readonly tenant: Tenant; readonly name: string },
): Promise<ProposalRow | null> {
  const [row] = await sql<ProposalRow[]>`
    select * from lifecycle_proposals where tenant_id = ${tenant} and lifecycle = ${name} and status = 'pending'`;
  return row ?? null;
}

export function toProposal({
  revision,
  digest,
  baseRevision,
  loosenings,
  proposedBy,
  proposedAt,
}: ProposalRow): LifecycleProposal {
  return { revision, digest, baseRevision, loosenings, proposedBy, proposedAt };
}

export async function propose(
  tx: Transaction,
  {
    tenant,
    revision,
    before,
    loosened,
    actor,
  }: {
    readonly tenant: Tenant;
    readonly revision: NewLifecycleRevision;
    readonly before: CurrentRevision;
    readonly loosened: readonly Loosening[];
    readonly actor: string;
  },
): Promise<LifecycleProposal> {
  const { lifecycle, digest, spec, files, contracts } = revision;
  const [earlier] = await tx<Columns<typeof lifecycleRevisions, 'revision'>[]>`
    select revision from lifecycle_revisions where tenant_id = ${tenant} and lifecycle = ${lifecycle} and digest = ${digest}`;
  const number = earlier?.revision ?? before.revisions + 1;
  await tx`update lifecycles set revisions = greatest(revisions, ${number}) where tenant_id = ${tenant} and name = ${lifecycle}`;
  const [row] = await tx<ProposalRow[]>`
    insert into lifecycle_proposals (tenant_id, id, lifecycle, revision, digest, spec, files, contracts, base_revision, loosenings, proposed_by,
      proposed_by_key)
    values (${tenant}, ${newId('prop')}, ${lifecycle}, ${number}, ${digest}, ${toJson(spec)}, ${toJson(files)}, ${toJson(contracts)},
      ${before.currentRevision}, ${toJson(loosened)}, ${actor}, ${actingKeyId() ?? ''})
    returning *`;
  if (!row) throw new Error('the database did not return the inserted proposal');
  await tell(tx, row, {
    action: 'lifecycle.propose',
    event: 'lifecycle.loosening_proposed',
    actor,
    cause: 'loosens the policy',
  });
  return toProposal(row);
}

export async function accept(
  tx: Transaction,
  input: Parameters<LifecycleRepository['accept']>[0],
): Promise<LifecycleRevision> {
  const { tenant, name, caller, reason, selfApprove } = input;
  const { row, isAuthor } = await lockPending(tx, input);
  if (isAuthor && !(selfApprove && caller.scope === 'admin')) {
    throw failure(
      'Forbidden',
      `${caller.name} proposed revision ${row.revision} of ${name} and may not accept it`,
      {
        next: 'ask another approver; an admin who works alone adds --self-approve "<reason>" (selfApprove: true), which the audit keeps',
      },
    );
  }
  const { revision: number, digest, spec, files, contracts, proposedBy, proposedByKey } = row;
  const by = { appliedBy: proposedBy, appliedByKey: proposedByKey === '' ? null : proposedByKey };
  await closeProposal(tx, row, {
    status: 'accepted',
    by: caller.name,
    reason,
    isSelfApproved: isAuthor,
  });
  const told = {
    action: 'lifecycle.accept',
    event: 'lifecycle.loosening_accepted',
    actor: caller.name,
    cause: reason,
  };
  // Notifies the webhooks of the old revision, because the new one may have none.
  await tell(tx, row, { ...told, isSelfApproved: isAuthor });
  return putInForce(tx, {
    tenant,
    revision: { lifecycle: name, digest, spec, files, contracts },
    number,
    by,
  });
}

export async function reject(tx: Transaction, input: ProposalDecision): Promise<void> {
  const { caller, reason } = input;
  const { row } = await lockPending(tx, input);
  await closeProposal(tx, row, { status: 'rejected', by: caller.name, reason });
  await tell(tx, row, {
    action: 'lifecycle.reject',
    event: 'lifecycle.loosening_rejected',
    actor: caller.name,
    cause: reason,
  });
}

export async function closeProposal(
  tx: Transaction,
  { tenantId: tenant, id }: Pick<ProposalRow, 'tenantId' | 'id'>,
  {
    status,
    by,
    reason,
    isSelfApproved = false,
  }: {
    readonly status: Exclude<ProposalRow['status'], 'pending'>;
    readonly by: string;
    readonly reason: string;
    readonly isSelfApproved?: boolean;
  },
): Promise<void> {
  await tx`
    update lifecycle_proposals set status = ${status}, decided_by = ${by}, decided_by_key = ${actingKeyId()}, decided_at = clock_timestamp(),
      reason = ${reason}, self_approved = ${isSelfApproved}
    where tenant_id = ${tenant} and id = ${id}`;
}

async function lockPending(
  tx: Transaction,
  { tenant, name, revision, caller }: ProposalDecision,
): Promise<{ readonly row: ProposalRow; readonly isAuthor: boolean }> {
  // Locks the lifecycle first, as `apply` does, so that the proposal cannot be replaced during the
  // decision.
  const [lifecycle] = await tx<Parameters<typeof refuseArchived>[1][]>`
    select archived_at, archived_by, deleted_at from lifecycles where tenant_id = ${tenant} and name = ${name} for update`;
  if (lifecycle) refuseArchived(name, lifecycle);
  const row = await pendingOf(tx, { tenant, name });
  if (row?.revision !== revision) {
    const now = row === null ? 'none is' : `revision ${row.revision} is`;
    throw failure('NotFound', `revision ${revision} of ${name} is not pending: ${now}`, {
      next: `perennial lifecycle show ${name}`,
    });
  }
  return { row, isAuthor: await isAuthorOf(tx, row, caller) };
}

/** Compares the holders of the keys, because a rotated key belongs to the same person. */
async function isAuthorOf(
  tx: Transaction,
  { tenantId: tenant, proposedBy, proposedByKey }: ProposalRow,
  { id, name }: ProposalDecision['caller'],
): Promise<boolean> {
  const [held] = await tx<{ isSame: boolean }[]>`
    select a.holder_id = b.holder_id as is_same from api_keys a join api_keys b on b.tenant_id = a.tenant_id and b.id = ${id}
    where a.tenant_id = ${tenant} and a.id = ${proposedByKey}`;
  return held?.isSame ?? proposedBy === name;
}

async function tell(
  tx: Transaction,
  { tenantId, lifecycle, revision, digest, baseRevision, loosenings, proposedBy }: ProposalRow,
  {
    action,
    event,
    actor,
    cause,
    isSelfApproved,
  }: {
    readonly action: string;
    readonly event: string;
    readonly actor: string;
    readonly cause: string;
    readonly isSelfApproved?: boolean;
  },
): Promise<void> {
  const tenant = tenantId;
  const own = isSelfApproved === undefined ? {} : { selfApproved: isSelfApproved };
  const data = {
    lifecycle,
    revision,
    digest,
    loosenings: loosenings.map(looseningText),
    proposedBy,
    ...own,
  };
  await appendAudit(tx, {
    tenant,
    actor,
    action,
    subject: `lifecycle:${lifecycle}`,
    cause,
    before: { revision: baseRevision },
    after: data,
  });
  await notify(tx, {
    tenant,
    lifecycle,
    event,
    subject: lifecycle,
    data: { ...data, actor, cause },
  });
}
