import { randomUUID } from 'node:crypto';
import { computeDigest } from '../../../../data/digest';
import type { RunId } from '../../../../domain/ids';
import type { GateSpec } from '../../../../domain/decision/gate-spec';
import { evidence, noWorse, useful } from '../../../support/evidence';
import { refTo, signature, tenant } from '../../../db/registry-fixture';
import type { ApiWorld } from '../support/api-world';
import { openApiWorld } from '../support/api-world';
import { judgedModels, type JudgedModels } from '../support/judged-models';

let world: ApiWorld;
let models: JudgedModels;
beforeAll(async () => {
  world = await openApiWorld();
  models = judgedModels(world);
});
afterAll(() => world.close());

const impossible: GateSpec = { ...useful, min: 0.99 } as GateSpec;
const model: JudgedModels['model'] = (...judgedBy) => models.model(...judgedBy);
const successor = async (name: string) => (await models.successor(name)).version;
const champion = (name: string) => models.champion(name);
const fetchEtag = (name: string) => models.fetchEtag(name);
const promote: JudgedModels['promote'] = (...given) => models.promote(...given);
/** Each version was trained and evaluated after the previous one had become champion. */
async function champions(count: number): Promise<string> {
  const name = await model();
  for (let version = 1; version <= count; version++)
    await promote(name, await successor(name), { etag: await fetchEtag(name) });
  return name;
}

describe('a promotion by hand', () => {
  test('moves the champion, with its decision, and returns the new ETag', async () => {
    const name = await model([useful]);
    const before = await champion(name);
    expect(before.body).toEqual({
      model: name,
      alias: 'champion',
      version: null,
      fencing: 0,
      movedAt: null,
    });
    const answer = await promote(name, 1, { etag: await fetchEtag(name) });
    expect(answer).toMatchObject({
      status: 200,
      body: { model: name, alias: 'champion', version: 1 },
    });
    expect(answer.headers.get('etag')).toBe(await fetchEtag(name));
    const { body } = await world.call<{ items: object[] }>('GET', `/models/${name}/history`);
    expect(body.items).toMatchObject([
      { kind: 'promote', from: null, to: 1, actor: 'approver', cause: 'by hand' },
    ]);
  });

  test('changes nothing without If-Match (428) or with a stale or foreign ETag (412)', async () => {
    const name = await model([useful]);
    expect(await promote(name, 1)).toMatchObject({
      status: 428,
      body: { code: 'PreconditionRequired' },
    });
    const stale = await fetchEtag(name);
    await promote(name, 1, { etag: stale });
    await successor(name);
    for (const etag of [stale, '"x"', '*', 'W/"1.1"', '"1.99"']) {
      expect(await promote(name, 2, { etag })).toMatchObject({
        status: 412,
        body: { code: 'PreconditionFailed' },
      });
    }
    expect((await champion(name)).body.version).toBe(1);
  });

  test('refuses a version without a passing decision', async () => {
    const name = await model([impossible], null);
    const etag = await fetchEtag(name);
    expect(await promote(name, 1, { etag })).toMatchObject({
      status: 409,
      body: { code: 'Conflict', errors: [{ detail: expect.stringContaining('failed') as string }] },
    });
    expect(await promote(name, 2, { etag })).toMatchObject({
      status: 409,
      body: { errors: [{ detail: expect.stringContaining('was not evaluated') as string }] },
    });
    expect(await promote(name, 7, { etag })).toMatchObject({ status: 404 });
    expect((await champion(name)).body.version).toBeNull();
  });

  test('succeeds once if ten are sent at the same time', async () => {
    const name = await champions(1);
    await successor(name);
    const etag = await fetchEtag(name);
    const answers = await Promise.all(
      Array.from({ length: 10 }, () =>
        promote(name, 2, { etag, headers: { 'idempotency-key': randomUUID() } }),
      ),
    );
    expect(answers.map(({ status }) => status).sort()).toEqual([
      200,
      ...Array.from({ length: 9 }, () => 412),
    ]);
    const { body } = await world.call<{ items: object[] }>('GET', `/models/${name}/history`);
    expect(body.items).toHaveLength(2);
  });

  test('of the champion itself, under its own ETag, changes nothing', async () => {
    const name = await model([useful]);
    await promote(name, 1, { etag: await fetchEtag(name) });
    const etag = await fetchEtag(name);
    const again = await promote(name, 1, { etag });
    expect(again.status).toBe(200);
    expect(again.headers.get('etag')).toBe(etag);
  });

  test('repeated under its key returns the first response, also after the champion has changed', async () => {
    const name = await model([useful]);
    const options = { etag: await fetchEtag(name), headers: { 'idempotency-key': randomUUID() } };
    const first = await promote(name, 1, options);
    expect((await promote(name, 1, options)).body).toEqual(first.body);
    await promote(name, await successor(name), { etag: await fetchEtag(name) });
    expect(await promote(name, 1, options)).toMatchObject({
      status: 200,
      body: { version: 1, fencing: first.body.fencing },
    });
    expect((await champion(name)).body.version).toBe(2);
    expect(await promote(name, 2, options)).toMatchObject({
      status: 422,
      body: { code: 'IdempotencyConflict' },
    });
  });
});

