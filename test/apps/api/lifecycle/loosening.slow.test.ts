/**
 * Authors cannot loosen the rules for their own models: a looser policy waits for another approver.
 */
import { parse, stringify } from 'yaml';
import { tenant } from '../../../db/registry-fixture';
import type { ApiWorld, CallOptions } from '../support/api-world';
import { lifecycleBody, openApiWorld, withStages } from '../support/api-world';

let world: ApiWorld;
beforeAll(async () => {
  world = await openApiWorld();
});
afterAll(() => world.close());

interface Applied {
  readonly revision: number;
  readonly state: string;
  readonly changed: boolean;
  readonly loosenings: readonly { readonly what: string }[];
}

const hook = { webhook: 'https://hooks.example/in', secret: { env: 'PERENNIAL_SECRET_HOOK' } };
const approvals = (required: number) => ({ promote: { approval: { required } }, notify: [hook] });
let made = 0;
const put = (
  name: string,
  parts: Parameters<typeof withStages>[1],
  change: (text: string) => string = (text) => text,
  options: CallOptions = {},
) =>
  world.call<Applied>('PUT', `/lifecycles/${name}`, {
    as: 'operator',
    body: lifecycleBody(name, (text) => change(withStages(text, parts))),
    ...options,
  });
const shown = (name: string) =>
  world.call<{
    revision: number;
    spec: { promote: object };
    pending: { revision: number; proposedBy: string } | null;
  }>('GET', `/lifecycles/${name}`);
const approve = (name: string, revision: number, body: object = {}, options: CallOptions = {}) =>
  world.call('POST', `/lifecycles/${name}/revisions/${revision}/approve`, {
    as: 'approver',
    body: { reason: 'agreed', ...body },
    ...options,
  });

/** A lifecycle that needs this many approvals. */
async function strict(required = 1): Promise<string> {
  const name = `strict-${++made}`;
  expect(await put(name, approvals(required))).toMatchObject({
    status: 200,
    body: { revision: 1, state: 'inForce', changed: true },
  });
  return name;
}

/** A key of another person. */
async function createKey(scope: 'approver' | 'admin'): Promise<string> {
  const name = `person-${++made}`;
  const { key } = await world.registry.apiKeys.create({ tenant, name, scope, actor: 'test' });
  return key;
}

/** The first gate is looser. */
function weaker(text: string): string {
  const document = parse(text) as { spec: { evaluate: { gates: { confidence?: number }[] } } };
  const [gate] = document.spec.evaluate.gates;
  if (gate) gate.confidence = 0.6;
  return stringify(document);
}

