import { checkCommand, type CommandKeys } from '../../data/access/command-signature';
import type { Admission, CommandRepository } from '../../db/run/command-repository';
import type { Ballot } from '../../domain/run/ballot';
import type { CommandVerb } from '../../domain/command';
import type { Tenant } from '../../domain/ids';

export interface AdmitCommandDeps {
  readonly registry: { readonly commands: CommandRepository };
  readonly commandKeys: CommandKeys;
}

interface AdmitInput {
  readonly tenant: Tenant;
  /** The workflow that received the update. */
  readonly workflowId: string;
  readonly verb: CommandVerb;
  readonly delivery: string;
  /** Unchecked: any client of Temporal can send an update. */
  readonly command: unknown;
  readonly vote: Ballot | null;
}

export function createAdmitCommandActivities({ registry, commandKeys }: AdmitCommandDeps) {
  return {
    /**
     * Checks that a command was signed by the API, is for this workflow, and that its key may give
     * it now. Idempotent: a second attempt returns the first admission.
     */
    async admitCommand({
      tenant,
      workflowId,
      verb,
      delivery,
      command,
      vote,
    }: AdmitInput): Promise<Admission> {
      const refuse = async (why: string): Promise<Admission> => {
        await registry.commands.auditDenied({
          tenant,
          actor: 'unknown',
          action: 'command.refused',
          subject: `workflow:${workflowId}`,
          cause: `${verb}: ${why}`,
        });
        const message = `the command ${verb} was refused: ${why}`;
        return {
          kind: 'refused',
          type: 'Forbidden',
          message,
          next: 'use the API or the CLI, such as perennial run approve',
        };
      };
      const checked = checkCommand(commandKeys, command);
      if (checked.kind === 'refused') return refuse(checked.why);
      const { order } = checked;
      if (order.tenant !== tenant || order.workflowId !== workflowId)
        return refuse(`it was signed for ${order.workflowId}`);
      if (order.verb !== verb) return refuse(`it was signed as ${order.verb}`);
      if (checked.kind === 'expired') {
        // The first attempt may have been in time, with its worker lost before it could answer.
        const earlier = await registry.commands.earlier({ order, delivery });
        return earlier?.kind === 'admitted' ? earlier : refuse(checked.why);
      }
      if (vote && order.stage !== undefined && order.stage !== vote.stage)
        return {
          kind: 'refused',
          type: 'Conflict',
          message:
            `the vote is for ${order.stage}, ` +
            `but ${vote.runId} waits for votes on ${vote.stage}`,
          next: `perennial run show ${vote.runId}`,
        };
      const admission = await registry.commands.admit({ order, delivery, vote });
      if (admission.kind === 'refused') {
        const cause = `${verb}: ${admission.message}`;
        const subject = `workflow:${workflowId}`;
        await registry.commands.auditDenied({
          tenant,
          actor: `key:${order.keyId}`,
          action: 'command.refused',
          subject,
          cause,
        });
      }
      return admission;
    },
  };
}
