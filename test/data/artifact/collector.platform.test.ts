import { collectGarbage, collectGarbageOfAll } from '../../../activities/artifact/collect-garbage';
import { openArtifactStore, type ArtifactStore } from '../../../data/artifact/store';
import type { Registry } from '../../../db/registry';
import type { ArtifactRef } from '../../../domain/artifact';
import { defaultTenant as tenant, type Tenant } from '../../../domain/ids';
import { openTestRegistry, type TestRegistry } from '../../db/registry-fixture';
import { testBucket } from '../../support/platform';

describe('the collector', () => {
  let test_: TestRegistry;
  let registry: Registry;
  let store: ArtifactStore;
  let bare: ArtifactStore;
  beforeAll(async () => {
    test_ = await openTestRegistry();
    registry = test_.registry;
    const bucket = testBucket();
    store = openArtifactStore({ ...bucket, leases: registry.artifacts });
    bare = openArtifactStore({ ...bucket, leases: null });
    await store.ensureBucket();
  });
  afterAll(async () => {
    store.close();
    bare.close();
    await test_.close();
  });

  const log = { info: () => undefined, warn: () => undefined };
  let count = 0;
  const put = (text = `text ${(count += 1)}`) =>
    store.putBytes({ tenant, bytes: Buffer.from(text), mediaType: 'text/plain' });
  const pass = (artifacts: Parameters<typeof collectGarbage>[0]['artifacts'] = store) =>
    collectGarbage({ registry, artifacts, tenant, idleSeconds: 0, log });
  /** Simulates time: makes leases, touches and marks older. */
  const later = async (seconds: number): Promise<void> => {
    const { sql } = test_.database;
    await sql`update artifacts set touched_at = touched_at - make_interval(secs => ${seconds}), marked_at = marked_at - make_interval(secs => ${seconds})`;
    await sql`update artifact_leases set until = until - make_interval(secs => ${seconds})`;
  };
  const isThere = (ref: ArtifactRef) => bare.exists(ref);
  const hours = 3600;

  test('works for every tenant, also when the pass of another one fails', async () => {
    const other = 'team-b' as Tenant;
    await registry.tenants.create({ name: other, actor: 'a', keyExpiresAt: null });
    const bytes = Buffer.from('bytes of both tenants');
    const [own, theirs] = await Promise.all(
      [tenant, other].map((of) => store.putBytes({ tenant: of, bytes, mediaType: 'text/plain' })),
    );
    if (!own || !theirs) throw new Error('nothing was stored');
    await registry.artifacts.reference({ tenant, digest: own.digest, by: 'run:run_both' });
    const all = (artifacts: typeof store = store) =>
      collectGarbageOfAll({ registry, artifacts, tenants: registry.tenants, idleSeconds: 0, log });
    await later(2 * hours);
    await all();
    await later(2 * hours);
    const broken = {
      ...store,
      staging: {
        ...store.staging,
        runs: (of: string) =>
          of === tenant ? Promise.reject(new Error('the store is away')) : store.staging.runs(of),
      },
    };
    await expect(all(broken)).rejects.toThrow('the store is away');
    expect(await isThere(theirs)).toBe(false);
    expect(await isThere(own)).toBe(true);
  });

  test('deletes unreferenced objects in its second pass, after the longest lease has expired', async () => {
    const ref = await put();
    const kept = await put();
    await registry.artifacts.reference({ tenant, digest: kept.digest, by: 'run:run_1' });
    await pass();
    await later(2 * hours);
    expect(await pass()).toMatchObject({ marked: 1, deleted: 0 });
    await later(hours / 2);
    expect(await pass()).toMatchObject({ marked: 0, deleted: 0 });
    expect(await isThere(ref)).toBe(true);
    await later(hours);
    expect(await pass()).toMatchObject({ deleted: 1 });
    expect(await isThere(ref)).toBe(false);
    expect(await isThere(kept)).toBe(true);
    expect(await registry.artifacts.get({ tenant, digest: ref.digest })).toBeNull();
    await registry.artifacts.unreference({ tenant, by: 'run:run_1' });
  });

  test('waits for the days of the retention settings', async () => {
    const ref = await put();
    await registry.retention.set({ tenant, settings: { artifactIdleDays: 3 }, actor: 'key:a' });
    const marked = async () => {
      await collectGarbage({ registry, artifacts: store, tenant, log });
      const [row] = await test_.database.sql<{ marked: boolean }[]>`
        select marked_at is not null as marked from artifacts where digest = ${ref.digest}`;
      return row?.marked;
    };
    await later(48 * hours);
    expect(await marked()).toBe(false);
    await later(25 * hours);
    expect(await marked()).toBe(true);
  });

  test('keeps an object that a writer put again after the mark', async () => {
    const ref = await put('again');
    await later(2 * hours);
    await pass();
    await later(2 * hours);
    expect(await put('again')).toEqual(ref);
    await pass();
    expect(await isThere(ref)).toBe(true);
  });

  test('an existence check keeps an object as a put does', async () => {
    const ref = await put('looked at');
    await later(2 * hours);
    await pass();
    await later(2 * hours);
    expect(await store.exists(ref)).toBe(true);
    await pass();
    expect(await isThere(ref)).toBe(true);
  });

  test('a put between the sweep and the delete keeps the object', async () => {
    const ref = await put('between');
    await later(2 * hours);
    await pass();
    await later(2 * hours);
    const [due] = (await registry.artifacts.sweepable({ tenant, limit: 500 })).filter(
      ({ digest }) => digest === ref.digest,
    );
    expect(due).toBeDefined();
    expect(await store.exists(ref)).toBe(false);
    await put('between');
    const remove = (): Promise<void> => store.delete({ tenant, digest: ref.digest });
    expect(await registry.artifacts.delete({ tenant, digest: ref.digest, remove })).toBe(false);
    expect(await isThere(ref)).toBe(true);
  });

  test('a put during the delete waits for it and uploads again', async () => {
    const ref = await put('during');
    await later(2 * hours);
    await pass();
    await later(2 * hours);
    let writer: Promise<ArtifactRef> | undefined;
    const slow = {
      ...store,
      async delete(where: Parameters<ArtifactStore['delete']>[0]) {
        if (where.digest === ref.digest) {
          writer = put('during');
          await new Promise((resolve) => setTimeout(resolve, 100));
        }
        await store.delete(where);
      },
    };
    expect((await pass(slow)).deleted).toBeGreaterThanOrEqual(1);
    expect(await writer).toEqual(ref);
    expect(await isThere(ref)).toBe(true);
    expect(await registry.artifacts.get({ tenant, digest: ref.digest })).toEqual(ref);
  });

  test('concurrent writers and collectors lose no object under a lease', async () => {
    const texts = Array.from({ length: 6 }, (_, i) => `contended ${i}`);
    for (let round = 0; round < 8; round += 1) {
      await later(2 * hours);
      const [refs] = await Promise.all([
        Promise.all([...texts, ...texts].map(put)),
        pass(),
        pass(),
      ]);
      for (const ref of refs) expect(await isThere(ref)).toBe(true);
    }
  });

  test('checks an object in use once, and again after its last reference was removed', async () => {
    const ref = await put();
    await registry.artifacts.reference({ tenant, digest: ref.digest, by: 'run:run_2' });
    // Like rows from before the collector stored its findings.
    await test_.database
      .sql`update artifacts set referenced_at = null where digest = ${ref.digest}`;
    await later(2 * hours);
    await registry.artifacts.mark({ tenant, idleSeconds: 0, limit: 500 });
    expect(await registry.artifacts.mark({ tenant, idleSeconds: 0, limit: 500 })).toEqual({
      marked: 0,
      inUse: 0,
    });
    await registry.artifacts.unreference({ tenant, by: 'run:run_2' });
    expect(await registry.artifacts.mark({ tenant, idleSeconds: 0, limit: 500 })).toEqual({
      marked: 1,
      inUse: 0,
    });
  });

  test('handles more than one batch in a pass', async () => {
    await put();
    await pass();
    await test_.database.sql`
      insert into artifacts (tenant_id, digest, touched_at)
      select ${tenant}, 'sha256:' || encode(sha256(n::text::bytea), 'hex'), now() - interval '1 day' from generate_series(1, 1200) n`;
    expect(await pass()).toMatchObject({ marked: 1200 });
    await later(2 * hours);
    expect(
      (await pass({ ...store, delete: () => Promise.resolve() })).deleted,
    ).toBeGreaterThanOrEqual(1200);
  });

  test('an object that cannot be deleted does not block others and is retried', async () => {
    const [stuck, other] = [await put(), await put()];
    await later(2 * hours);
    await pass();
    await later(2 * hours);
    const remove = (where: Parameters<ArtifactStore['delete']>[0]) =>
      where.digest === stuck.digest
        ? Promise.reject(new Error('access denied'))
        : store.delete(where);
    await pass({ ...store, delete: remove });
    expect([await isThere(stuck), await isThere(other)]).toEqual([true, false]);
    await pass();
    expect(await isThere(stuck)).toBe(false);
  });

  test('removes uploads that ended runs left, but not recent ones', async () => {
    const staged: Record<string, number> = { run_gone: 0, unowned: 0 };
    const staging = {
      runs: () => Promise.resolve(Object.keys(staged)),
      list: () => Promise.resolve([]),
      clear: ({ runId, idleSeconds = 0 }: { runId: string; idleSeconds?: number }) => {
        staged[runId] = idleSeconds;
        return Promise.resolve(1);
      },
    };
    expect(await pass({ ...store, staging })).toMatchObject({ unfinishedUploads: 2 });
    expect(staged).toEqual({ run_gone: 86_400, unowned: 86_400 });
  });
});
