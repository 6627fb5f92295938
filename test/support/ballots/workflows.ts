/** A run without records, in which a second ballot waits behind an open one. */
import { sleep } from '@temporalio/workflow';
import { defaultTenant, type RunId } from '../../../domain/ids';
import { awaitVotes, openControl, type ApprovalSubject } from '../../../workflows/run/control';

/** Ends with the stage of the open ballot, once the second is settled. */
export async function settledBallot(): Promise<string | undefined> {
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
  await Promise.race([first, second]);
  return control.ballot?.stage;
}
