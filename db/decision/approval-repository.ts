import type { RunId, Tenant } from '../../domain/ids';
import type { Database } from '../connection';
import type { approvals } from './approval-schema';

export interface ApprovalRecord {
  readonly id: string;
  readonly runId: RunId;
  readonly model: string;
  /** Null for a vote in the middle of a run, which is about no version. */
  readonly version: number | null;
  /** The stage that waits: `promote`, or the name of a call of `run.approve`. */
  readonly stage: string;
  readonly vote: 'approve' | 'reject';
  readonly keyId: string;
  /** Same for a key and its rotations: count holders, not keys. */
  readonly holderId: string;
  readonly keyName: string;
  readonly scope: string;
  readonly comment: string | null;
  readonly createdAt: string;
}

/**
 * Votes on promotions. Only {@link CommandRepository.admit} writes them, after it checked key,
 * scope and starter.
 */
export interface ApprovalRepository {
  /** Oldest first. */
  ofRun(input: {
    readonly tenant: Tenant;
    readonly runId: RunId;
  }): Promise<readonly ApprovalRecord[]>;
  /** Votes of all runs that requested approval of this version, oldest first. */
  ofVersion(input: {
    readonly tenant: Tenant;
    readonly model: string;
    readonly version: number;
  }): Promise<readonly ApprovalRecord[]>;
}

type ApprovalRow = typeof approvals.$inferSelect;

export function createApprovalRepository({ sql }: Database): ApprovalRepository {
  return {
    async ofRun({ tenant, runId }) {
      const rows = await sql<
        ApprovalRow[]
      >`select * from approvals where tenant_id = ${tenant} and run_id = ${runId} order by id`;
      return rows.map(toRecord);
    },

    async ofVersion({ tenant, model, version }) {
      const rows = await sql<ApprovalRow[]>`
        select * from approvals where tenant_id = ${tenant} and model = ${model} and version = ${version} order by id`;
      return rows.map(toRecord);
    },
  };
}

function toRecord({ tenantId: _, ...record }: ApprovalRow): ApprovalRecord {
  return record;
}
