/** A run without records, in which a second ballot waits behind an open one. */
import { sleep } from '@temporalio/workflow';
import { defaultTenant, type RunId } from '../../../domain/ids';
import { awaitVotes, openControl, type ApprovalSubject } from '../../../workflows/run/control';

/** The turns in which a settled ballot must end. One is enough. */
const maxTurns = 20;

export interface SettledBallot {
  /** The ballot that ended first; null if none did. */
  readonly winner: string | null;
  /** The stage of the ballot that is open then. */
  readonly open: string | null;
}

/** Settles the second of two ballots, and waits some turns, not some seconds, for its end. */
export async function settledBallot(): Promise<SettledBallot> {
  const control = openControl(defaultTenant);
  const rule = { required: 1, role: 'approver', timeoutSeconds: 3600 } as const;
  let isSettled = false;
  const subject = (stage: string): ApprovalSubject => ({
    ballot: { runId: 'run_1' as RunId, model: 'a', version: null, stage, role: null },
    what: stage,
    isSettled: () => stage === 'promote' && isSettled,
  });
  const first = awaitVotes(control, rule, subject('approve'));
  const second = awaitVotes(control, rule, subject('promote'));
  await sleep(1);
  isSettled = true;
  const ended: string[] = [];
  void first.then(() => ended.push('approve'));
  void second.then(() => ended.push('promote'));
  for (let turn = 0; ended.length === 0 && turn < maxTurns; turn += 1) await sleep(1);
  return { winner: ended[0] ?? null, open: control.ballot?.stage ?? null };
}