describe('a revision that loosens the policy', () => {
  test('waits: runs use the old revision, and everyone sees what waits and why', async () => {
    const name = await strict();
    const proposed = await put(name, approvals(0), weaker);
    expect(proposed).toMatchObject({
      status: 202,
      body: { revision: 2, state: 'pending', changed: false },
    });
    const whats = proposed.body.loosenings.map(({ what }) => what);
    expect(whats).toContain('spec.promote.approval.required');
    expect(whats.some((what) => /^spec\.evaluate\.gates\..*\.confidence$/.test(what))).toBe(true);
    const now = await shown(name);
    expect(now.body).toMatchObject({
      revision: 1,
      pending: { revision: 2, proposedBy: 'operator', baseRevision: 1 },
    });
    const run = await world.accept(name);
    expect(run.revisionDigest).toBe(
      (await world.registry.lifecycles.get({ tenant, name }))?.digest,
    );
    // A run cannot name it either.
    const pending = await world.registry.lifecycles.proposal({ tenant, name });
    const request = {
      tenant,
      lifecycle: name,
      request: {},
      actor: 'a',
      traceId: 't',
      requestDigest: pending?.digest ?? 'sha256:',
    } as const;
    const wanted = { ...request, revisionDigest: pending?.digest ?? run.revisionDigest };
    await expect(world.registry.runs.accept(wanted)).rejects.toMatchObject({ type: 'NotFound' });
    // Applied again, the same revision is still waiting.
    expect(await put(name, approvals(0), weaker)).toMatchObject({
      status: 202,
      body: { revision: 2 },
    });
  });

  test('is in force after another approver accepts it, with audit rows and webhooks', async () => {
    const name = await strict();
    await put(name, approvals(0));
    expect(await approve(name, 2, {}, { as: 'operator' })).toMatchObject({ status: 403 });
    expect(await approve(name, 7)).toMatchObject({
      status: 404,
      body: { next: `perennial lifecycle show ${name}` },
    });
    expect(await approve(name, 2)).toMatchObject({
      status: 200,
      body: { revision: 2, pending: null },
    });
    expect((await shown(name)).body).toMatchObject({
      revision: 2,
      spec: { promote: { approval: { required: 0 } } },
      pending: null,
    });
    expect(await approve(name, 2)).toMatchObject({ status: 404 });
    const { items } = await world.registry.audit.list({
      tenant,
      subject: `lifecycle:${name}`,
      pageSize: 5,
    });
    expect(items).toMatchObject([
      {
        action: 'lifecycle.accept',
        actor: 'approver',
        cause: 'agreed',
        after: { revision: 2, proposedBy: 'operator', selfApproved: false },
      },
      { action: 'lifecycle.approve', actor: 'approver', after: { approvals: 1, required: 1 } },
      { action: 'lifecycle.propose', actor: 'operator', before: { revision: 1 } },
      { action: 'lifecycle.apply' },
    ]);
    const told = await world.database.sql<{ event: string }[]>`
      select event from webhook_deliveries where lifecycle = ${name} order by id`;
    expect(told.map(({ event }) => event)).toEqual([
      'lifecycle.loosening_proposed',
      'lifecycle.loosening_accepted',
    ]);
  });

  test('is not accepted by its author, except by an admin who requests that explicitly', async () => {
    const name = await strict();
    await put(name, approvals(0), undefined, { as: 'approver' });
    expect(await approve(name, 2)).toMatchObject({
      status: 403,
      body: { detail: expect.stringContaining('may not accept it') as string },
    });
    expect(await approve(name, 2, { selfApprove: true })).toMatchObject({ status: 403 });
    await put(name, approvals(0), weaker, { as: 'admin' });
    expect(await approve(name, 3, {}, { as: 'admin' })).toMatchObject({
      status: 403,
      body: { next: expect.stringContaining('--self-approve') as string },
    });
    expect(
      await approve(name, 3, { selfApprove: true, reason: 'I am alone' }, { as: 'admin' }),
    ).toMatchObject({ status: 200 });
    const { items } = await world.registry.audit.list({
      tenant,
      subject: `lifecycle:${name}`,
      action: 'lifecycle.accept',
      pageSize: 1,
    });
    expect(items).toMatchObject([
      { actor: 'admin', cause: 'I am alone', after: { selfApproved: true } },
    ]);
  });

  test('is not accepted by a key that the author’s key was rotated into', async () => {
    const name = await strict();
    const made = await world.registry.apiKeys.create({
      tenant,
      name: `ann-${name}`,
      scope: 'approver',
      actor: 'test',
    });
    await put(name, approvals(0), undefined, { key: made.key });
    const { key } = await world.registry.apiKeys.rotate({
      tenant,
      id: made.id,
      actor: 'test',
      overlapSeconds: 60,
    });
    expect(await approve(name, 2, {}, { key })).toMatchObject({ status: 403 });
    expect(await approve(name, 2)).toMatchObject({ status: 200 });
  });

  test('is replaced by the next revision that is applied, and can be discarded', async () => {
    const name = await strict();
    await put(name, approvals(0));
    expect(await put(name, approvals(3))).toMatchObject({
      status: 200,
      body: { revision: 3, state: 'inForce' },
    });
    expect(await approve(name, 2)).toMatchObject({ status: 404 });
    await put(name, approvals(2));
    const reject = () =>
      world.call('POST', `/lifecycles/${name}/revisions/4/reject`, {
        as: 'operator',
        body: { reason: 'no' },
      });
    expect(await reject()).toMatchObject({ status: 200, body: { revision: 3, pending: null } });
    expect(await reject()).toMatchObject({ status: 404 });
    expect(await approve(name, 4)).toMatchObject({ status: 404 });
  });

  test('is not a way back to an older and looser revision', async () => {
    const name = await strict();
    await put(name, approvals(2));
    expect(await put(name, approvals(1))).toMatchObject({ status: 202, body: { revision: 1 } });
    expect((await shown(name)).body.revision).toBe(2);
    expect(await approve(name, 1)).toMatchObject({
      status: 200,
      body: { revision: 2, pending: { revision: 1 } },
    });
    expect(await approve(name, 1, {}, { key: await createKey('approver') })).toMatchObject({
      status: 200,
      body: { revision: 1 },
    });
  });

  test('is named by the plan', async () => {
    const name = await strict(2);
    const body = lifecycleBody(name, (text) => withStages(text, approvals(0)));
    const { body: plan } = await world.call<{ lines: string[]; loosenings: object[] }>(
      'POST',
      `/lifecycles/${name}/plan`,
      {
        as: 'viewer',
        body,
      },
    );
    expect(plan.loosenings).toMatchObject([
      { what: 'spec.promote.approval.required', before: 2, after: 0 },
    ]);
    expect(plan.lines.join('\n')).toContain('this loosens the policy');
    expect(plan.lines).toContain('  spec.promote.approval.required 2 → 0 (smaller)');
  });

  test('waits once if many are applied at the same time', async () => {
    const name = await strict(2);
    await Promise.all([0, 1, 0, 1, 0, 1].map((required) => put(name, approvals(required))));
    const pending = await world.database
      .sql`select * from lifecycle_proposals where lifecycle = ${name} and status = 'pending'`;
    expect(pending).toHaveLength(1);
    expect((await shown(name)).body.revision).toBe(1);
  });
});

