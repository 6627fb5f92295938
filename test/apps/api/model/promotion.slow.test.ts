/**
 * No promotion without a decision: the requirements of a promotion by hand, and who may override
 * them.
 */
import type { RolloutId, RunId } from '../../../../domain/ids';
import { canary, openRollout } from '../../../db/rollout/fixture';
import { tenant } from '../../../db/registry-fixture';
import type { ApiWorld, CallOptions } from '../support/api-world';
import { openApiWorld } from '../support/api-world';
import { judgedModels, type JudgedModels } from '../support/judged-models';

let world: ApiWorld;
let models: JudgedModels;
beforeAll(async () => {
  world = await openApiWorld();
  models = judgedModels(world);
});
afterAll(() => world.close());

interface Refusal {
  readonly status: number;
  readonly body: {
    readonly errors?: readonly { readonly pointer: string; readonly detail: string }[];
    readonly next?: string;
  };
}

const canaryParts = { steps: [0, 25], quality: { metric: 'logloss', margin: 0.01 } };
const hook = { webhook: 'https://hooks.example/in', secret: { env: 'PERENNIAL_SECRET_HOOK' } };
const promote = async (name: string, version: number, options: CallOptions = {}) =>
  models.promote(name, version, { etag: await models.fetchEtag(name), ...options });
const unmet = async (name: string, version: number, options: CallOptions = {}) => {
  const { status, body } = (await promote(name, version, options)) as unknown as Refusal;
  return status === 409 ? (body.errors ?? []).map(({ pointer }) => pointer.slice(1)) : status;
};
const fetchChampion = async (name: string) => (await models.champion(name)).body.version;
const overriding = (version: number, more: object = {}) => ({
  body: { version, reason: 'outage', override: { reason: 'an outage', ...more } },
});

/** A model with a champion and a successor that passed its gates, with these parts in its spec. */
async function championAndSuccessor(parts: Parameters<JudgedModels['applied']>[0] = {}) {
  const name = await models.applied(parts);
  const first = await models.successor(name);
  await promote(name, first.version);
  expect(await fetchChampion(name)).toBe(1);
  const second = await models.successor(name);
  return { name, ...second };
}

async function openCanary(
  name: string,
  runId: RunId,
  challenger: number,
  spec = canary,
): Promise<RolloutId> {
  const { champion } = await world.registry.aliases.get({ tenant, model: name });
  if (!champion) throw new Error('no champion');
  const opened = await openRollout(world.registry, {
    model: name,
    runId,
    champion,
    challenger,
    spec,
  });
  if (opened.kind !== 'opened') throw new Error(opened.kind);
  return opened.rollout.id;
}

const startedBy = (name: string, runId: RunId) => world.database.sql`
  update runs set actor = ${name}, starter_key_id = (select id from api_keys where name = ${name} order by id limit 1) where id = ${runId}`;

const by = { actor: 'a', cause: 'c' };
const end = (
  id: RolloutId,
  status: 'aborted' | 'rolledBack',
  decisionId: Parameters<typeof world.registry.rollouts.end>[0]['decisionId'] = null,
) => world.registry.rollouts.end({ tenant, id, status, verdict: null, decisionId, ...by });

