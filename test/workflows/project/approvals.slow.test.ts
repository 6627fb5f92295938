import { randomUUID } from 'node:crypto';
import { withActingKey } from '../../../db/acting-key';
import type { RunRecord } from '../../../db/run/repository';
import { defaultTenant as tenant } from '../../../domain/ids';
import { computeDigest } from '../../../data/digest';
import { approvalsProject } from '../../support/project/approvals-project';
import { record } from '../../support/lifecycle-runs';
import { openTestWorld, type TestWorld } from '../../support/project/test-world';
import { untilAnswer } from '../../support/time/until';

let world: TestWorld;
beforeAll(async () => {
  world = await openTestWorld(approvalsProject);
});
afterAll(() => world.close());

async function createKey(
  scope: 'operator' | 'approver' | 'admin',
): Promise<{ id: string; name: string }> {
  const name = `${scope}-${randomUUID()}`;
  const { id } = await world.core.registry.apiKeys.create({ tenant, name, scope, actor: 'test' });
  return { id, name };
}

const vote = (
  run: RunRecord,
  { id: keyId }: { readonly id: string },
  {
    verb = 'approve',
    stage,
  }: { readonly verb?: 'approve' | 'reject'; readonly stage?: string } = {},
) =>
  world.lifecycles[verb](run.workflowId, {
    tenant,
    keyId,
    id: randomUUID(),
    reason: 'a test',
    stage,
  });

const waitingFor = (run: RunRecord, text: string) =>
  untilAnswer(
    async () => (await world.core.registry.runs.get({ tenant, id: run.id }))?.waitingFor ?? '',
    (found) => found.includes(text),
  );
const waitForEnd = async (run: RunRecord) => {
  const { status, verdict, failure } = await world.untilEnd(run);
  return { status, reasons: verdict?.reasons.map(({ message }) => message), failure };
};

test('a run waits for each approval by itself, and one vote counts for one of them', async () => {
  const run = await world.start('mailing');
  const [ada, bob] = [await createKey('approver'), await createKey('admin')];
  expect(await waitingFor(run, '3,000')).toMatch(
    /^1 approval of "send 3,000 mails" \(scope approver\) until \S+Z; perennial run approve run_\S+ --stage approve$/,
  );
  await vote(run, ada);
  await waitingFor(run, '9,000');
  await vote(run, bob);
  expect(await waitForEnd(run)).toMatchObject({
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
  await record('project-approvals-approved', world.temporal.workflow.getHandle(run.workflowId));
});

test('a vote for one approval of a run counts for no later one', async () => {
  const run = await world.start('mailing');
  const [ada, bob] = [await createKey('approver'), await createKey('approver')];
  await waitingFor(run, '3,000');
  await vote(run, ada, { stage: 'approve' });
  expect(await waitingFor(run, '9,000')).toMatch(/ --stage approve-2$/);
  await expect(vote(run, bob, { stage: 'approve' })).rejects.toThrow(
    `the vote is for approve, but ${run.id} waits for votes on approve-2`,
  );
  await vote(run, bob, { stage: 'approve-2' });
  expect(await waitForEnd(run)).toMatchObject({
    status: 'succeeded',
    reasons: [`${ada.name}, ${bob.name}`],
  });
});

test('an approval survives a restart of every worker', async () => {
  const run = await world.start('mailing', { required: 2 });
  const [ada, bob] = [await createKey('approver'), await createKey('approver')];
  await waitingFor(run, '3,000');
  await vote(run, ada);
  await world.stopWorkers();
  await world.startWorkers();
  await vote(run, bob);
  await waitingFor(run, '9,000');
  await vote(run, ada);
  expect(await waitForEnd(run)).toMatchObject({
    status: 'succeeded',
    reasons: [`${ada.name}+${bob.name}, ${ada.name}`],
  });
});

test('a rejection ends the run as stopped and names the person and the reason', async () => {
  const run = await world.start('mailing');
  const ada = await createKey('approver');
  await waitingFor(run, '3,000');
  await vote(run, ada, { verb: 'reject' });
  expect(await waitForEnd(run)).toMatchObject({
    status: 'stopped',
    reasons: [`${ada.name} rejected "send 3,000 mails": a test`],
  });
  const stages = await world.core.registry.stages.list({ tenant, runId: run.id });
  expect(stages).toMatchObject([{ stage: 'approve', status: 'stopped' }]);
});

test('approvals that a lifecycle asks for at once are voted on one after the other', async () => {
  const run = await world.start('both');
  const [ada, bob] = [await createKey('approver'), await createKey('approver')];
  await waitingFor(run, '"one"');
  await vote(run, ada, { verb: 'reject' });
  await waitingFor(run, '"two"');
  await vote(run, ada);
  await waitingFor(run, '"three"');
  await vote(run, bob);
  expect(await waitForEnd(run)).toMatchObject({
    status: 'succeeded',
    reasons: [`one refused, two by ${ada.name}, three by ${bob.name}`],
  });
});

test('a timeout is not an approval', async () => {
  const run = await world.start('mailing', { timeout: '1s' });
  expect(await waitForEnd(run)).toMatchObject({
    status: 'stopped',
    reasons: ['0 of 1 approvals within 1s'],
  });
});

test('a lifecycle may catch a refusal', async () => {
  const run = await world.start('mailing', { timeout: '1s', catches: true });
  expect(await waitForEnd(run)).toMatchObject({
    status: 'succeeded',
    reasons: ['not sent: 0 of 1 approvals within 1s'],
  });
});

test('neither the starter, nor a key with too small a scope, may vote', async () => {
  const { registry } = world.core;
  const starter = await createKey('admin');
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
      requestDigest: computeDigest(request),
    }),
  );
  await world.begin(run);
  await waitingFor(run, 'scope admin');
  await expect(vote(run, starter)).rejects.toThrow('may not vote on it');
  await expect(vote(run, await createKey('approver'))).rejects.toThrow('needs the scope admin');
  await expect(vote(run, await createKey('operator'))).rejects.toThrow('needs the scope approver');
  await vote(run, await createKey('admin'));
  await waitingFor(run, '9,000');
  await world.lifecycles.cancel(run.workflowId);
  expect(await waitForEnd(run)).toMatchObject({ status: 'cancelled' });
});

test.each([
  [{ required: 11 }, 'required cannot be 11'],
  [{ role: 'viewer' }, 'role cannot be "viewer"'],
  [{ timeout: 'soon' }, 'timeout cannot be "soon"'],
  [{ timeout: '0s' }, 'timeout cannot be "0s"'],
  [{ timeout: '366d' }, 'timeout cannot be "366d"'],
])('%j fails the run with a clear message', async (params, message) => {
  const { status, failure } = await waitForEnd(await world.start('mailing', params));
  expect(status).toBe('failed');
  expect(failure?.message).toContain(message);
});
