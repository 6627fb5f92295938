import type { Ballot } from '../../../domain/run/ballot';
import { withActingKey } from '../../../db/acting-key';
import type { CommandOrder, CommandVerb } from '../../../domain/command';
import type { ModelLifecycleSpec } from '../../../domain/lifecycle/lifecycle';
import type { ApiKeyScope } from '../../../db/access/repository';
import {
  toDigest,
  openTestRegistry,
  refTo,
  signature,
  spec,
  tenant,
  unique,
  type TestRegistry,
} from '../registry-fixture';

let test_: TestRegistry;
beforeAll(async () => {
  test_ = await openTestRegistry();
});
afterAll(() => test_.close());

const createKey = (scope: ApiKeyScope, name = unique(scope)) =>
  test_.registry.apiKeys.create({ tenant, name, scope, actor: 'test' });

const order = (
  verb: CommandVerb,
  keyId: string,
  change: Partial<CommandOrder> = {},
): CommandOrder => ({
  tenant,
  workflowId: 'run/default/a/run_1',
  verb,
  id: unique('command'),
  keyId,
  at: new Date().toISOString(),
  ...change,
});

type Waiting = Ballot & { readonly version: number };

/** A run that this key started, with a candidate. */
async function waiting(
  starter: string | null,
  approval: object = {},
  more: object = {},
): Promise<Waiting> {
  const { registry } = test_;
  const model = unique('model');
  const digest = toDigest(model);
  const rule = { required: 2, role: 'approver', timeoutSeconds: 60, ...approval };
  const promoting = {
    ...spec,
    name: model,
    promote: { approval: rule },
    ...more,
  } as unknown as ModelLifecycleSpec;
  await registry.lifecycles.apply({
    tenant,
    revision: {
      lifecycle: model,
      digest,
      spec: promoting,
      files: { 'a.sql': refTo('a') },
      contracts: {},
    },
    actor: 'test',
  });
  const accept = () =>
    registry.runs.accept({
      tenant,
      lifecycle: model,
      revisionDigest: digest,
      request: {},
      actor: 'x',
      traceId: 't',
      requestDigest: digest,
    });
  const { run } = await (starter === null ? accept() : withActingKey(starter, accept));
  await registry.models.register({
    tenant,
    model,
    runId: run.id,
    manifest: refTo(model),
    signature,
    idempotencyKey: unique('key'),
  });
  return { runId: run.id, model, version: 1, stage: 'promote', role: null };
}

const vote = (
  keyId: string,
  on: Waiting,
  verb: 'run.approve' | 'run.reject' = 'run.approve',
  change: Partial<CommandOrder> = {},
) =>
  test_.registry.commands.admit({
    order: order(verb, keyId, change),
    delivery: unique('delivery'),
    vote: on,
  });

