import { failure } from '../../domain/failure';
import type { IdempotencyKey, RunId, Tenant } from '../../domain/ids';
import { isFinal } from '../../domain/run/run';
import type { Columns } from '../columns';
import type { Transaction } from '../connection';
import type { runs } from './schema';
import type { effects } from './effect-schema';

/** The claim that an attempt got from `effects.claim`. */
export interface HeldClaim {
  readonly key: IdempotencyKey;
  readonly token: number;
}

export interface FencedEffect {
  readonly tenant: Tenant;
  readonly runId: RunId;
  /** Claim of an effect that several attempts may write. */
  readonly claim?: HeldClaim | undefined;
}

/**
 * First in every transaction with an effect of a run. Throws FencedOff when the run has ended, its
 * undo has begun, or a newer attempt owns the effect. Both rows stay locked until the commit, so
 * that an undo or a newer claim sees what this transaction writes.
 */
export async function guardRun(
  tx: Transaction,
  { tenant, runId, claim }: FencedEffect,
): Promise<void> {
  const [run] = await tx<Columns<typeof runs, 'status' | 'undoSince'>[]>`
    select status, undo_since from runs where tenant_id = ${tenant} and id = ${runId} for share`;
  if (!run) throw failure('NotFound', `there is no run ${runId}`);
  if (isFinal(run.status))
    throw failure(
      'FencedOff',
      `run ${runId} has ended (${run.status}): it can write no more effects`,
    );
  if (run.undoSince !== null)
    throw failure('FencedOff', `run ${runId} is being undone: it can write no more effects`);
  if (claim === undefined) return;
  const [effect] = await tx<Columns<typeof effects, 'token'>[]>`
    select token from effects where tenant_id = ${tenant} and key = ${claim.key} for share`;
  if (effect?.token !== claim.token) {
    throw failure(
      'FencedOff',
      `this attempt may not write ${claim.key}: claim ${effect?.token ?? 'none'} is newer than ${claim.token}`,
    );
  }
}

/**
 * Call it before `guardRun` if an event follows. Two transactions that share the row would deadlock
 * when they number their events.
 */
export async function lockRun(
  tx: Transaction,
  { tenant, runId }: Pick<FencedEffect, 'tenant' | 'runId'>,
): Promise<void> {
  await tx`select from runs where tenant_id = ${tenant} and id = ${runId} for no key update`;
}
