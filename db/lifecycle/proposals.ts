/**
 * A revision that loosens the policy takes effect when a second person accepts it. All changes here
 * run under the lifecycle's row lock.
 */
import type { Digest } from '../../domain/artifact';
import { failure } from '../../domain/failure';
import { changesToApprove } from '../../domain/lifecycle/judged-data';
import type { Tenant } from '../../domain/ids';
import { looseningText, type Loosening } from '../../domain/lifecycle/loosenings';
import { actingKeyId } from '../acting-key';
import type { Columns } from '../columns';
import type { Query, Transaction } from '../connection';
import { toJson } from '../document';
import { newId } from '../ids';
import type {
  AppliedRevision,
  LifecycleProposal,
  LifecycleRepository,
  NewLifecycleRevision,
  ProposalDecision,
  SelfApproval,
} from './records';
import type { lifecycleProposals } from './proposal-schema';
import { appendAudit } from '../audit/entry';
import { notify } from '../notification/notification';
import { putInForce, refuseArchived, findRevision, type CurrentRevision } from './revisions';
import type { lifecycleRevisions } from './schema';

type ProposalRow = typeof lifecycleProposals.$inferSelect;

export async function findPending(
  sql: Query,
  { tenant, name }: { readonly tenant: Tenant; readonly name: string },
): Promise<ProposalRow | null> {
  const [row] = await sql<ProposalRow[]>`
    select * from lifecycle_proposals where tenant_id = ${tenant} and lifecycle = ${name} and status = 'pending'`;
  return row ?? null;
}

/** The policy in force decides how many people accept a change of it, and with which scope. */
async function ruleInForce(
  sql: Query,
  { tenantId: tenant, lifecycle, baseRevision }: ProposalRow,
): Promise<Pick<LifecycleProposal, 'required' | 'role'>> {
  const [row] = await sql<Columns<typeof lifecycleRevisions, 'spec'>[]>`
    select spec from lifecycle_revisions where tenant_id = ${tenant} and lifecycle = ${lifecycle} and revision = ${baseRevision}`;
  if (!row) throw failure('NotFound', `${lifecycle} has no revision ${baseRevision}`);
  if (row.spec.kind === 'DataLifecycle') return { required: 1, role: 'approver' };
  const { required, role } = row.spec.promote.approval;
  return { required: Math.max(1, required), role };
}

export async function readProposal(sql: Query, row: ProposalRow): Promise<LifecycleProposal> {
  const { revision, digest, baseRevision, loosenings, files, proposedBy, proposedAt } = row;
  const approvals = await sql<LifecycleProposal['approvals']>`
    select key_name as by, reason, approved_at, is_author from lifecycle_proposal_approvals
    where tenant_id = ${row.tenantId} and proposal_id = ${row.id} order by approved_at`;
  return {
    revision,
    digest,
    baseRevision,
    loosenings,
    files,
    proposedBy,
    proposedAt,
    ...(await ruleInForce(sql, row)),
    approvals: [...approvals],
  };
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
    cause: 'needs an approval',
  });
  return readProposal(tx, row);
}

export async function accept(
  tx: Transaction,
  input: Parameters<LifecycleRepository['accept']>[0],
): Promise<AppliedRevision> {
  const { tenant, name, caller, reason, selfApprove } = input;
  await lockLifecycle(tx, input);
  const confirmed = await confirmSelfApproval(tx, input);
  if (confirmed !== null) return confirmed;
  const { row, isAuthor } = await requirePending(tx, input);
  if (isAuthor && !(selfApprove && caller.scope === 'admin')) {
    throw failure(
      'Forbidden',
      `${caller.name} proposed revision ${row.revision} of ${name} and may not accept it`,
      {
        next: 'ask another approver; an admin who works alone adds --self-approve "<reason>" (selfApprove: true), which the audit keeps',
      },
    );
  }
  const proposal = await countApproval(tx, row, { caller, reason, isAuthor });
  const { approvals, required } = proposal;
  if (approvals.length < required) return { kind: 'pending', proposal };
  const isSelfApproved = approvals.filter((each) => !each.isAuthor).length < required;
  const { revision: number, digest, spec, files, contracts, proposedBy, proposedByKey } = row;
  const by = { appliedBy: proposedBy, appliedByKey: proposedByKey === '' ? null : proposedByKey };
  await closeProposal(tx, row, {
    status: 'accepted',
    by: caller.name,
    reason,
    isSelfApproved,
  });
  const told = {
    action: 'lifecycle.accept',
    event: 'lifecycle.loosening_accepted',
    actor: caller.name,
    cause: reason,
  };
  // Notifies the webhooks of the old revision, because the new one may have none.
  await tell(tx, row, { ...told, isSelfApproved });
  const revision = await putInForce(tx, {
    tenant,
    revision: { lifecycle: name, digest, spec, files, contracts },
    number,
    by,
  });
  return { kind: 'inForce', revision, changed: true };
}