describe('a stricter revision, and a first one', () => {
  test('are in force at once', async () => {
    const name = await strict();
    expect(await put(name, approvals(3))).toMatchObject({
      status: 200,
      body: { revision: 2, state: 'inForce', loosenings: [] },
    });
  });
});

describe('a run of an older and looser revision', () => {
  test('is neither rerun nor reused', async () => {
    const name = await strict();
    const run = await world.accept(name);
    await world.registry.runs.update({ tenant, id: run.id, status: 'stopped' });
    await put(name, approvals(3));
    const refused = {
      status: 409,
      body: { detail: expect.stringContaining('less strict than revision 2') as string },
    };
    expect(
      await world.call('POST', `/runs/${run.id}/rerun`, {
        as: 'operator',
        body: { fromStage: 'ingest' },
      }),
    ).toMatchObject(refused);
    const same = await world.accept(name);
    await world.registry.runs.update({ tenant, id: same.id, status: 'stopped' });
    expect(
      await world.call('POST', `/runs/${same.id}/rerun`, {
        as: 'operator',
        body: { fromStage: 'ingest' },
      }),
    ).toMatchObject({
      status: 202,
    });
  });
});

describe('a policy that asks for two admins', () => {
  const twoAdmins = { promote: { approval: { required: 2, role: 'admin' } }, notify: [hook] };

  test('is loosened by two admins, and not by one', async () => {
    const name = `strict-${++made}`;
    expect(await put(name, twoAdmins)).toMatchObject({ status: 200 });
    expect(await put(name, approvals(0))).toMatchObject({ status: 202 });
    expect(await approve(name, 2)).toMatchObject({
      status: 403,
      body: { detail: expect.stringContaining('with the scope admin') as string },
    });
    const admin = await createKey('admin');
    const counted = {
      status: 200,
      body: {
        revision: 1,
        pending: { revision: 2, required: 2, role: 'admin', approvals: [{ reason: 'agreed' }] },
      },
    };
    expect(await approve(name, 2, {}, { key: admin })).toMatchObject(counted);
    // The same person a second time is no second approval.
    expect(await approve(name, 2, {}, { key: admin })).toMatchObject(counted);
    expect((await shown(name)).body.revision).toBe(1);
    expect(await approve(name, 2, {}, { as: 'admin' })).toMatchObject({
      status: 200,
      body: { revision: 2, pending: null },
    });
  });

  test('is not loosened by the author alone, also not with selfApprove', async () => {
    const name = `strict-${++made}`;
    await put(name, twoAdmins);
    await put(name, approvals(0), undefined, { as: 'admin' });
    expect(await approve(name, 2, { selfApprove: true }, { as: 'admin' })).toMatchObject({
      status: 200,
      body: { revision: 1, pending: { approvals: [{ isAuthor: true }] } },
    });
  });
});