describe('a rollback', () => {
  test('makes the previous champion the champion again, once per key', async () => {
    const name = await champions(2);
    const headers = { 'idempotency-key': randomUUID() };
    const back = () =>
      world.call('POST', `/models/${name}/rollback`, {
        as: 'operator',
        headers,
        body: { reason: 'complaints' },
      });
    expect(await back()).toMatchObject({
      status: 200,
      body: { model: name, from: 2, to: 1, gateways: [] },
    });
    expect(await back()).toMatchObject({ status: 200, body: { from: 2, to: 1 } });
    expect((await champion(name)).body.version).toBe(1);
    const { body } = await world.call<{ items: object[] }>('GET', `/models/${name}/history`);
    expect(body.items[0]).toMatchObject({
      kind: 'rollback',
      from: 2,
      to: 1,
      cause: 'complaints',
      actor: 'operator',
    });
  });

  test('without a previous champion is a conflict with a clear message', async () => {
    const name = await model([useful]);
    expect(await world.call('POST', `/models/${name}/rollback`)).toMatchObject({
      status: 409,
      body: { next: `perennial model history ${name}` },
    });
    await promote(name, 1, { etag: await fetchEtag(name) });
    expect(await world.call('POST', `/models/${name}/rollback`, { body: { to: 1 } })).toMatchObject(
      { status: 409 },
    );
    expect(await world.call('POST', '/models/nosuch/rollback')).toMatchObject({ status: 404 });
    expect(await world.call('POST', `/models/${name}/rollback`, { body: { to: 0 } })).toMatchObject(
      { status: 422 },
    );
  });
});

