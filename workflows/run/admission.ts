import {
  ApplicationFailure,
  CancellationScope,
  currentUpdateInfo,
  workflowInfo,
} from '@temporalio/workflow';
import type { CommandVerb, KeyHolder, SignedCommand } from '../../domain/run/command';
import type { RunId, Tenant } from '../../domain/ids';
import { records } from '../activity-proxies';

export interface CommandToAdmit {
  readonly tenant: Tenant;
  readonly verb: CommandVerb;
  readonly command: SignedCommand;
  /** What a vote is about; null for other commands. */
  readonly vote: { readonly runId: RunId; readonly model: string; readonly version: number } | null;
}

/**
 * Who sent a command, once an activity has checked its signature, its key and what that key may do.
 * The key that signs is never in here: it would be in the history. Admitted once per command and
 * execution; the record of it is written in the same transaction.
 * @throws ApplicationFailure with the refusal, which the caller of the update gets.
 */
export async function admitted({
  tenant,
  verb,
  command,
  vote,
}: CommandToAdmit): Promise<KeyHolder> {
  const { workflowId, firstExecutionRunId } = workflowInfo();
  const delivery = `${firstExecutionRunId}/${currentUpdateInfo()?.id ?? ''}`;
  // A command that comes while its run is being cancelled gets an answer, too.
  const answer = await CancellationScope.nonCancellable(() =>
    records.admitCommand({ tenant, workflowId, verb, command, delivery, vote }),
  );
  if (answer.kind === 'admitted') return answer.by;
  const { type, message, next } = answer;
  throw ApplicationFailure.create({
    type,
    message,
    nonRetryable: true,
    details: next === undefined ? [] : [{ next }],
  });
}