/** @throws Forbidden for a scope that the policy in force does not accept. */
async function countApproval(
  tx: Transaction,
  row: ProposalRow,
  {
    caller,
    reason,
    isAuthor,
  }: Pick<ProposalDecision, 'caller' | 'reason'> & { readonly isAuthor: boolean },
): Promise<LifecycleProposal> {
  const { tenantId: tenant, id, lifecycle, revision } = row;
  const { role, required } = await ruleInForce(tx, row);
  if (caller.scope !== role && caller.scope !== 'admin') {
    throw failure(
      'Forbidden',
      `the policy of ${lifecycle} in force asks for approvals with the scope ${role}; the key ${caller.name} has ${caller.scope}`,
      { next: `ask a person whose key has the scope ${role}` },
    );
  }
  const [key] = await tx<{ readonly holderId: string }[]>`
    select holder_id from api_keys where tenant_id = ${tenant} and id = ${caller.id}`;
  const [added] = await tx`
    insert into lifecycle_proposal_approvals (tenant_id, proposal_id, holder_id, key_name, reason, is_author)
    values (${tenant}, ${id}, ${key?.holderId ?? caller.id}, ${caller.name}, ${reason}, ${isAuthor})
    on conflict do nothing returning true as added`;
  const proposal = await readProposal(tx, row);
  if (added)
    await appendAudit(tx, {
      tenant,
      actor: caller.name,
      action: 'lifecycle.approve',
      subject: `lifecycle:${lifecycle}`,
      cause: reason,
      after: { revision, approvals: proposal.approvals.length, required, isAuthor },
    });
  return proposal;
}

/** Another person's approval of a self-approved revision; null if the revision is none. */
async function confirmSelfApproval(
  tx: Transaction,
  { tenant, name, revision, caller, reason }: ProposalDecision,
): Promise<AppliedRevision | null> {
  const [row] = await tx<ProposalRow[]>`
    select * from lifecycle_proposals where tenant_id = ${tenant} and lifecycle = ${name} and revision = ${revision}
      and status = 'accepted' and expires_at is not null
      and not exists (select from lifecycle_proposals where tenant_id = ${tenant} and lifecycle = ${name} and revision = ${revision} and status = 'pending')
    order by proposed_at desc limit 1`;
  if (!row) return null;
  if (await isProposalAuthor(tx, row, caller)) {
    throw failure(
      'Forbidden',
      `${caller.name} accepted revision ${revision} of ${name} alone; another person confirms it`,
      { next: 'ask another approver, before the self-approval ends' },
    );
  }
  const { approvals, required } = await countApproval(tx, row, { caller, reason, isAuthor: false });
  if (approvals.filter((each) => !each.isAuthor).length >= required) {
    await tx`update lifecycle_proposals set expires_at = null where tenant_id = ${tenant} and id = ${row.id}`;
    await tell(tx, row, {
      action: 'lifecycle.confirm',
      event: 'lifecycle.loosening_accepted',
      actor: caller.name,
      cause: reason,
      isSelfApproved: false,
    });
  }
  const { digest } = row;
  return {
    kind: 'inForce',
    revision: await findRevision(tx, tenant, { lifecycle: name, digest }),
    changed: false,
  };
}

/** Days for which a revision is in force that only its author accepted. */
const selfApprovalDays = 7;

export async function readSelfApprovals(
  sql: Query,
  tenant: Tenant,
): Promise<readonly SelfApproval[]> {
  return sql<SelfApproval[]>`
    select p.lifecycle, p.revision, p.decided_by as by, p.reason, p.decided_at as approved_at, p.expires_at
    from lifecycle_proposals p join lifecycles l on l.tenant_id = p.tenant_id and l.name = p.lifecycle and l.deleted_at is null
    where p.tenant_id = ${tenant} and p.status = 'accepted' and p.expires_at is not null
      and p.decided_by is not null and p.reason is not null and p.decided_at is not null order by p.lifecycle, p.decided_at`;
}

