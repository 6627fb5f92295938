import { createAdmitCommandActivities } from '../../../activities/run/admit-command';
import { signCommand } from '../../../data/access/command-signature';
import type { Admission, CommandRepository } from '../../../db/run/command-repository';
import type { Ballot } from '../../../domain/run/ballot';
import type { CommandOrder } from '../../../domain/command';
import { defaultTenant, type RunId } from '../../../domain/ids';
import { testCommandKeys } from '../../support/commands';

const admitted: Admission = {
  kind: 'admitted',
  by: { keyId: 'key_a', holderId: 'key_a', name: 'ada', scope: 'approver' },
};
const order = (minutesAgo: number): CommandOrder => ({
  tenant: defaultTenant,
  workflowId: 'run/default/a/run_1',
  verb: 'run.approve',
  id: 'run.approve/1',
  keyId: 'key_a',
  at: new Date(Date.now() - minutesAgo * 60_000).toISOString(),
});

/** A registry that admits every command, and has admitted the given ones before. */
function admitting(earlier: Admission | null, command: CommandOrder, vote: Ballot | null = null) {
  const commands: CommandRepository = {
    admit: () => Promise.resolve(admitted),
    earlier: () => Promise.resolve(earlier),
    auditDenied: () => Promise.resolve(),
    audit: () => Promise.resolve(),
  };
  const activities = createAdmitCommandActivities({
    registry: { commands },
    commandKeys: testCommandKeys,
  });
  const { tenant, workflowId, verb } = command;
  return activities.admitCommand({
    tenant,
    workflowId,
    verb,
    delivery: 'first/update',
    command: signCommand(testCommandKeys, command),
    vote,
  });
}

test('a command that is retried after its signature expired gets the first answer', async () => {
  expect(await admitting(admitted, order(30))).toEqual(admitted);
});

test('a command that first arrives after its signature expired is refused', async () => {
  expect(await admitting(null, order(30))).toMatchObject({
    kind: 'refused',
    message: expect.stringContaining('has expired') as string,
  });
  expect(
    await admitting(
      { kind: 'refused', type: 'Conflict', message: 'it was carried out before' },
      order(30),
    ),
  ).toMatchObject({
    type: 'Forbidden',
  });
});

test('a freshly signed command is admitted by the registry', async () => {
  expect(await admitting(null, order(0))).toEqual(admitted);
});

test('a vote counts only for the ballot that its voter has seen', async () => {
  const ballot: Ballot = {
    runId: 'run_1' as RunId,
    model: 'a',
    version: null,
    stage: 'approve-2',
    role: 'approver',
  };
  const seen = { ...order(0), stage: 'approve-2' };
  expect(await admitting(null, seen, ballot)).toEqual(admitted);
  expect(await admitting(null, { ...seen, stage: 'approve' }, ballot)).toEqual({
    kind: 'refused',
    type: 'Conflict',
    message: 'the vote is for approve, but run_1 waits for votes on approve-2',
    next: 'perennial run show run_1',
  });
});
