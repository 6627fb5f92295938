import type { Digest } from '../../domain/artifact';
import type { RunId, Tenant } from '../../domain/ids';
import type { LifecycleKind, ScheduleSpec } from '../../domain/lifecycle/lifecycle';
import type { Page, PageRequest } from '../page';
import type { ProgramRef, ProjectBuildId } from '../../domain/lifecycle/sections/program';
import type { Loosening } from '../../domain/lifecycle/loosenings';
import type { ApiKeyIdentity } from '../access/repository';
import type { LifecycleRevision } from '../../domain/lifecycle/revision';

export interface ArchiveRequest {
  readonly tenant: Tenant;
  readonly name: string;
  readonly actor: string;
  readonly reason: string;
}

export interface LifecycleArchive {
  readonly lifecycle: string;
  readonly archived: { readonly at: string; readonly by: string; readonly reason: string } | null;
  readonly deletedAt: string | null;
  /** The version that continues to serve. */
  readonly champion: number | null;
  /** Runs that started earlier and continue. */
  readonly openRuns: readonly RunId[];
}

/** Input of `apply`; the registry adds the number. */
export type NewLifecycleRevision = Omit<LifecycleRevision, 'revision'>;

export interface LifecycleSummary {
  readonly name: string;
  readonly kind: string;
  readonly owner: string;
  /** The revision that new runs use. */
  readonly revision: number;
  readonly digest: Digest;
  readonly createdAt: string;
  readonly updatedAt: string;
  readonly archivedAt: string | null;
}

export interface LifecycleRevisionSummary {
  readonly revision: number;
  readonly digest: Digest;
  readonly appliedBy: string;
  readonly appliedAt: string;
}

/** A revision that loosens the policy and waits for a second person's acceptance. */
export interface LifecycleProposal {
  readonly revision: number;
  readonly digest: Digest;
  /** The revision that stays in force until this one is accepted. */
  readonly baseRevision: number;
  readonly loosenings: readonly Loosening[];
  readonly files: LifecycleRevision['files'];
  readonly proposedBy: string;
  readonly proposedAt: string;
  /** How many people must accept it, and with which scope, by the policy in force. */
  readonly required: number;
  readonly role: 'approver' | 'admin';
  readonly approvals: readonly {
    readonly by: string;
    readonly reason: string;
    readonly approvedAt: string;
    readonly isAuthor: boolean;
  }[];
}

/** A revision in force that only its author accepted. */
export interface SelfApproval {
  readonly lifecycle: string;
  readonly revision: number;
  readonly by: string;
  readonly reason: string;
  readonly approvedAt: string;
  /** Then the revision before returns, if it is stricter. */
  readonly expiresAt: string;
}

export type AppliedRevision =
  | { readonly kind: 'inForce'; readonly revision: LifecycleRevision; readonly changed: boolean }
  | { readonly kind: 'pending'; readonly proposal: LifecycleProposal };

export interface ProposalDecision {
  readonly tenant: Tenant;
  readonly name: string;
  readonly revision: number;
  readonly caller: Pick<ApiKeyIdentity, 'id' | 'name' | 'scope'>;
  readonly reason: string;
}

export interface LifecycleSchedule {
  readonly revision: number;
  readonly kind: LifecycleKind;
  /** The project that executes the lifecycle; null for a built-in one. */
  readonly program: ProgramRef | null;
  readonly schedule: ScheduleSpec | null;
}

export interface LifecycleRepository {
  /**
   * Makes the revision current. One that loosens the current policy is proposed instead, and takes
   * effect with `accept`. `changed` is false if it is already current. An older digest becomes
   * current under its old number. Applying any revision supersedes a pending one. A change adds
   * `schedule.sync` to the outbox, so that the schedule follows even if the caller stops.
   */
  apply(input: {
    readonly tenant: Tenant;
    readonly revision: NewLifecycleRevision;
    readonly actor: string;
  }): Promise<AppliedRevision>;
  proposal(input: {
    readonly tenant: Tenant;
    readonly name: string;
  }): Promise<LifecycleProposal | null>;
  /**
   * Counts the caller's approval and puts the pending revision in force when there are as many as
   * the policy in force requires. An approval of a self-approved revision confirms it. Throws
   * NotFound if this one is not pending, and Forbidden for a scope that the policy does not accept,
   * and for its author unless an admin sets `selfApprove`.
   */
  accept(input: ProposalDecision & { readonly selfApprove: boolean }): Promise<AppliedRevision>;
  /** The self-approved revisions that will end, by name of the lifecycle. */
  selfApprovals(input: { readonly tenant: Tenant }): Promise<readonly SelfApproval[]>;
  /**
   * Ends the self-approvals of all tenants whose time is over: the revision before is in force again
   * if it is stricter. Returns what ended.
   */
  expireSelfApprovals(): Promise<
    readonly { readonly tenant: Tenant; readonly lifecycle: string; readonly revision: number }[]
  >;
  /** Discards the pending revision. Throws NotFound if this one is not pending. */
  reject(input: ProposalDecision): Promise<void>;
  /** Prevents new runs. Open runs and the champion continue. A repetition changes nothing. */
  archive(input: ArchiveRequest): Promise<LifecycleArchive>;
  /** Accepts runs again. A repetition changes nothing. */
  unarchive(input: ArchiveRequest): Promise<LifecycleArchive>;
  /** A repetition changes nothing. @throws Conflict that names the open runs or the champion. */
  delete(input: ArchiveRequest & { readonly stopServing: boolean }): Promise<LifecycleArchive>;
  /** Who archived it, when and why; null if it is in use, deleted or unknown. */
  archived(input: {
    readonly tenant: Tenant;
    readonly name: string;
  }): Promise<LifecycleArchive['archived']>;
  /**
   * The schedule that should be in effect: none while it is archived or deleted. Null if there is
   * no such lifecycle.
   */
  scheduled(input: {
    readonly tenant: Tenant;
    readonly name: string;
  }): Promise<LifecycleSchedule | null>;
  /**
   * The current revision, the one with `digest` or `revision`, or the newest of a project build. A
   * deleted lifecycle has no current one.
   */
  get(input: {
    readonly tenant: Tenant;
    readonly name: string;
    readonly digest?: Digest | undefined;
    readonly revision?: number | undefined;
    readonly program?: ProjectBuildId | undefined;
  }): Promise<LifecycleRevision | null>;
  /** By name: those in use or, with `archived`, the archived ones. Deleted ones are not listed. */
  list(
    input: { readonly tenant: Tenant; readonly archived?: boolean } & PageRequest,
  ): Promise<Page<LifecycleSummary>>;
  revisions(
    input: { readonly tenant: Tenant; readonly name: string } & PageRequest,
  ): Promise<Page<LifecycleRevisionSummary>>;
  /**
   * Records a person's action on the schedule. Call it before Temporal, which has no part in the
   * transaction.
   */
  auditSchedule(input: {
    readonly tenant: Tenant;
    readonly name: string;
    readonly action: 'trigger' | 'pause' | 'resume' | 'backfill';
    readonly actor: string;
    readonly cause: string;
    readonly after?: unknown;
  }): Promise<void>;
}
