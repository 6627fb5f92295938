import type { RunId } from '../../../domain/ids';
import {
  openTestRegistry,
  refTo,
  registerVersions,
  signature,
  startRun,
  tenant,
  unique,
  type TestRegistry,
} from '../registry-fixture';

describe('models', () => {
  let test_: TestRegistry;
  let runId: RunId;
  let model: string;
  beforeAll(async () => {
    test_ = await openTestRegistry({ maxConnections: 20 });
    runId = await startRun(test_.registry);
  });
  afterAll(() => test_.close());
  beforeEach(() => {
    model = unique('model');
  });

  const register = (content: string, idempotencyKey = unique('key')) =>
    test_.registry.models.register({
      tenant,
      model,
      runId,
      manifest: refTo(content),
      signature,
      metrics: { auc: 0.7 },
      idempotencyKey,
    });
  const setStatus = (version: number, status: 'rejected' | 'withdrawn') =>
    test_.registry.models.setStatus({ tenant, model, version, status, cause: 'test' });

  test('registered by many at once, versions are numbered without gaps', async () => {
    const made = await Promise.all(Array.from({ length: 15 }, (_, n) => register(`m${n}`)));
    expect(made.map(({ version }) => version).sort((a, b) => a - b)).toEqual(
      Array.from({ length: 15 }, (_, n) => n + 1),
    );
  });

  test('a key makes one version, also for concurrent registrations', async () => {
    const made = await Promise.all(Array.from({ length: 8 }, () => register('m', `${model}/key`)));
    expect(made).toEqual(
      Array.from({ length: 8 }, () => ({ model, version: 1, manifest: refTo('m') })),
    );
    await expect(register('other', `${model}/key`)).rejects.toMatchObject({
      type: 'IdempotencyConflict',
    });
    expect(await register('m')).toMatchObject({ version: 2 });
  });

  test('a version is a candidate until its decision', async () => {
    await register('m');
    expect(await test_.registry.models.get({ tenant, model, version: 1 })).toMatchObject({
      status: 'candidate',
      signature,
      metrics: { auc: 0.7 },
      runId,
    });
    expect(await setStatus(1, 'rejected')).toMatchObject({ status: 'rejected' });
    expect(await setStatus(1, 'rejected')).toMatchObject({ status: 'rejected' });
    expect(await setStatus(1, 'withdrawn')).toMatchObject({ status: 'withdrawn' });
    await expect(setStatus(9, 'rejected')).rejects.toMatchObject({ type: 'NotFound' });
    const { items } = await test_.registry.audit.list({
      tenant,
      subject: `model:${model}@1`,
      action: 'model.setStatus',
      pageSize: 5,
    });
    expect(items).toMatchObject([
      { before: { status: 'rejected' }, after: { status: 'withdrawn' } },
      { before: { status: 'candidate' } },
    ]);
  });

  test('of an unknown run are refused', async () => {
    const unknown = test_.registry.models.register({
      tenant,
      model,
      runId: 'run_none' as RunId,
      manifest: refTo('m'),
      signature,
      idempotencyKey: unique('key'),
    });
    await expect(unknown).rejects.toMatchObject({
      type: 'NotFound',
      message: expect.stringContaining('run_none') as string,
    });
    expect(await test_.registry.models.versions({ tenant, model, pageSize: 5 })).toEqual({
      items: [],
      nextPageToken: null,
    });
  });

  test('are listed with their champion', async () => {
    await registerVersions(test_.registry, model, 2);
    const move = {
      tenant,
      model,
      version: 2,
      expectedChampion: { version: null, fencing: 0 },
      decisionId: null,
      runId,
      actor: 'a',
      cause: 'c',
    };
    await test_.registry.aliases.promote({ ...move, idempotencyKey: unique('key') });
    const { items } = await test_.registry.models.list({ tenant, pageSize: 1000 });
    expect(items.find(({ name }) => name === model)).toMatchObject({ versions: 2, champion: 2 });
  });
});