describe('votes', () => {
  test('are counted by key holder: neither a second vote nor a rotated key adds one', async () => {
    const on = await waiting(null);
    const [ada, bob] = [await createKey('approver'), await createKey('admin')];
    expect(await vote(ada.id, on, 'run.approve', { reason: 'looks right' })).toMatchObject({
      kind: 'admitted',
      by: { keyId: ada.id },
    });
    await vote(ada.id, on);
    const rotated = await test_.registry.apiKeys.rotate({
      tenant,
      id: ada.id,
      actor: 'test',
      overlapSeconds: 60,
    });
    expect(await vote(rotated.id, on)).toMatchObject({
      kind: 'admitted',
      by: { keyId: rotated.id, holderId: ada.id },
    });
    const counted = await test_.registry.approvals.ofRun({ tenant, runId: on.runId });
    expect(counted).toMatchObject([
      { vote: 'approve', keyId: ada.id, holderId: ada.id, comment: 'looks right', version: 1 },
    ]);
    await vote(bob.id, on);
    expect(
      (await test_.registry.approvals.ofVersion({ tenant, ...on })).map(({ holderId }) => holderId),
    ).toEqual([ada.id, bob.id]);
  });

  test('of a person who triggered or backfilled the schedule of the run are refused', async () => {
    const { registry } = test_;
    const [ann, bob, eve] = [
      await createKey('approver'),
      await createKey('approver'),
      await createKey('admin'),
    ];
    const on = await waiting(null);
    const scheduled = async (at: Date) => {
      const run = await registry.runs.open({
        tenant,
        workflowId: `run/${tenant}/${on.model}/scheduled-${at.toISOString().slice(0, 19)}Z`,
        lifecycle: on.model,
        request: { reason: 'scheduled' },
        actor: 'schedule',
        traceId: 't',
      });
      return { ...on, runId: run.id };
    };
    const request = (
      key: { readonly id: string },
      action: 'trigger' | 'backfill',
      after?: object,
    ) =>
      withActingKey(key.id, () =>
        registry.lifecycles.auditSchedule({
          tenant,
          name: on.model,
          action,
          actor: 'x',
          cause: 'now',
          ...(after && { after }),
        }),
      );
    await request(ann, 'trigger');
    const hour = 3_600_000;
    const past = new Date(Date.now() - 24 * hour);
    const from = new Date(past.getTime() - hour).toISOString();
    await request(bob, 'backfill', { from, to: new Date(past.getTime() + hour).toISOString() });
    const triggered = await scheduled(new Date());
    const backfilled = await scheduled(past);
    const asked = async (key: { readonly id: string }, at: Waiting) =>
      (await vote(key.id, at)).kind;
    expect(await asked(ann, triggered)).toBe('refused');
    expect(await asked(bob, triggered)).toBe('admitted');
    expect(await asked(bob, backfilled)).toBe('refused');
    expect(await asked(ann, backfilled)).toBe('admitted');
    expect(await asked(eve, triggered)).toBe('admitted');
    const again = await registry.apiKeys.rotate({
      tenant,
      id: ann.id,
      actor: 'test',
      overlapSeconds: 60,
    });
    expect(await asked(again, triggered)).toBe('refused');
  });

  test('of the key that started the run are refused, also after a rotation, unless the policy allows them', async () => {
    const ada = await createKey('admin');
    const on = await waiting(ada.id);
    expect(await vote(ada.id, on)).toMatchObject({
      kind: 'refused',
      type: 'Forbidden',
      message: expect.stringContaining(`started ${on.runId} and may not vote on it`) as string,
      next: expect.stringMatching(
        /^perennial key create <name> --scope approver, .*; or set promote\.approval\.allowStarter: true$/,
      ) as string,
    });
    const withoutModel = { kind: 'DataLifecycle', approval: { allowStarter: false } };
    expect(await vote(ada.id, await waiting(ada.id, {}, withoutModel))).toMatchObject({
      kind: 'refused',
      next: expect.stringMatching(/; or set approval\.allowStarter: true$/) as string,
    });
    const rotated = await test_.registry.apiKeys.rotate({
      tenant,
      id: ada.id,
      actor: 'test',
      overlapSeconds: 60,
    });
    expect(await vote(rotated.id, on)).toMatchObject({ kind: 'refused', type: 'Forbidden' });
    expect(await vote(rotated.id, await waiting(rotated.id, { allowStarter: true }))).toMatchObject(
      { kind: 'admitted' },
    );
    expect(await test_.registry.approvals.ofRun({ tenant, runId: on.runId })).toEqual([]);
  });

  test('that were counted return the first response again, even if the key was revoked since', async () => {
    const on = await waiting(null);
    const ada = await createKey('approver');
    const given = { order: order('run.approve', ada.id), delivery: unique('delivery'), vote: on };
    const first = await test_.registry.commands.admit(given);
    expect(first).toMatchObject({ kind: 'admitted' });
    await test_.registry.apiKeys.revoke({ tenant, id: ada.id, actor: 'test' });
    expect(await test_.registry.commands.admit(given)).toEqual(first);
    expect(await vote(ada.id, on)).toMatchObject({ kind: 'refused' });
  });

  test('that were counted can be looked up by their delivery, and no others', async () => {
    const ada = await createKey('approver');
    const given = {
      order: order('run.approve', ada.id),
      delivery: unique('delivery'),
      vote: await waiting(null),
    };
    expect(await test_.registry.commands.earlier(given)).toBeNull();
    const first = await test_.registry.commands.admit(given);
    expect(await test_.registry.commands.earlier(given)).toEqual(first);
    expect(
      await test_.registry.commands.earlier({ ...given, delivery: unique('delivery') }),
    ).toMatchObject({ kind: 'refused' });
  });

  test('of a run that a schedule started are refused from the key that applied the revision', async () => {
    const [author, other] = [await createKey('admin'), await createKey('approver')];
    const model = unique('scheduled');
    const promoting = {
      ...spec,
      name: model,
      promote: { approval: { required: 1, role: 'approver', timeoutSeconds: 60 } },
    };
    await withActingKey(author.id, () =>
      test_.registry.lifecycles.apply({
        tenant,
        revision: {
          lifecycle: model,
          digest: toDigest(model),
          spec: promoting as unknown as ModelLifecycleSpec,
          files: {},
          contracts: {},
        },
        actor: 'author',
      }),
    );
    const workflowId = `run/default/${model}/scheduled-2026`;
    const run = await test_.registry.runs.open({
      tenant,
      workflowId,
      lifecycle: model,
      request: {},
      actor: 'schedule',
      traceId: 't',
    });
    expect(run.starterKeyId).toBe(author.id);
    const manifest = refTo(model);
    await test_.registry.models.register({
      tenant,
      model,
      runId: run.id,
      manifest,
      signature,
      idempotencyKey: unique('key'),
    });
    const on = { runId: run.id, model, version: 1, stage: 'promote', role: null };
    expect(await vote(author.id, on)).toMatchObject({ kind: 'refused', type: 'Forbidden' });
    expect(await vote(other.id, on)).toMatchObject({ kind: 'admitted' });
  });

  test.each([
    ['an operator', 'operator', {}],
    ['an approver where an admin is asked for', 'approver', { role: 'admin' }],
  ] as const)('of %s are refused', async (_, scope, approval) => {
    const { id } = await createKey(scope);
    expect(await vote(id, await waiting(null, approval))).toMatchObject({
      kind: 'refused',
      type: 'Forbidden',
    });
  });

  test('of unknown, revoked or expired keys are refused', async () => {
    const on = await waiting(null);
    const [revoked, expired] = [await createKey('admin'), await createKey('admin')];
    await test_.registry.apiKeys.revoke({ tenant, id: revoked.id, actor: 'test' });
    await test_.database.sql`update api_keys set expires_at = now() where id = ${expired.id}`;
    for (const id of ['alice', revoked.id, expired.id]) {
      expect(await vote(id, on)).toMatchObject({
        kind: 'refused',
        type: 'Forbidden',
        message: expect.stringContaining(id) as string,
      });
    }
  });

  test('cannot be rewritten or removed', async () => {
    const on = await waiting(null);
    await vote((await createKey('approver')).id, on);
    await expect(test_.owner.sql`update approvals set key_name = 'eve'`).rejects.toThrow(
      /append-only/,
    );
    await expect(test_.owner.sql`delete from approvals`).rejects.toThrow(/append-only/);
  });
});

