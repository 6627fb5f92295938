import type { Digest } from '../../../domain/artifact';
import { maxLeaseSeconds } from '../../../db/artifact/repository';
import { batchDefaults, batchHolder } from '../../../domain/batch/batch';
import {
  applyLifecycle,
  empty,
  openTestRegistry,
  refTo,
  tenant,
  unique,
  type TestRegistry,
} from '../registry-fixture';

describe('artifacts', () => {
  let test_: TestRegistry;
  /** A fake store: the digests that it holds. */
  let store: Set<Digest>;
  beforeAll(async () => {
    test_ = await openTestRegistry({ maxConnections: 20 });
  });
  afterAll(() => test_.close());
  beforeEach(async () => {
    await empty(test_, ['artifacts']);
    store = new Set();
  });

  const lease = (digest: Digest, owner = 'w', seconds = 600) =>
    test_.registry.artifacts.lease({ tenant, digest, owner, seconds });
  const record = (text: string) => test_.registry.artifacts.record({ tenant, ref: refTo(text) });
  const reference = (digest: Digest, by = 'run:1') =>
    test_.registry.artifacts.reference({ tenant, digest, by });
  const mark = async () =>
    (await test_.registry.artifacts.mark({ tenant, idleSeconds: 60, limit: 100 })).marked;
  const sweepable = async () =>
    (await test_.registry.artifacts.sweepable({ tenant, limit: 100 })).map(({ digest }) => digest);
  const remove = (digest: Digest, act: () => Promise<void> = () => Promise.resolve()) =>
    test_.registry.artifacts.delete({
      tenant,
      digest,
      remove: async () => {
        await act();
        store.delete(digest);
      },
    });
  /** Makes every lease expire, and every mark and idle time old. */
  const pass = async () => {
    const { sql } = test_.database;
    await sql`update artifact_leases set until = until - make_interval(secs => ${maxLeaseSeconds + 1})`;
    await sql`update artifacts set touched_at = touched_at - make_interval(secs => ${maxLeaseSeconds + 1}), marked_at = marked_at - make_interval(secs => ${maxLeaseSeconds + 1})`;
  };
  const written = async (text: string) => {
    const { digest } = refTo(text);
    await lease(digest);
    store.add(digest);
    await record(text);
    return digest;
  };
  const claimed = async (text: string) => {
    const digest = await written(text);
    await pass();
    await mark();
    await pass();
    expect(await sweepable()).toEqual([digest]);
    return digest;
  };

  test('a leased, a referenced and a fresh artifact are not marked; an idle one is', async () => {
    const leased = await written('leased');
    const referenced = await written('referenced');
    const idle = await written('idle');
    await reference(referenced);
    await pass();
    await lease(leased);
    const fresh = await written('fresh');
    expect(await mark()).toBe(1);
    await pass();
    expect(await sweepable()).toEqual([idle]);
    expect(await test_.registry.artifacts.get({ tenant, digest: fresh })).toEqual(refTo('fresh'));
    expect(await test_.registry.artifacts.get({ tenant, digest: idle })).toBeNull();
  });

  test('a marked artifact is not swept before the longest lease has expired', async () => {
    await written('young mark');
    await pass();
    expect(await mark()).toBe(1);
    expect(await sweepable()).toEqual([]);
  });

  test('a lease, a record or a reference clears the mark', async () => {
    const digests = [await written('a'), await written('b'), await written('c')] as const;
    await pass();
    expect(await mark()).toBe(3);
    await lease(digests[0]);
    await record('b');
    await reference(digests[2]);
    await pass();
    expect(await sweepable()).toEqual([]);
  });

  test('a swept artifact is deleted with its row, and can be written again', async () => {
    const digest = await claimed('swept');
    expect(await remove(digest)).toBe(true);
    expect(store.has(digest)).toBe(false);
    await expect(record('swept')).rejects.toMatchObject({ type: 'Conflict' });
    await expect(reference(digest)).rejects.toMatchObject({ type: 'ArtifactMissing' });
    expect(await lease(digest)).toEqual({ mustUpload: false });
    await record('swept');
    await reference(digest);
  });

  test('a writer between claim and deletion must upload, and keeps its object', async () => {
    const digest = await claimed('between');
    expect(await lease(digest)).toEqual({ mustUpload: true });
    expect(await remove(digest)).toBe(false);
    expect(store.has(digest)).toBe(true);
    await record('between');
    await reference(digest);
  });

  test('an artifact that is claimed for deletion cannot be referenced', async () => {
    const digest = await claimed('claimed');
    await expect(reference(digest)).rejects.toMatchObject({ type: 'ArtifactMissing' });
    await expect(record('claimed')).rejects.toMatchObject({ type: 'Conflict' });
  });

  test('a writer during the deletion waits for its end and then finds no object', async () => {
    const digest = await claimed('during');
    let leased: Promise<unknown> = Promise.resolve();
    let isLeased = false;
    await remove(digest, async () => {
      leased = lease(digest).then(() => (isLeased = true));
      await new Promise((resolve) => setTimeout(resolve, 100));
      expect(isLeased).toBe(false);
    });
    await leased;
    expect(store.has(digest)).toBe(false);
    await expect(reference(digest)).rejects.toMatchObject({ type: 'ArtifactMissing' });
  });

  test('a deletion that fails leaves the claim for the next collector', async () => {
    const digest = await claimed('failing');
    await expect(remove(digest, () => Promise.reject(new Error('S3 is away')))).rejects.toThrow(
      'S3 is away',
    );
    expect(await sweepable()).toEqual([digest]);
    expect(await remove(digest)).toBe(true);
  });

  test('a referenced object cannot be deleted, even by a faulty collector', async () => {
    const digest = await written('held');
    await reference(digest);
    const { sql } = test_.database;
    await expect(sql`delete from artifacts where digest = ${digest}`).rejects.toMatchObject({
      constraint: 'artifact_references_artifact_fk',
    });
    await sql`update artifacts set marked_at = now(), sweeping_at = now()`;
    expect(await remove(digest)).toBe(false);
  });

  test('an upload that was leased but never recorded is collected, too', async () => {
    const { digest } = refTo('abandoned');
    await lease(digest);
    store.add(digest);
    await pass();
    expect(await mark()).toBe(1);
    await pass();
    expect(await test_.registry.artifacts.sweepable({ tenant, limit: 5 })).toEqual([
      { tenant, digest, uri: null },
    ]);
    expect(await remove(digest)).toBe(true);
  });

  test('leases are limited, and a renewal keeps the later end', async () => {
    const { digest } = refTo('bounded');
    await expect(lease(digest, 'w', maxLeaseSeconds + 1)).rejects.toMatchObject({
      type: 'InvalidInput',
    });
    await lease(digest, 'w', 600);
    await lease(digest, 'w', 1);
    const [row] = await test_.database.sql<
      { long: boolean }[]
    >`select until > now() + interval '500 seconds' as long from artifact_leases`;
    expect(row?.long).toBe(true);
    await test_.registry.artifacts.release({ tenant, digest, owner: 'w' });
    await test_.registry.artifacts.release({ tenant, digest, owner: 'w' });
  });

  test('references belong to their holder', async () => {
    const digests = [await written('one'), await written('two')] as const;
    for (const digest of digests) await reference(digest, 'run:9');
    await reference(digests[0], 'model:m@1');
    expect(
      await test_.registry.artifacts.unreference({ tenant, by: 'run:9', digest: digests[0] }),
    ).toBe(1);
    expect(await test_.registry.artifacts.unreference({ tenant, by: 'run:9' })).toBe(1);
    await pass();
    expect(await mark()).toBe(1);
  });

  test('what a batch prediction held is free after its end, also when a lost worker held it', async () => {
    const { registry } = test_;
    const lifecycle = unique('lifecycle');
    await applyLifecycle(registry, lifecycle);
    const input = 'dataset://shop.orders@1';
    const { id } = await registry.runs.open({
      tenant,
      workflowId: unique('workflow'),
      lifecycle,
      request: { batch: { ...batchDefaults, input } },
      actor: 'test',
      traceId: 'trace',
    });
    const by = batchHolder(id);
    await reference(await written('chunk'), by);
    await reference(await written('other'), 'run:1');
    expect(await registry.artifacts.unreferenceEndedBatches({ tenant })).toBe(0);
    await registry.runs.update({ tenant, id, status: 'cancelled' });
    expect(await registry.artifacts.unreferenceEndedBatches({ tenant })).toBe(1);
    expect(await registry.artifacts.heldBy({ tenant, by })).toEqual([]);
    expect(await registry.artifacts.heldBy({ tenant, by: 'run:1' })).toHaveLength(1);
  });

  test('under concurrent writers and collectors, recorded and referenced objects always exist', async () => {
    const names = Array.from({ length: 6 }, () => unique('raced'));
    let writing = true;
    const broken: string[] = [];

    // Time passes only for marks and idle times, so no lease expires during an upload. Locked in one
    // order, because two collectors do this at once.
    const age = () => test_.database.sql`
      with locked as materialized (select tenant_id, digest from artifacts order by digest for update)
      update artifacts a set touched_at = touched_at - interval '2 hours', marked_at = marked_at - interval '2 hours'
      from locked l where a.tenant_id = l.tenant_id and a.digest = l.digest`;
    const collector = async () => {
      while (writing) {
        await age();
        await mark();
        await age();
        for (const digest of await sweepable())
          await remove(
            digest,
            () => new Promise((resolve) => setTimeout(resolve, Math.random() * 3)),
          );
      }
    };
    const writer = async (owner: string) => {
      for (let round = 0; round < 25; round++) {
        const name = names[Math.floor(Math.random() * names.length)] ?? '';
        const { digest } = refTo(name);
        const { mustUpload } = await lease(digest, owner, 60);
        if (mustUpload || !store.has(digest)) {
          await new Promise((resolve) => setTimeout(resolve, Math.random() * 3));
          store.add(digest);
        }
        await record(name);
        await reference(digest, owner);
        await test_.registry.artifacts.release({ tenant, digest, owner });
        await new Promise((resolve) => setTimeout(resolve, Math.random() * 5));
        if (!store.has(digest)) broken.push(name);
        await test_.registry.artifacts.unreference({ tenant, by: owner });
      }
    };
    const collectors = [collector(), collector()];
    await Promise.all(Array.from({ length: 5 }, (_, n) => writer(`writer-${n}`)));
    writing = false;
    await Promise.all(collectors);
    expect(broken).toEqual([]);
  });
});
