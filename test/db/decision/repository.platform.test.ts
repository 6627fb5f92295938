import type { RunId } from '../../../domain/ids';
import { computeDigest } from '../../../db/document';
import { openTestRegistry, startRun, tenant, unique, type TestRegistry } from '../registry-fixture';

describe('decisions', () => {
  let test_: TestRegistry;
  let runId: RunId;
  beforeAll(async () => {
    test_ = await openTestRegistry();
    runId = await startRun(test_.registry);
  });
  afterAll(() => test_.close());

  const policy = { gates: [{ name: 'useful', min: 0.62 }] };
  const evidence = { metrics: { auc: 0.71, note: 'a\u0000b', tiny: 1e-7, list: [1.5, -0, 1e21] } };
  const put = (kind: 'evidence' | 'policy', body: unknown) =>
    test_.registry.evidence.put({ tenant, kind, digest: computeDigest(body), body });
  const record = (over: object = {}) =>
    test_.registry.decisions.record({
      tenant,
      runId,
      stage: 'evaluate',
      policy: computeDigest(policy),
      evidence: computeDigest(evidence),
      verdict: {
        kind: 'passed',
        reasons: [{ gate: 'useful', code: 'above', message: 'AUC 0.71' }],
      },
      idempotencyKey: unique('key'),
      ...over,
    });

  test('need a stored policy and evidence, and the error names what is missing', async () => {
    await expect(record()).rejects.toMatchObject({
      type: 'NotFound',
      message: expect.stringMatching(/^policy/) as string,
    });
    await put('policy', policy);
    await expect(record()).rejects.toMatchObject({
      type: 'NotFound',
      message: expect.stringMatching(/^evidence/) as string,
    });
    await put('evidence', evidence);
    const decision = await record();
    expect(await test_.registry.decisions.get({ tenant, id: decision.id })).toMatchObject({
      ...decision,
      runId,
      stage: 'evaluate',
    });
    expect(await test_.registry.decisions.list({ tenant, runId })).toHaveLength(1);
    expect(await test_.registry.decisions.get({ tenant, id: 'dec_none' })).toBeNull();
  });

  test('are made once per key', async () => {
    await put('policy', policy);
    await put('evidence', evidence);
    const first = await record({ idempotencyKey: 'once' });
    expect(await record({ idempotencyKey: 'once' })).toEqual(first);
    await expect(record({ idempotencyKey: 'once', stage: 'canary' })).rejects.toMatchObject({
      type: 'IdempotencyConflict',
    });
  });

  test('notify webhooks with their outcome, once per key', async () => {
    await put('policy', policy);
    await put('evidence', evidence);
    const told = ['ann', 'bob'].map((name) => ({ kind: 'one.judged', data: { name } }));
    await record({ idempotencyKey: 'told', told });
    await record({ idempotencyKey: 'told', told });
    const events = await test_.registry.events.list({ tenant, runId, afterSeq: 0, limit: 100 });
    expect(events.filter(({ kind }) => kind === 'one.judged')).toMatchObject(
      told.map((each) => ({ ...each, stage: 'evaluate' })),
    );
  });

  test('evidence is returned with its digest, and cannot be replaced or changed', async () => {
    await put('evidence', evidence);
    await put('evidence', evidence);
    const body = await test_.registry.evidence.get({
      tenant,
      kind: 'evidence',
      digest: computeDigest(evidence),
    });
    expect(computeDigest(body)).toBe(computeDigest(evidence));
    expect(
      await test_.registry.evidence.get({
        tenant,
        kind: 'policy',
        digest: computeDigest(evidence),
      }),
    ).toBeNull();
    const forged = test_.registry.evidence.put({
      tenant,
      kind: 'evidence',
      digest: computeDigest(policy),
      body: evidence,
    });
    await expect(forged).rejects.toMatchObject({ type: 'InvalidInput' });
    await expect(test_.owner.sql`update evidence set body = '{}'`).rejects.toThrow(/append-only/);
    await expect(test_.owner.sql`delete from decisions`).rejects.toThrow(/append-only/);
  });
});