describe('a version whose canary', () => {
  test('never began, is running, was aborted, expired or found harm is refused with the next step', async () => {
    const { name, version, runId } = await championAndSuccessor({ canary: canaryParts });
    expect(await unmet(name, version)).toEqual(['canary.missing']);
    const id = await openCanary(name, runId, version);
    const running = (await promote(name, version)) as unknown as Refusal;
    expect(running.body.errors?.map(({ pointer }) => pointer)).toEqual(['/canary.open']);
    expect(running.body.next).toMatch(/^perennial rollout show .*--override/);
    await end(id, 'aborted');
    expect(await unmet(name, version)).toEqual(['canary.notPassed']);

    for (const kind of ['inconclusive', 'failed'] as const) {
      const next = await models.successor(name);
      await end(
        await openCanary(name, next.runId, next.version),
        'rolledBack',
        await models.decideCanary(next.runId, kind),
      );
      expect(await unmet(name, next.version)).toEqual(['canary.notPassed']);
    }
    expect(await fetchChampion(name)).toBe(1);
  });

  test('passed against the current champion is promoted with its decision', async () => {
    const { name, version, runId } = await championAndSuccessor({ canary: canaryParts });
    const id = await openCanary(name, runId, version);
    const decisionId = await models.decideCanary(runId, 'passed');
    await world.registry.rollouts.setStatus({
      tenant,
      id,
      status: 'passed',
      waitingFor: null,
      decisionId,
      ...by,
    });
    expect(await unmet(name, version)).toBe(200);
    const { body } = await world.call<{ items: object[] }>('GET', `/models/${name}/history`);
    expect(body.items[0]).toMatchObject({ to: version, decisionId, override: null });
    expect((await world.registry.rollouts.get({ tenant, id }))?.status).toBe('promoted');
  });

  test('is an A/B rollout, of its run or another one, must have chosen it', async () => {
    const { name, version } = await championAndSuccessor({ canary: canaryParts });
    const latest = await models.successor(name);
    const spec = { ...canary, method: 'ab' as const, steps: [50], against: [version] };
    const id = await openCanary(name, latest.runId, latest.version, spec);
    expect(await unmet(name, version)).toEqual(['canary.missing']);
    const decisionId = await models.decideCanary(latest.runId, 'passed');
    const passed = { status: 'passed', waitingFor: null, decisionId, winner: version } as const;
    await world.registry.rollouts.setStatus({ tenant, id, ...passed, ...by });
    const lost = (await promote(name, latest.version)) as unknown as Refusal;
    expect(lost.body.errors).toMatchObject([
      { detail: expect.stringContaining(`chose ${name}@${version}`) as string },
    ]);
    expect(await unmet(name, version)).toBe(200);
    const { body } = await world.call<{ items: object[] }>('GET', `/models/${name}/history`);
    expect(body.items[0]).toMatchObject({ to: version, decisionId, override: null });
    expect((await world.registry.rollouts.get({ tenant, id }))?.status).toBe('promoted');
  });

  test('ends during a promotion is promoted or aborted, but never both', async () => {
    for (let round = 0; round < 8; round++) {
      const { name, version, runId } = await championAndSuccessor({ canary: canaryParts });
      const id = await openCanary(name, runId, version);
      const decisionId = await models.decideCanary(runId, 'passed');
      await world.registry.rollouts.setStatus({
        tenant,
        id,
        status: 'passed',
        waitingFor: null,
        decisionId,
        ...by,
      });
      const etag = await models.fetchEtag(name);
      await Promise.all([models.promote(name, version, { etag }), end(id, 'aborted')]);
      const ended = await world.registry.rollouts.get({ tenant, id });
      expect([ended?.status, await fetchChampion(name)]).toEqual(
        ended?.status === 'aborted' ? ['aborted', 1] : ['promoted', version],
      );
    }
  });
});

describe('a version that was compared with a former champion', () => {
  test('is refused, and rolling back to it is not a promotion', async () => {
    const { name, version } = await championAndSuccessor();
    const rival = await models.successor(name);
    await promote(name, rival.version);
    expect(await unmet(name, version)).toEqual(['evaluation.otherChampion']);
    // It was never a champion.
    const back = await world.call('POST', `/models/${name}/rollback`, {
      as: 'operator',
      body: { to: version },
    });
    expect(back).toMatchObject({
      status: 409,
      body: { detail: expect.stringContaining('was never a champion') as string },
    });
    expect(
      await world.call('POST', `/models/${name}/rollback`, { as: 'operator', body: { to: 1 } }),
    ).toMatchObject({ status: 200 });
  });
});

describe('a version that needs approvals', () => {
  test('gets only the approval of the person who promotes it', async () => {
    const three = await models.applied({ promote: { approval: { required: 3 } } });
    const { version } = await models.successor(three);
    const { body } = (await promote(three, version)) as unknown as Refusal;
    expect(body.errors?.map(({ detail }) => detail)[0]).toMatch(
      /^3 approvals are required .*, 1 given; perennial run approve/,
    );
    const one = await models.applied({ promote: { approval: { required: 1 } } });
    expect(await unmet(one, (await models.successor(one)).version)).toBe(200);
  });

  test('counts the people who approved, each once, whatever keys they use', async () => {
    const name = await models.applied({ promote: { approval: { required: 3 } } });
    const { version, runId } = await models.successor(name);
    const approve = async (holder: string) => {
      const { id } = await world.registry.apiKeys.create({
        tenant,
        name: `${holder}-${runId}`,
        scope: 'approver',
        actor: 'test',
      });
      await world.database.sql`
        insert into approvals (tenant_id, id, run_id, model, version, vote, key_id, holder_id, key_name, scope)
        values (${tenant}, ${`apv_${id}`}, ${runId}, ${name}, ${version}, 'approve', ${id}, ${id}, ${holder}, 'approver')`;
      return id;
    };
    await approve('ann');
    expect(await unmet(name, version)).toEqual(['approval.missing']);
    const bob = await approve('bob');
    // The key that bob's key was rotated into is bob's.
    const { key } = await world.registry.apiKeys.rotate({
      tenant,
      id: bob,
      actor: 'test',
      overlapSeconds: 60,
    });
    expect(await unmet(name, version, { key })).toEqual(['approval.missing']);
    expect(await unmet(name, version)).toBe(200);
  });

  test('is not promoted by the person who started its run', async () => {
    const name = await models.applied({ promote: { approval: { required: 1 } } });
    const { version, runId } = await models.successor(name);
    await startedBy('approver', runId);
    expect(await unmet(name, version)).toEqual(['approval.missing']);
    expect(await unmet(name, version, { as: 'admin' })).toBe(200);
  });
});

