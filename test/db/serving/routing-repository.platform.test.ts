import { rollbackReadySeconds } from '../../../db/serving/routing-repository';
import {
  openTestRegistry,
  refTo,
  registerVersions,
  tenant,
  unique,
  type TestRegistry,
} from '../registry-fixture';
import { promoteOver as promote } from '../rollout/fixture';

describe('routing and gateways', () => {
  let test_: TestRegistry;
  let model: string;
  beforeAll(async () => {
    test_ = await openTestRegistry();
  });
  afterAll(() => test_.close());
  beforeEach(async () => {
    model = unique('model');
    await registerVersions(test_.registry, model, 3);
  });

  const promoteOver = (version: number) => promote(test_.registry, model, version);
  const routed = async () =>
    (await test_.registry.routing.table()).models.find((each) => each.model === model);

  test('the table has champion and previous with their manifests, and no models without a champion', async () => {
    expect(await routed()).toBeUndefined();
    await promoteOver(1);
    await promoteOver(2);
    expect(await routed()).toEqual({
      tenant,
      model,
      isLanguage: false,
      arms: [{ version: 2, alias: 'champion', weight: 1, manifest: refTo(`${model} 2`) }],
      previous: {
        model,
        version: 1,
        manifest: refTo(`${model} 1`),
        keepSeconds: expect.any(Number) as number,
      },
      rollout: null,
    });
    expect(await test_.registry.routing.version({ tenant, model, version: 3 })).toEqual({
      model,
      version: 3,
      manifest: refTo(`${model} 3`),
    });
    expect(await test_.registry.routing.version({ tenant, model, version: 9 })).toBeNull();
  });

  test('the previous version is kept loaded for a day after the promotion', async () => {
    await promoteOver(1);
    await promoteOver(2);
    const keepSeconds = (await routed())?.previous?.keepSeconds ?? 0;
    expect(keepSeconds).toBeGreaterThan(rollbackReadySeconds - 600);
    expect(keepSeconds).toBeLessThanOrEqual(rollbackReadySeconds);
    await test_.database.sql`
      update model_aliases set moved_at = moved_at - make_interval(secs => ${rollbackReadySeconds}) where model = ${model}`;
    expect((await routed())?.previous).toMatchObject({ version: 1, keepSeconds: 0 });
  });

  test('every move makes a new epoch and notifies the gateways after the commit', async () => {
    const seen: Promise<number>[] = [];
    const stop = await test_.registry.routing.listen(() =>
      seen.push(test_.registry.routing.table().then(({ epoch }) => epoch)),
    );
    const { epoch } = await test_.registry.routing.table();
    await promoteOver(1);
    await promoteOver(2);
    const deadline = Date.now() + 60_000;
    while (seen.length < 2 && Date.now() < deadline)
      await new Promise((resolve) => setTimeout(resolve, 10));
    expect((await Promise.all(seen)).at(-1)).toBe(epoch + 2);
    await stop();
  });

  test('a gateway is live while it sends heartbeats, which return the epoch', async () => {
    const { gateways, routing } = test_.registry;
    const { epoch } = await routing.table();
    let beats = 0;
    const beat = (id: string, leaseSeconds: number) =>
      gateways.beat({
        id,
        url: `http://127.0.0.1/${id}`,
        epoch: 4,
        leaseSeconds,
        beat: (beats += 1),
      });
    expect(await beat('g1', 30)).toEqual({ epoch });
    await beat('g2', 30);
    await beat('g1', 60);
    expect((await gateways.live()).map(({ id, epoch: known, url }) => [id, known, url])).toEqual([
      ['g1', 4, 'http://127.0.0.1/g1'],
      ['g2', 4, 'http://127.0.0.1/g2'],
    ]);
    await beat('g2', 0);
    expect((await gateways.live()).map(({ id }) => id)).toEqual(['g1']);
    await gateways.leave({ id: 'g1' });
    expect(await gateways.live()).toEqual([]);
  });

  test('a late heartbeat, after a newer one or after the gateway has left, is ignored', async () => {
    const { gateways } = test_.registry;
    const told = { id: 'late', url: 'http://127.0.0.1/late', leaseSeconds: 30 };
    await gateways.beat({ ...told, epoch: 7, beat: 2 });
    await gateways.beat({ ...told, epoch: 6, beat: 1 });
    expect(await gateways.live()).toMatchObject([{ id: 'late', epoch: 7 }]);
    await gateways.leave({ id: 'late' });
    await gateways.beat({ ...told, epoch: 7, beat: 3 });
    await gateways.leave({ id: 'never' });
    await gateways.beat({ ...told, id: 'never', epoch: 7, beat: 1 });
    expect(await gateways.live()).toEqual([]);
  });
});
