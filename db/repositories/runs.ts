import type { Digest } from '../../domain/artifact';
import type { RunId, Tenant } from '../../domain/ids';
import type { Failure, RunRequest, RunStatus } from '../../domain/run';
import type { Verdict } from '../../domain/verdict';
import type { Page, PageRequest } from '../page';

export interface RunRecord {
  readonly id: RunId;
  readonly tenant: Tenant;
  readonly lifecycle: string;
  readonly revisionDigest: Digest;
  readonly workflowId: string;
  readonly status: RunStatus;
  readonly verdict: Verdict | null;
  /** The model version that the run registered. */
  readonly version: number | null;
  readonly waitingFor: string | null;
  readonly failure: Failure | null;
  readonly request: RunRequest;
  readonly actor: string;
  readonly traceId: string;
  readonly createdAt: string;
  readonly startedAt: string | null;
  readonly endedAt: string | null;
}

export interface RunRepository {
  /**
   * One transaction: run (`pending`), idempotency row, outbox entry `run.start` with payload {@link RunStartPayload}, first event, audit row.
   * A repeated key with the same `requestDigest` answers with the first run; with another one it throws Conflict.
   */
  accept(input: {
    readonly tenant: Tenant;
    readonly lifecycle: string;
    readonly revisionDigest: Digest;
    readonly request: RunRequest;
    readonly actor: string;
    readonly traceId: string;
    readonly idempotencyKey?: string | undefined;
    readonly requestDigest: Digest;
  }): Promise<{ readonly run: RunRecord; readonly created: boolean }>;
  /** Finds the run of a workflow or makes it (`running`): a schedule's workflow never went through `accept`. Takes the lifecycle's current revision when none is named. */
  open(input: {
    readonly tenant: Tenant;
    readonly workflowId: string;
    readonly lifecycle: string;
    readonly revisionDigest?: Digest | undefined;
    readonly request: RunRequest;
    readonly actor: string;
    readonly traceId: string;
  }): Promise<RunRecord>;
  get(input: { readonly tenant: Tenant; readonly id: RunId }): Promise<RunRecord | null>;
  list(
    input: { readonly tenant: Tenant; readonly lifecycle?: string | undefined; readonly status?: RunStatus | undefined } & PageRequest,
  ): Promise<Page<RunRecord>>;
  /**
   * Sets what is given, with an event and an audit row in the same transaction, and answers with the row as it then is. A run in a final
   * state stays as it is: the caller reads from the answer which state won. `waitingFor` is cleared by any status but `waiting` and `paused`,
   * and required by `waiting`.
   */
  update(input: {
    readonly tenant: Tenant;
    readonly id: RunId;
    readonly status: RunStatus;
    readonly verdict?: Verdict | null | undefined;
    readonly version?: number | null | undefined;
    readonly waitingFor?: string | null | undefined;
    readonly failure?: Failure | null | undefined;
    readonly actor?: string | undefined;
  }): Promise<RunRecord>;
  /** Runs in no final state that nothing touched for so long; oldest first, at most 1,000. All tenants when none is named. */
  unfinished(input: { readonly tenant?: Tenant | undefined; readonly olderThanSeconds: number }): Promise<readonly RunRecord[]>;
}

/** Payload of the outbox topic `run.start`. */
export interface RunStartPayload {
  readonly runId: RunId;
  readonly workflowId: string;
  readonly lifecycle: string;
  readonly revisionDigest: Digest;
  readonly request: RunRequest;
  readonly actor: string;
  readonly traceId: string;
}
