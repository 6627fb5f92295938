import type { WorkflowClient } from '@temporalio/client';
import { WorkflowNotFoundError } from '@temporalio/client';
import type { CommandKeys } from '../../data/access/command-signature';
import { signCommand } from '../../data/access/command-signature';
import type { CommandOrder } from '../../domain/command';
import type { Tenant } from '../../domain/ids';
import {
  abortUpdate,
  extendUpdate,
  holdUpdate,
  resumeRolloutUpdate,
  skipUpdate,
} from '../../workflows/run/messages';

/** The caller of a command, by the verified API key. The client signs the command. */
export interface CommandActor {
  readonly tenant: Tenant;
  readonly keyId: string;
  /** Idempotency key; a repeated key is the same command. */
  readonly id: string;
  readonly reason?: string | undefined;
}

export type RolloutVerb = 'hold' | 'resume' | 'skip' | 'abort' | 'extend';

/** Also the id of the update: Temporal returns the first response for a repeated id. */
export type RolloutCommandInput = CommandActor &
  (
    | { readonly verb: Exclude<RolloutVerb, 'extend'> }
    | { readonly verb: 'extend'; readonly seconds: number }
  );

interface Signing {
  readonly workflow: WorkflowClient;
  readonly commandKeys: CommandKeys;
}

/** Responds after the rollout has executed the command and its row shows it. */
export async function steerRollout(
  { workflow, commandKeys }: Signing,
  workflowId: string,
  said: RolloutCommandInput,
): Promise<'applied' | 'gone'> {
  const { verb, ...by } = said;
  const handle = workflow.getHandle(workflowId);
  const command = signCommand(
    commandKeys,
    unsignedCommand({ workflowId, ...by, verb: `rollout.${verb}` }),
  );
  try {
    await handle.executeUpdate(updates[verb], { updateId: `command/${said.id}`, args: [command] });
    return 'applied';
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return 'gone';
    throw error;
  }
}

const updates = {
  hold: holdUpdate,
  resume: resumeRolloutUpdate,
  skip: skipUpdate,
  abort: abortUpdate,
  extend: extendUpdate,
} as const;

/**
 * The command as it is signed: with the current time and without missing values. The id contains
 * the verb, because one key may be used for several.
 */
export function unsignedCommand({
  tenant,
  workflowId,
  verb,
  id,
  keyId,
  reason,
  seconds,
  stage,
}: Omit<CommandOrder, 'at' | 'reason' | 'seconds' | 'stage'> & {
  readonly reason?: string | undefined;
  readonly seconds?: number | undefined;
  readonly stage?: string | undefined;
}): CommandOrder {
  return {
    tenant,
    workflowId,
    verb,
    id: `${verb}/${id}`,
    keyId,
    at: new Date().toISOString(),
    ...(reason !== undefined && { reason }),
    ...(seconds !== undefined && { seconds }),
    ...(stage !== undefined && { stage }),
  };
}
