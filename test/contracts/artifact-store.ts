import { DeleteObjectCommand, ListObjectsV2Command, PutObjectCommand } from '@aws-sdk/client-s3';
import { randomBytes } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openS3, type S3, type S3Settings } from '../../data/artifact/s3';
import {
  openArtifactStore,
  type ArtifactLeases,
  type ArtifactStore,
} from '../../data/artifact/store';
import { computeDigest, sha256 } from '../../data/digest';
import type { ArtifactRef } from '../../domain/artifact';

const partBytes = 5 << 20;
const tenant = 'default';
const runId = 'run_01';

/**
 * What every S3 service must give the artifact store. `settings` returns an empty bucket.
 */
export function testArtifactStore(name: string, settings: () => Promise<S3Settings>): void {
  describe(`artifact store on ${name}`, () => {
    let s3: S3;
    let store: ArtifactStore;
    let folder: string;
    let given: S3Settings;

    beforeAll(async () => {
      given = await settings();
      s3 = openS3(given);
      store = openArtifactStore({ ...given, leases: null, partBytes });
      await store.ensureBucket();
      folder = await mkdtemp(join(tmpdir(), 'artifact-store-'));
    });
    afterAll(async () => {
      store.close();
      s3.client.destroy();
      await rm(folder, { recursive: true, force: true });
    });

    const readKey = (ref: ArtifactRef) => ref.uri.slice(`s3://${s3.bucket}/`.length);
    const objectsUnder = async (prefix: string) =>
      (
        (await s3.client.send(new ListObjectsV2Command({ Bucket: s3.bucket, Prefix: prefix })))
          .Contents ?? []
      ).map(({ Key }) => Key);
    const overwrite = (ref: ArtifactRef, bytes: Uint8Array) =>
      s3.client.send(new PutObjectCommand({ Bucket: s3.bucket, Key: readKey(ref), Body: bytes }));
    const put = (bytes: Uint8Array) =>
      store.putBytes({ tenant, bytes, mediaType: 'application/octet-stream' });
    async function largeFile(
      label: string,
      bytes = randomBytes(12 << 20),
    ): Promise<{ path: string; bytes: Buffer }> {
      const path = join(folder, label);
      await writeFile(path, bytes);
      return { path, bytes };
    }

    test('creating the bucket is idempotent', async () => {
      await store.ensureBucket();
    });

    test('bytes are stored under their digest and read back unchanged', async () => {
      const bytes = randomBytes(1000);
      const ref = await put(bytes);
      const hex = ref.digest.slice('sha256:'.length);
      expect(ref).toEqual({
        uri: `s3://${s3.bucket}/t/default/cas/sha256/${hex.slice(0, 2)}/${hex.slice(2, 4)}/${hex}`,
        digest: sha256(bytes),
        bytes: 1000,
        mediaType: 'application/octet-stream',
      });
      expect(Buffer.from(await store.getBytes(ref))).toEqual(bytes);
    });

    test('empty content can be stored', async () => {
      const ref = await put(new Uint8Array());
      expect(ref.bytes).toBe(0);
      expect(await store.exists(ref)).toBe(true);
      expect(await store.getBytes(ref)).toHaveLength(0);
    });

    test('equal JSON has one digest for any order of keys', async () => {
      const one = await store.putJson({ tenant, value: { b: [1, { d: 2, c: 'ü' }], a: null } });
      const other = await store.putJson({ tenant, value: { a: null, b: [1, { c: 'ü', d: 2 }] } });
      expect(other).toEqual(one);
      expect(one.digest).toBe(computeDigest({ a: null, b: [1, { c: 'ü', d: 2 }] }));
      expect(await store.getJson(one)).toEqual({ a: null, b: [1, { d: 2, c: 'ü' }] });
    });

    test('a file larger than one part is read back unchanged and leaves nothing staged', async () => {
      const { path, bytes } = await largeFile('large');
      const sent: number[] = [];
      const ref = await store.putFile({
        tenant,
        runId,
        path,
        mediaType: 'x/y',
        onProgress: (done) => void sent.push(done),
      });
      expect(ref.digest).toBe(sha256(bytes));
      expect(sent).toEqual([5 << 20, 10 << 20, 12 << 20, 12 << 20]);
      await store.toFile(ref, join(folder, 'back'));
      expect((await readFile(join(folder, 'back'))).equals(bytes)).toBe(true);
      expect(await store.staging.list({ tenant, runId })).toEqual([]);
    });

    test('twenty writers of equal content all succeed and make one object', async () => {
      const { path, bytes } = await largeFile('contended', randomBytes(6 << 20));
      const small = randomBytes(100);
      const refs = await Promise.all(
        Array.from({ length: 20 }, (_, i) =>
          i % 2 ? put(small) : store.putFile({ tenant, runId, path, mediaType: 'x/y' }),
        ),
      );
      expect(new Set(refs.map(({ digest }) => digest))).toEqual(
        new Set([sha256(bytes), sha256(small)]),
      );
      for (const digest of new Set(refs.map(({ digest }) => digest))) {
        expect(
          await objectsUnder(readKey(refs.find((ref) => ref.digest === digest) as ArtifactRef)),
        ).toHaveLength(1);
      }
      expect(await store.staging.list({ tenant, runId })).toEqual([]);
    }, 60_000);

    test('a file with another digest than expected is rejected before it is sent', async () => {
      const { path } = await largeFile('unexpected', randomBytes(100));
      await expect(
        store.putFile({ tenant, path, mediaType: 'x/y', expected: sha256('another') }),
      ).rejects.toMatchObject({
        type: 'DigestMismatch',
      });
    });

    test('a file that changes during the upload leaves no object', async () => {
      const { path, bytes } = await largeFile('changing');
      const changed = store.putFile({
        tenant,
        runId,
        path,
        mediaType: 'x/y',
        onProgress: () => truncate(path, 6 << 20),
      });
      await expect(changed).rejects.toMatchObject({
        type: 'DigestMismatch',
        message: expect.stringContaining('changed during the upload') as string,
      });
      expect(await store.exists({ ...(await put(new Uint8Array())), ...refTo(bytes) })).toBe(false);
      expect(await store.staging.list({ tenant, runId })).toEqual([]);
    });

    test('a cancelled upload leaves no object', async () => {
      const { path, bytes } = await largeFile('cancelled');
      const cancel = new AbortController();
      const cancelled = store.putFile({
        tenant,
        runId,
        path,
        mediaType: 'x/y',
        signal: cancel.signal,
        onProgress: () => cancel.abort(new Error('stop')),
      });
      await expect(cancelled).rejects.toThrow('stop');
      expect(await store.exists(refTo(bytes))).toBe(false);
      expect(await store.staging.list({ tenant, runId })).toEqual([]);
    });

    test('unfinished uploads of a killed process are listed, cleared, and accept no late parts', async () => {
      const { path } = await largeFile('orphan');
      let cleared: Promise<number> | undefined;
      const orphan = store.putFile({
        tenant,
        runId: 'run_dead',
        path,
        mediaType: 'x/y',
        async onProgress() {
          cleared ??= store.staging.runs(tenant).then(async (runs) => {
            expect(runs).toContain('run_dead');
            expect(await store.staging.list({ tenant, runId: 'run_dea' })).toEqual([]);
            expect(await store.staging.clear({ tenant, runId: 'run_dead', idleSeconds: 60 })).toBe(
              0,
            );
            return store.staging.clear({ tenant, runId: 'run_dead' });
          });
          await cleared;
        },
      });
      await expect(orphan).rejects.toMatchObject({ type: 'StorageUnavailable' });
      expect(await cleared).toBe(1);
      expect(await store.staging.clear({ tenant, runId: 'run_dead' })).toBe(0);
      expect(await store.staging.runs(tenant)).toEqual([]);
    });

    test.each([
      [
        'other bytes of the same length',
        (bytes: Buffer) => Buffer.from(bytes.map((byte, i) => (i === 77 ? byte ^ 1 : byte))),
      ],
      ['fewer bytes', (bytes: Buffer) => bytes.subarray(0, 50)],
      ['more bytes', (bytes: Buffer) => Buffer.concat([bytes, Buffer.of(0)])],
    ])('an object with %s is detected on every way to read it', async (_, damage) => {
      const bytes = randomBytes(5000);
      const ref = await put(bytes);
      await overwrite(ref, damage(bytes));
      await expect(store.getBytes(ref)).rejects.toMatchObject({ type: 'DigestMismatch' });
      await expect(store.toFile(ref, join(folder, 'damaged'))).rejects.toMatchObject({
        type: 'DigestMismatch',
      });
      expect((await readdir(folder)).filter((file) => file.startsWith('damaged'))).toEqual([]);
    });

    test('an object of the wrong size is replaced by the next put', async () => {
      const bytes = randomBytes(5000);
      const ref = await put(bytes);
      await overwrite(ref, bytes.subarray(0, 10));
      expect(await store.exists(ref)).toBe(false);
      await put(bytes);
      expect(Buffer.from(await store.getBytes(ref))).toEqual(bytes);
    });

    test('a missing object is reported as missing, and deleting it is idempotent', async () => {
      const ref = await put(randomBytes(10));
      await store.delete({ tenant, digest: ref.digest });
      await store.delete({ tenant, digest: ref.digest });
      expect(await store.exists(ref)).toBe(false);
      await expect(store.getBytes(ref)).rejects.toMatchObject({ type: 'ArtifactMissing' });
      await expect(store.toFile(ref, join(folder, 'missing'))).rejects.toMatchObject({
        type: 'ArtifactMissing',
      });
    });

    test('a reference reads only the object that its digest names', async () => {
      const ref = await put(randomBytes(10));
      const other = await put(randomBytes(10));
      for (const forged of [
        { ...ref, uri: other.uri },
        { ...ref, uri: ref.uri.replace('/cas/', '/staging/') },
        { ...ref, uri: ref.uri.replace(s3.bucket, 'another') },
        { ...ref, uri: ref.uri.replace('t/default/', 't/default/../default/') },
        { ...ref, uri: ref.uri.replace('s3:', 'file:') },
      ]) {
        await expect(store.getBytes(forged)).rejects.toMatchObject({ type: 'InvalidInput' });
      }
      await expect(
        store.putBytes({ tenant: '../x', bytes: new Uint8Array(), mediaType: 'x/y' }),
      ).rejects.toMatchObject({
        type: 'InvalidInput',
      });
    });

    test('an object above the memory limit is rejected before it is read', async () => {
      const ref = await put(randomBytes(2000));
      await expect(store.getBytes(ref, { maxBytes: 1999 })).rejects.toMatchObject({
        type: 'InvalidInput',
      });
    });

    test('errors distinguish a wrong credential, a missing bucket and an unreachable endpoint', async () => {
      const ref = await put(randomBytes(10));
      const attempt = async (changed: Partial<S3Settings>): Promise<unknown> => {
        const broken = openArtifactStore({ ...given, ...changed, leases: null });
        try {
          return await broken.getBytes({ ...ref, uri: ref.uri.replace(s3.bucket, broken.bucket) });
        } catch (error) {
          return error;
        } finally {
          broken.close();
        }
      };
      const refused = await attempt({ secretAccessKey: 'not-the-secret' });
      expect(refused).toMatchObject({ type: 'Forbidden' });
      expect((refused as Error).message).not.toContain('not-the-secret');
      expect(await attempt({ bucket: `${s3.bucket}-none` })).toMatchObject({
        type: 'StorageUnavailable',
      });
      expect(await attempt({ endpoint: 'http://127.0.0.1:1' })).toMatchObject({
        type: 'StorageUnavailable',
      });
    });

    test('a lease is taken before each check, and objects in deletion are uploaded again', async () => {
      const bytes = randomBytes(100);
      const seen: string[] = [];
      let deleting = false;
      const leases: ArtifactLeases = {
        async lease({ digest, seconds }) {
          seen.push(`lease ${digest === sha256(bytes)} ${seconds}`);
          if (deleting)
            await s3.client.send(
              new DeleteObjectCommand({ Bucket: s3.bucket, Key: readKey(refTo(bytes)) }),
            );
          return { mustUpload: deleting };
        },
        async record({ ref }) {
          seen.push(
            `record ${ref.digest === sha256(bytes)} ${(await objectsUnder(readKey(ref))).length}`,
          );
        },
      };
      const leased = openArtifactStore({ ...given, leases });
      await leased.putBytes({ tenant, bytes, mediaType: 'x/y' });
      expect(seen).toEqual(['lease true 3600', 'record true 1']);
      expect(await leased.exists(refTo(bytes))).toBe(true);
      expect(seen).toHaveLength(3);
      deleting = true;
      expect(await leased.exists(refTo(bytes))).toBe(false);
      await leased.putBytes({ tenant, bytes, mediaType: 'x/y' });
      expect(seen.at(-1)).toBe('record true 1');
      leased.close();
    });

    function refTo(bytes: Uint8Array): ArtifactRef {
      const digest = sha256(bytes);
      const hex = digest.slice('sha256:'.length);
      const uri = `s3://${s3.bucket}/t/${tenant}/cas/sha256/${hex.slice(0, 2)}/${hex.slice(2, 4)}/${hex}`;
      return { uri, digest, bytes: bytes.byteLength, mediaType: 'x/y' };
    }
  });
}