describe('a command', () => {
  test('is audited once with its key; a repeated delivery gets the first answer, and a replay is refused', async () => {
    const { id: keyId } = await createKey('operator');
    const workflowId = `run/default/a/${unique('run_')}`.replace('run_-', 'run_');
    const pause = order('run.pause', keyId, { workflowId, reason: 'freeze' });
    const admit = (delivery: string, change: object = {}) =>
      test_.registry.commands.admit({ order: { ...pause, ...change }, delivery, vote: null });
    expect(await admit('first')).toMatchObject({ kind: 'admitted' });
    expect(await admit('first')).toMatchObject({ kind: 'admitted' });
    expect(await admit('second')).toMatchObject({ kind: 'refused', type: 'Conflict' });
    expect(await admit('first', { workflowId: 'run/default/a/run_other' })).toMatchObject({
      kind: 'refused',
      type: 'Conflict',
    });
    const subject = `run:${workflowId.split('/').at(-1) ?? ''}`;
    const { items } = await test_.registry.audit.list({ tenant, subject, pageSize: 10 });
    expect(items).toMatchObject([{ action: 'run.pause', keyId, cause: 'freeze' }]);
    expect(items).toHaveLength(1);
  });

  test('needs the scope of its verb', async () => {
    const { id } = await createKey('viewer');
    const answer = await test_.registry.commands.admit({
      order: order('rollout.abort', id),
      delivery: 'x',
      vote: null,
    });
    expect(answer).toMatchObject({
      kind: 'refused',
      type: 'Forbidden',
      message: expect.stringContaining('scope operator') as string,
    });
  });

  test('that is refused leaves at most one row per minute', async () => {
    const subject = unique('workflow:');
    const denied = {
      tenant,
      actor: 'unknown',
      action: 'command.refused',
      subject,
      cause: 'not signed',
    };
    for (let n = 0; n < 5; n += 1) await test_.registry.commands.auditDenied(denied);
    expect((await test_.registry.audit.list({ tenant, subject, pageSize: 10 })).items).toHaveLength(
      1,
    );
  });
});
