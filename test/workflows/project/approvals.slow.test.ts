import { randomUUID } from 'node:crypto';
import { withActingKey } from '../../../db/access/acting-key';
import type { RunRecord } from '../../../db/run/repository';
import { defaultTenant as tenant } from '../../../domain/ids';
import { digestOf } from '../../../data/digest';
import { openTestWorld, type TestWorld } from '../../support/project/test-world';
import { untilAnswer } from '../../support/time/until';

const files = {
  'perennial.config.ts': `
import { defineProject, z } from 'perennial';
const params = z.object({
  timeout: z.string().default('1h'),
  role: z.string().default('approver'),
  required: z.number().default(1),
  catches: z.boolean().default(false),
});
export default defineProject({
  name: 'approvals',
  owner: 'test',
  lifecycles: { mailing: { params, spec: {} as never }, both: { spec: {} as never } },
});
`,
  'lifecycles/mailing.ts': `
import { lifecycle, StoppedByVerdict } from 'perennial/workflow';
export const mailing = lifecycle<object, any>(async (run, { timeout, role, required, catches }) => {
  try {
    const first = await run.approve({ reason: 'send 3,000 mails', timeout, role, required });
    const second = await run.approve({ reason: 'send 9,000 more', timeout });
    return run.done(first.approvedBy.join('+') + ', ' + second.approvedBy.join('+'));
  } catch (error) {
    if (!catches || !(error instanceof StoppedByVerdict)) throw error;
    return run.done('not sent: ' + error.message);
  }
});
`,
  'lifecycles/both.ts': `
import { lifecycle } from 'perennial/workflow';
export const both = lifecycle<object>(async (run) => {
  const ask = async (reason: string) => {
    try {
      const { approvedBy } = await run.approve({ reason, timeout: '1h' });
      return reason + ' by ' + approvedBy.join('+');
    } catch {
      return reason + ' refused';
    }
  };
  return run.done((await Promise.all([ask('one'), ask('two'), ask('three')])).join(', '));
});
`,
};

let world: TestWorld;
beforeAll(async () => {
  world = await openTestWorld(files);
});
afterAll(() => world.close());

async function keyOf(
  scope: 'operator' | 'approver' | 'admin',
): Promise<{ id: string; name: string }> {
  const name = `${scope}-${randomUUID()}`;
  const { id } = await world.core.registry.apiKeys.create({ tenant, name, scope, actor: 'test' });
  return { id, name };
}

const vote = (
  run: RunRecord,
  { id: keyId }: { readonly id: string },
  verb: 'approve' | 'reject' = 'approve',
) => world.lifecycles[verb](run.workflowId, { tenant, keyId, id: randomUUID(), reason: 'a test' });

const waitingFor = (run: RunRecord, text: string) =>
  untilAnswer(
    async () => (await world.core.registry.runs.get({ tenant, id: run.id }))?.waitingFor ?? '',
    (found) => found.includes(text),
  );
const endOf = async (run: RunRecord) => {
  const { status, verdict, failure } = await world.untilEnd(run);
  return { status, reasons: verdict?.reasons.map(({ message }) => message), failure };
};

test('a run waits for each approval by itself, and one vote counts for one of them', async () => {
  const run = await world.start('mailing');
  const [ada, bob] = [await keyOf('approver'), await keyOf('admin')];
  expect(await waitingFor(run, '3,000')).toMatch(
    /^1 approval of "send 3,000 mails" \(scope approver\) until \S+Z; perennial run approve run_/,
  );
  await vote(run, ada);
  await waitingFor(run, '9,000');
  await vote(run, bob);
  expect(await endOf(run)).toMatchObject({
    status: 'succeeded',
    reasons: [`${ada.name}, ${bob.name}`],
  });
  const votes = await world.core.registry.approvals.ofRun({ tenant, runId: run.id });
  expect(votes).toMatchObject([
    { stage: 'approve', vote: 'approve', keyName: ada.name, version: null },
    { stage: 'approve-2', vote: 'approve', keyName: bob.name, version: null },
  ]);
  const { items } = await world.core.registry.audit.list({
    tenant,
    subject: `run:${run.id}`,
    pageSize: 50,
  });
  expect(items.filter(({ action }) => action === 'run.approve')).toHaveLength(2);
});