describe('an override', () => {
  test('promotes, and history, explanation, audit and webhooks show its reason and the unmet requirements', async () => {
    const { name, version, runId } = await championAndSuccessor({
      canary: canaryParts,
      notify: [hook],
    });
    await end(await openCanary(name, runId, version), 'aborted');
    expect(await unmet(name, version, overriding(version))).toBe(200);
    const override = {
      reason: 'an outage',
      unmet: [{ code: 'canary.notPassed' }],
      selfApproved: false,
    };
    const history = await world.call<{ items: object[] }>('GET', `/models/${name}/history`);
    expect(history.body.items[0]).toMatchObject({ to: version, actor: 'approver', override });
    expect(await world.call('GET', `/models/${name}/explain`)).toMatchObject({
      body: { moves: [{ to: version, override }] },
    });
    const { items } = await world.registry.audit.list({
      tenant,
      action: 'alias.override',
      subject: `model:${name}`,
      pageSize: 5,
    });
    expect(items).toMatchObject([
      {
        actor: 'approver',
        cause: 'an outage',
        after: { champion: version, unmet: override.unmet },
      },
    ]);
    const deliveries = await world.database.sql<{ data: object }[]>`
      select data from webhook_deliveries where lifecycle = ${name} and event = 'model.promotion_overridden'`;
    expect(deliveries).toMatchObject([
      { data: { to: version, actor: 'approver', reason: 'an outage', unmet: override.unmet } },
    ]);
  });

  test('needs an approver who did not start the run, or an admin who requests it explicitly', async () => {
    const { name, version, runId } = await championAndSuccessor({ canary: canaryParts });
    expect(await unmet(name, version, { as: 'operator', ...overriding(version) })).toBe(403);
    await startedBy('admin', runId);
    expect(await promote(name, version, { as: 'admin', ...overriding(version) })).toMatchObject({
      status: 403,
      body: {
        detail: expect.stringContaining(`admin started ${runId}`) as string,
        next: expect.stringContaining('--self-approve') as string,
      },
    });
    expect(await fetchChampion(name)).toBe(1);
    expect(
      await unmet(name, version, { as: 'admin', ...overriding(version, { selfApprove: true }) }),
    ).toBe(200);
    const { body } = await world.call<{ items: object[] }>('GET', `/models/${name}/history`);
    expect(body.items[0]).toMatchObject({ override: { selfApproved: true } });
  });

  test('is recorded as a normal promotion if all requirements are met', async () => {
    const { name, version } = await championAndSuccessor();
    expect(await unmet(name, version, overriding(version))).toBe(200);
    const { body } = await world.call<{ items: object[] }>('GET', `/models/${name}/history`);
    expect(body.items[0]).toMatchObject({ to: version, override: null });
  });

  test('promotes a rejected version, but not a withdrawn one', async () => {
    const { name, version } = await championAndSuccessor();
    await world.registry.models.setStatus({
      tenant,
      model: name,
      version,
      status: 'rejected',
      cause: 'a gate',
    });
    expect(await unmet(name, version)).toEqual(['status']);
    expect(await unmet(name, version, overriding(version))).toBe(200);
    const undone = await models.successor(name);
    await world.registry.models.setStatus({
      tenant,
      model: name,
      version: undone.version,
      status: 'withdrawn',
      cause: 'undo',
    });
    expect(await unmet(name, undone.version, overriding(undone.version))).toEqual([]);
    expect(await fetchChampion(name)).toBe(version);
  });
});
