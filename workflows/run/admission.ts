import {
  ApplicationFailure,
  CancellationScope,
  currentUpdateInfo,
  workflowInfo,
} from '@temporalio/workflow';
import type { CommandVerb, KeyHolder, SignedCommand } from '../../domain/command';
import type { Tenant } from '../../domain/ids';
import type { Ballot } from '../../domain/run/ballot';
import { registryWrites } from '../activity-proxies';

export interface CommandToAdmit {
  readonly tenant: Tenant;
  readonly verb: CommandVerb;
  readonly command: SignedCommand;
  /** What is voted on; null for other commands. */
  readonly vote: Ballot | null;
}

/**
 * Returns the sender of a command, after an activity has checked the signature, the key and its
 * scope. The signing key is not part of the workflow, because it would appear in the history. Each
 * command is admitted once per execution, and its record is written in the same transaction.
 * @throws ApplicationFailure with the refusal, which the caller of the update receives.
 */
export async function admitCommand({
  tenant,
  verb,
  command,
  vote,
}: CommandToAdmit): Promise<KeyHolder> {
  const { workflowId, firstExecutionRunId } = workflowInfo();
  const delivery = `${firstExecutionRunId}/${currentUpdateInfo()?.id ?? ''}`;
  // Not cancellable: a command that arrives during cancellation is still answered.
  const answer = await CancellationScope.nonCancellable(() =>
    registryWrites.admitCommand({ tenant, workflowId, verb, command, delivery, vote }),
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