describe('a model', () => {
  test('is listed, and shown with aliases, versions and URLs', async () => {
    const name = await model([useful], [useful]);
    await promote(name, 2, { etag: await fetchEtag(name) });
    const listed = await world.call<{ items: { name: string }[] }>('GET', '/models?pageSize=200', {
      as: 'viewer',
    });
    expect(listed.body.items).toContainEqual(
      expect.objectContaining({ name, versions: 2, champion: 2 }),
    );
    const { body } = await world.call('GET', `/models/${name}`, { as: 'viewer' });
    expect(body).toMatchObject({
      name,
      aliases: { champion: { version: 2 }, previous: null },
      versions: [
        { version: 2, status: 'promoted' },
        { version: 1, status: 'candidate' },
      ],
      inferUrl: `http://gateway.test/v2/models/${name}/infer`,
    });
    expect(await world.call('GET', `/models/${name}/versions?pageSize=1`)).toMatchObject({
      body: { items: [{ version: 2 }] },
    });
    expect(await world.call('GET', `/models/${name}/versions/1`)).toMatchObject({
      body: { version: 1, signature },
    });
  });

  test('shows the champion at a given time', async () => {
    const name = await champions(1);
    await new Promise((resolve) => setTimeout(resolve, 20));
    const between = new Date().toISOString();
    await new Promise((resolve) => setTimeout(resolve, 20));
    await promote(name, await successor(name), { etag: await fetchEtag(name) });
    const at = (time: string) =>
      world.call<{ items: { to: number }[] }>(
        'GET',
        `/models/${name}/history?at=${encodeURIComponent(time)}`,
      );
    expect((await at(between)).body.items[0]).toMatchObject({ to: 1 });
    expect((await at(new Date().toISOString())).body.items[0]).toMatchObject({ to: 2 });
    expect((await at('2020-01-01T00:00:00+02:00')).body.items).toEqual([]);
    expect(await at('yesterday')).toMatchObject({ status: 422 });
  });

  test('explains why its champion serves: run, evidence, policy, decision, moves', async () => {
    const name = await model([useful, noWorse]);
    expect(await world.call('GET', `/models/${name}/explain`)).toMatchObject({
      status: 404,
      body: { detail: `${name} has no champion to explain` },
    });
    await promote(name, 1, { etag: await fetchEtag(name) });
    const { status, body } = await world.call('GET', `/models/${name}/explain`, { as: 'viewer' });
    expect(status).toBe(200);
    expect(body).toMatchObject({
      model: name,
      version: 1,
      serves: true,
      run: { lifecycle: name },
      decisions: [
        {
          verdict: { kind: 'passed' },
          policyBody: { gates: [{ name: 'useful' }, { name: 'no-worse' }] },
          evidenceBody: { kind: 'evaluation' },
        },
      ],
      moves: [{ kind: 'promote', to: 1 }],
    });
    expect(body['run']).not.toHaveProperty('workflowId');
  });

  test('explains how many rows of each source met their contract', async () => {
    const name = await model();
    const { version, runId } = await models.successor(name, [useful]);
    const at = { tenant, runId, stage: 'validate', generation: 1 };
    const result = (source: string, quarantined: number) => ({
      report: {
        source,
        dataset: `${name}.${source}`,
        rows: 50,
        accepted: 50 - quarantined,
        quarantined,
        checks: [],
      },
      quarantine: null,
      verdict: { kind: 'passed', reasons: [] },
    });
    const contracts = { flights: result('flights', 3), weather: result('weather', 0) };
    const { stages } = world.registry;
    await stages.begin({ ...at, cacheKey: computeDigest(`${runId}/validate`), reuse: false });
    await stages.finish({ ...at, status: 'succeeded', output: { output: { contracts } } });
    await promote(name, version, { etag: await fetchEtag(name) });
    const expected = [
      { source: 'flights', dataset: `${name}.flights`, accepted: 47, quarantined: 3 },
      { source: 'weather', dataset: `${name}.weather`, accepted: 50, quarantined: 0 },
    ];
    expect(await world.call('GET', `/models/${name}/explain`, { as: 'viewer' })).toMatchObject({
      body: {
        stages: expect.arrayContaining([
          expect.objectContaining({
            name: 'validate',
            contracts: expected.map(
              (each) =>
                expect.objectContaining({ ...each, rows: 50, verdict: 'passed' }) as unknown,
            ),
          }),
        ]) as unknown,
      },
    });
  });

  test('names its voters, and reports objects that no longer match their digests', async () => {
    // A separate policy, because other tests must not read the changed one.
    const name = await model([{ ...useful, name: 'of-its-own' }]);
    const { runId } = (await world.registry.models.get({ tenant, model: name, version: 1 })) ?? {};
    await promote(name, 1, { etag: await fetchEtag(name) });
    const caller = await world.registry.apiKeys.verify(world.keys.approver);
    await world.database.sql`
      insert into approvals (tenant_id, id, run_id, model, version, vote, key_id, holder_id, key_name, scope, comment)
      values (${tenant}, 'apv_1', ${runId ?? ''}, ${name}, 1, 'approve', ${caller?.id ?? ''}, ${caller?.id ?? ''}, 'approver', 'approver', 'read it')`;
    const explain = async () =>
      (await world.call('GET', `/models/${name}/explain`, { as: 'viewer' })).body;
    const before = await explain();
    expect(before['approvals']).toMatchObject([
      {
        vote: 'approve',
        keyId: caller?.id,
        keyName: 'approver',
        scope: 'approver',
        comment: 'read it',
        runId,
      },
    ]);
    const outcomes = ({ digests }: Record<string, unknown>) =>
      (digests as { what: string; outcome: string }[]).map(
        ({ what, outcome }) => `${what.split(' ')[0] ?? ''} ${outcome}`,
      );
    expect(outcomes(before)).toContain('policy matches');
    expect(outcomes(before)).toContain('evidence matches');
    // As an attacker with all rights on the database could.
    await world.owner.sql.begin(async (tx) => {
      await tx`set local session_replication_role = replica`;
      await tx`update policies set body = '{"gates":[]}' where digest in (select policy from decisions where run_id = ${runId ?? ''})`;
    });
    expect(outcomes(await explain())).toContain('policy differs');
  });

  test('is promoted and explained by the decision of the run whose evaluation was reused', async () => {
    const name = await model([useful]);
    const { runId: first } =
      (await world.registry.models.get({ tenant, model: name, version: 1 })) ?? {};
    const [decision] = await world.registry.decisions.list({ tenant, runId: first as RunId });
    const { registry } = world;
    const stage = {
      tenant,
      stage: 'evaluate',
      generation: 1,
      cacheKey: computeDigest(first),
      reuse: true,
    };
    const { id: runId } = await world.accept(name);
    await registry.models.register({
      tenant,
      model: name,
      runId,
      manifest: refTo(`${runId}/0`),
      signature,
      idempotencyKey: runId,
    });
    expect(await registry.stages.begin({ ...stage, runId })).toMatchObject({
      kind: 'reused',
      fromRun: first,
    });
    expect(await promote(name, 2, { etag: await fetchEtag(name) })).toMatchObject({ status: 200 });
    expect(await world.call('GET', `/models/${name}/explain`, { as: 'viewer' })).toMatchObject({
      body: {
        version: 2,
        decisions: [{ id: decision?.id, runId: first, verdict: { kind: 'passed' } }],
      },
    });
  });

  test('compares versions side by side with the runs that made them', async () => {
    const name = await model([useful], [impossible]);
    const { status, body } = await world.call('GET', `/models/${name}/compare?versions=1,2`, {
      as: 'viewer',
    });
    expect(status).toBe(200);
    expect(body).toMatchObject({
      versions: [
        { version: 1, verdict: { kind: 'passed' } },
        { version: 2, verdict: { kind: 'failed' } },
      ],
      runs: { runs: [{ lifecycle: name }, { lifecycle: name }], differingParams: {} },
    });
    expect(await world.call('GET', `/models/${name}/compare?versions=1,9`)).toMatchObject({
      status: 404,
    });
    expect(await world.call('GET', `/models/${name}/compare?versions=1`)).toMatchObject({
      status: 422,
    });
  });
});

