import type { Activities } from '../../activities';
import type { CommandKeys } from '../../data/access/command-signature';
import type { SignedCommand } from '../../domain/command';
import { defaultTenant } from '../../domain/ids';

/** Shared by the clients and activities of one test, which must agree on a signing key. */
export const testCommandKeys: CommandKeys = () => [
  { id: 'ck_test', secret: 'a secret of tests, long enough to be one' },
];

/**
 * For tests of workflow code only: `acceptAllCommands` accepts it, and its key id is the caller's
 * name.
 */
export function buildCommand({
  actor,
  ...given
}: {
  readonly actor: string;
  readonly reason?: string | undefined;
  readonly seconds?: number;
}): SignedCommand {
  const order = {
    tenant: defaultTenant,
    workflowId: 'any',
    verb: 'run.pause',
    id: 'any',
    at: '2026-01-01T00:00:00Z',
  } as const;
  const { reason, seconds } = given;
  return {
    order: {
      ...order,
      keyId: actor,
      ...(reason === undefined ? {} : { reason }),
      ...(seconds === undefined ? {} : { seconds }),
    },
    signedBy: 'ck_test',
    signature: 'unchecked',
  };
}

/** Replaces the activity that checks commands. `mallory` may do nothing. */
export const acceptAllCommands: Activities['admitCommand'] = ({ command }) => {
  const { keyId } = (command as SignedCommand).order;
  if (keyId === 'mallory')
    return Promise.resolve({ kind: 'refused', type: 'Forbidden', message: 'mallory may not' });
  return Promise.resolve({
    kind: 'admitted',
    by: { keyId, holderId: keyId, name: keyId, scope: 'approver' },
  });
};