describe('a self-approved revision', () => {
  const selfApproved = async (): Promise<string> => {
    const name = await strict();
    await put(name, approvals(0), undefined, { as: 'admin' });
    const alone = { selfApprove: true, reason: 'the night shift' };
    expect(await approve(name, 2, alone, { as: 'admin' })).toMatchObject({ status: 200 });
    return name;
  };
  const shownToAll = async (name: string) => {
    const { body } = await world.call<{
      selfApproved: { lifecycle: string; by: string; expiresAt: string }[];
    }>('GET', '/overview/attention', { as: 'viewer' });
    return body.selfApproved.filter(({ lifecycle }) => lifecycle === name);
  };
  const endTime = (name: string) =>
    world.database.sql`
      update lifecycle_proposals set expires_at = now() - interval '1 minute' where lifecycle = ${name} and expires_at is not null`;

  test('is shown to everybody, and after a week the stricter one returns', async () => {
    const name = await selfApproved();
    const [shownOne] = await shownToAll(name);
    expect(shownOne).toMatchObject({ by: 'admin', revision: 2, reason: 'the night shift' });
    const days = (Date.parse(shownOne?.expiresAt ?? '') - Date.now()) / 86_400_000;
    expect(days).toBeGreaterThan(6.9);
    expect(days).toBeLessThan(7.1);
    expect(await world.registry.lifecycles.expireSelfApprovals()).toEqual([]);

    // A further revision on top does not keep it.
    expect(await put(name, { ...approvals(0), schedule: { cron: '0 3 * * *' } })).toMatchObject({
      status: 200,
      body: { revision: 3 },
    });
    await endTime(name);
    expect(await world.registry.lifecycles.expireSelfApprovals()).toEqual([
      { tenant, lifecycle: name, revision: 2 },
    ]);
    expect((await shown(name)).body).toMatchObject({
      revision: 1,
      spec: { promote: { approval: { required: 1 } } },
    });
    expect(await shownToAll(name)).toEqual([]);
    const { items } = await world.registry.audit.list({
      tenant,
      subject: `lifecycle:${name}`,
      pageSize: 1,
    });
    expect(items).toMatchObject([
      {
        action: 'lifecycle.expire',
        cause: expect.stringContaining('revision 1 is in force') as string,
      },
    ]);
    expect(await world.registry.lifecycles.expireSelfApprovals()).toEqual([]);
  });

  test('stays when another approver confirms it, whom its author cannot replace', async () => {
    const name = await selfApproved();
    expect(await approve(name, 2, {}, { as: 'admin' })).toMatchObject({ status: 403 });
    expect(await approve(name, 2)).toMatchObject({ status: 200, body: { revision: 2 } });
    expect(await shownToAll(name)).toEqual([]);
    await endTime(name);
    expect(await world.registry.lifecycles.expireSelfApprovals()).toEqual([]);
    expect((await shown(name)).body.revision).toBe(2);
  });
});

describe('the SQL of a lifecycle with approvals', () => {
  const withSql = (name: string, sql: string, required: number) => {
    const body = lifecycleBody(name, (text) => withStages(text, approvals(required)));
    const files = Object.fromEntries(
      Object.entries(body.files).map(([path, text]) => [
        path,
        path.endsWith('features.sql') ? `${text}\n-- ${sql}\n` : text,
      ]),
    );
    return { ...body, files };
  };

  test('changes when another person accepts it, who sees the lines', async () => {
    const name = await strict();
    const body = withSql(name, 'the label', 1);
    const plan = await world.call<{ lines: string[]; diffs: { path: string; lines: string[] }[] }>(
      'POST',
      `/lifecycles/${name}/plan`,
      { as: 'operator', body },
    );
    expect(plan.body.lines.join('\n')).toContain('this changes the rows that the gates judge');
    expect(plan.body.diffs).toMatchObject([
      {
        path: expect.stringMatching(/features\.sql$/) as string,
        lines: expect.arrayContaining(['+ -- the label']) as string[],
      },
    ]);
    const applied = await world.call('PUT', `/lifecycles/${name}`, { as: 'operator', body });
    expect(applied).toMatchObject({
      status: 202,
      body: { state: 'pending', loosenings: [{ what: 'spec.data.features' }] },
    });
    const { body: waiting } = await world.call<{
      pending: { diffs: { lines: string[] }[] };
    }>('GET', `/lifecycles/${name}`, { as: 'approver' });
    expect(waiting.pending.diffs[0]?.lines).toContain('+ -- the label');
    expect(await approve(name, 2)).toMatchObject({ status: 200, body: { revision: 2 } });
  });

  test('changes at once where no approval is required', async () => {
    const name = await strict(0);
    const body = withSql(name, 'a comment', 0);
    expect(await world.call('PUT', `/lifecycles/${name}`, { as: 'operator', body })).toMatchObject({
      status: 200,
      body: { state: 'inForce', revision: 2 },
    });
  });
});