describe('a decision', () => {
  const createDecision = async (name: string): Promise<string> => {
    const { body } = await world.call<{ runId: RunId }>('GET', `/models/${name}/versions/1`);
    const [decision] = await world.registry.decisions.list({ tenant, runId: body.runId });
    return decision?.id ?? '';
  };

  test('is shown with its policy and evidence', async () => {
    const id = await createDecision(await model([useful]));
    const { body } = await world.call('GET', `/decisions/${id}`, { as: 'viewer' });
    expect(body).toMatchObject({
      id,
      stage: 'evaluate',
      verdict: { kind: 'passed' },
      policyBody: { gates: [useful] },
      evidenceBody: evidence(),
    });
  });

  test('can be evaluated under other gates, gate by gate, without storing anything', async () => {
    const id = await createDecision(await model([useful]));
    const ask = (gates: unknown) =>
      world.call('POST', '/policies/what-if', { as: 'viewer', body: { decision: id, gates } });
    const { status, body } = await ask([
      { name: 'strict', kind: 'threshold', metric: 'auc', min: 0.75 },
      { name: 'slices', kind: 'slice', maxIncrease: 0.03 },
    ]);
    expect(status).toBe(200);
    expect(body).toMatchObject({
      was: { kind: 'passed' },
      wouldBe: { kind: 'failed' },
      gates: [
        { gate: 'strict', kind: 'threshold', outcome: 'failed' },
        { gate: 'slices', kind: 'slice', outcome: 'passed' },
        { gate: 'holdout', kind: 'policy', outcome: 'passed' },
      ],
    });
    expect(await ask([{ name: 'a', kind: 'treshold', metric: 'auc', min: 1 }])).toMatchObject({
      status: 422,
      body: { errors: [{ pointer: '/gates/0/kind', didYouMean: 'threshold' }] },
    });
    expect(await ask([])).toMatchObject({ status: 422 });
  });
});