/**
 * Ends one self-approval whose time is over. The revision before returns if the one in force is
 * looser, also when others were applied on top. False while the lifecycle is archived, when it has
 * no runs.
 */
export async function expireSelfApproval(
  tx: Transaction,
  { tenantId: tenant, id, lifecycle: name }: Pick<ProposalRow, 'tenantId' | 'id' | 'lifecycle'>,
): Promise<boolean> {
  const [now] = await tx<{ readonly digest: Digest; readonly isInUse: boolean }[]>`
    select r.digest, l.archived_at is null and l.deleted_at is null as is_in_use
    from lifecycles l join lifecycle_revisions r on r.tenant_id = l.tenant_id and r.lifecycle = l.name and r.revision = l.current_revision
    where l.tenant_id = ${tenant} and l.name = ${name} for update of l`;
  const [row] = await tx<ProposalRow[]>`
    select * from lifecycle_proposals where tenant_id = ${tenant} and id = ${id} and status = 'accepted' and expires_at <= now()`;
  if (now?.isInUse !== true || !row) return false;
  await tx`update lifecycle_proposals set status = 'expired' where tenant_id = ${tenant} and id = ${id}`;
  const [base] = await tx<
    (NewLifecycleRevision &
      Columns<typeof lifecycleRevisions, 'revision' | 'appliedBy' | 'appliedByKey'>)[]
  >`
    select * from lifecycle_revisions where tenant_id = ${tenant} and lifecycle = ${name} and revision = ${row.baseRevision}`;
  if (!base) return false;
  const inForce = await findRevision(tx, tenant, { lifecycle: name, digest: now.digest });
  const isLooser = changesToApprove(base, inForce).length > 0;
  const cause = isLooser
    ? `no other approver confirmed the self-approval of revision ${row.revision} within ${selfApprovalDays} days; revision ${base.revision} is in force again`
    : `the self-approval of revision ${row.revision} ended; revision ${inForce.revision} in force is as strict as revision ${base.revision}`;
  if (isLooser) {
    const pending = await findPending(tx, { tenant, name });
    if (pending)
      await closeProposal(tx, pending, { status: 'superseded', by: 'platform', reason: cause });
    const { revision: number, appliedBy, appliedByKey, digest, spec, files, contracts } = base;
    await putInForce(tx, {
      tenant,
      revision: { lifecycle: name, digest, spec, files, contracts },
      number,
      by: { appliedBy, appliedByKey },
    });
  }
  await tell(tx, row, {
    action: 'lifecycle.expire',
    event: 'lifecycle.loosening_rejected',
    actor: 'platform',
    cause,
    isSelfApproved: true,
  });
  return true;
}

export async function reject(tx: Transaction, input: ProposalDecision): Promise<void> {
  const { caller, reason } = input;
  await lockLifecycle(tx, input);
  const { row } = await requirePending(tx, input);
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
      reason = ${reason}, self_approved = ${isSelfApproved},
      expires_at = case when ${isSelfApproved} then clock_timestamp() + make_interval(days => ${selfApprovalDays}) end
    where tenant_id = ${tenant} and id = ${id}`;
}

/**
 * Locks the lifecycle first, as `apply` does, so that the proposal cannot be replaced during the
 * decision.
 */
async function lockLifecycle(
  tx: Transaction,
  { tenant, name }: Pick<ProposalDecision, 'tenant' | 'name'>,
): Promise<void> {
  const [lifecycle] = await tx<Parameters<typeof refuseArchived>[1][]>`
    select archived_at, archived_by, deleted_at from lifecycles where tenant_id = ${tenant} and name = ${name} for update`;
  if (lifecycle) refuseArchived(name, lifecycle);
}

async function requirePending(
  tx: Transaction,
  { tenant, name, revision, caller }: ProposalDecision,
): Promise<{ readonly row: ProposalRow; readonly isAuthor: boolean }> {
  const row = await findPending(tx, { tenant, name });
  if (row?.revision !== revision) {
    const now = row === null ? 'none is' : `revision ${row.revision} is`;
    throw failure('NotFound', `revision ${revision} of ${name} is not pending: ${now}`, {
      next: `perennial lifecycle show ${name}`,
    });
  }
  return { row, isAuthor: await isProposalAuthor(tx, row, caller) };
}

/** Compares the holders of the keys, because a rotated key belongs to the same person. */
async function isProposalAuthor(
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