test('an approval survives a restart of every worker', async () => {
  const run = await world.start('mailing', { required: 2 });
  const [ada, bob] = [await keyOf('approver'), await keyOf('approver')];
  await waitingFor(run, '3,000');
  await vote(run, ada);
  await world.stopWorkers();
  await world.startWorkers();
  await vote(run, bob);
  await waitingFor(run, '9,000');
  await vote(run, ada);
  expect(await endOf(run)).toMatchObject({
    status: 'succeeded',
    reasons: [`${ada.name}+${bob.name}, ${ada.name}`],
  });
});

test('a rejection ends the run as stopped and names the person and the reason', async () => {
  const run = await world.start('mailing');
  const ada = await keyOf('approver');
  await waitingFor(run, '3,000');
  await vote(run, ada, 'reject');
  expect(await endOf(run)).toMatchObject({
    status: 'stopped',
    reasons: [`${ada.name} rejected "send 3,000 mails": a test`],
  });
  const stages = await world.core.registry.stages.list({ tenant, runId: run.id });
  expect(stages).toMatchObject([{ stage: 'approve', status: 'stopped' }]);
});

test('approvals that a lifecycle asks for at once are voted on one after the other', async () => {
  const run = await world.start('both');
  const [ada, bob] = [await keyOf('approver'), await keyOf('approver')];
  await waitingFor(run, '"one"');
  await vote(run, ada, 'reject');
  await waitingFor(run, '"two"');
  await vote(run, ada);
  await waitingFor(run, '"three"');
  await vote(run, bob);
  expect(await endOf(run)).toMatchObject({
    status: 'succeeded',
    reasons: [`one refused, two by ${ada.name}, three by ${bob.name}`],
  });
});

test('a timeout is not an approval', async () => {
  const run = await world.start('mailing', { timeout: '1s' });
  expect(await endOf(run)).toMatchObject({
    status: 'stopped',
    reasons: ['0 of 1 approvals within 1s'],
  });
});

test('a lifecycle may catch a refusal', async () => {
  const run = await world.start('mailing', { timeout: '1s', catches: true });
  expect(await endOf(run)).toMatchObject({
    status: 'succeeded',
    reasons: ['not sent: 0 of 1 approvals within 1s'],
  });
});

test('neither the starter, nor a key with too small a scope, may vote', async () => {
  const { registry } = world.core;
  const starter = await keyOf('admin');
  const revision = await registry.lifecycles.get({ tenant, name: 'mailing' });
  if (!revision) throw new Error('there is no lifecycle mailing');
  const request = { params: { role: 'admin' } };
  const { run } = await withActingKey(starter.id, () =>
    registry.runs.accept({
      tenant,
      lifecycle: 'mailing',
      revisionDigest: revision.digest,
      request,
      actor: starter.name,
      traceId: randomUUID(),
      requestDigest: digestOf(request),
    }),
  );
  await world.begin(run);
  await waitingFor(run, 'scope admin');
  await expect(vote(run, starter)).rejects.toThrow('may not vote on it');
  await expect(vote(run, await keyOf('approver'))).rejects.toThrow('needs the scope admin');
  await expect(vote(run, await keyOf('operator'))).rejects.toThrow('needs the scope approver');
  await vote(run, await keyOf('admin'));
  await waitingFor(run, '9,000');
  await world.lifecycles.cancel(run.workflowId);
  expect(await endOf(run)).toMatchObject({ status: 'cancelled' });
});

test.each([
  [{ required: 11 }, 'required cannot be 11'],
  [{ role: 'viewer' }, 'role cannot be "viewer"'],
  [{ timeout: 'soon' }, 'timeout cannot be "soon"'],
])('%j fails the run with a clear message', async (params, message) => {
  const { status, failure } = await endOf(await world.start('mailing', params));
  expect(status).toBe('failed');
  expect(failure?.message).toContain(message);
});
