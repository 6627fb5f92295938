import type { WorkflowClient } from '@temporalio/client';
import { WorkflowNotFoundError } from '@temporalio/client';
import type { Command } from '../workflows/messages';
import { abortUpdate, extendUpdate, holdUpdate, resumeRolloutUpdate, skipUpdate } from '../workflows/messages';

export type RolloutVerb = 'hold' | 'resume' | 'skip' | 'abort' | 'extend';

export type SaidToRollout = {
  /** Of the update: Temporal answers a second one of the same id with the first one's answer. */
  readonly id: string;
  readonly command: Command;
} & ({ readonly verb: Exclude<RolloutVerb, 'extend'> } | { readonly verb: 'extend'; readonly seconds: number });

/** Answered once the rollout has obeyed and its row shows it. */
export async function steerRollout(workflow: WorkflowClient, workflowId: string, said: SaidToRollout): Promise<'obeyed' | 'gone'> {
  const { id: updateId, command } = said;
  const handle = workflow.getHandle(workflowId);
  try {
    if (said.verb === 'extend') await handle.executeUpdate(extendUpdate, { updateId, args: [{ ...command, seconds: said.seconds }] });
    else await handle.executeUpdate(plain[said.verb], { updateId, args: [command] });
    return 'obeyed';
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return 'gone';
    throw error;
  }
}

const plain = { hold: holdUpdate, resume: resumeRolloutUpdate, skip: skipUpdate, abort: abortUpdate } as const;
