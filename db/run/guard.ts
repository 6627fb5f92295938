import { failure } from '../../domain/failure';
import type { IdempotencyKey, RunId, Tenant } from '../../domain/ids';
import { isFinal } from '../../domain/run/run';
import type { Columns } from '../columns';
import type { Transaction } from '../connection';
import type { runs } from './schema';
import type { effects } from './effect-schema';

/** What an attempt got from `effects.claim`. */
export interface HeldClaim {
  readonly key: IdempotencyKey;
  readonly token: number;
}

export interface FencedEffect {
  readonly tenant: Tenant;
  readonly runId: RunId;
  /** Of an effect that several attempts may write. */
  readonly claim?: HeldClaim | undefined;
}

/**
 * First in the transaction of what a run does to the world. Throws FencedOff when the run has ended
 * or its undo began, or when a newer attempt owns the effect. Both rows stay locked to the commit:
 * an undo, or a newer claim, waits for what this transaction writes and so finds it.
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
      `run ${runId} has ended (${run.status}): nothing is written for it any more`,
    );
  if (run.undoSince !== null)
    throw failure('FencedOff', `run ${runId} is being undone: nothing is written for it any more`);
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
 * Before `guardRun`, where an event follows: two that both shared the row would wait for each other
 * to number theirs.
 */
export async function lockRun(
  tx: Transaction,
  { tenant, runId }: Pick<FencedEffect, 'tenant' | 'runId'>,
): Promise<void> {
  await tx`select from runs where tenant_id = ${tenant} and id = ${runId} for no key update`;
}
