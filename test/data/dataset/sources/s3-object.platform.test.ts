import { PutObjectCommand } from '@aws-sdk/client-s3';
import { openS3, type S3 } from '../../../../data/artifact/s3';
import { openArtifactStore } from '../../../../data/artifact/store';
import { testBucket } from '../../../support/platform';
import { openReading, type Reading, type ReadOptions } from './reading';

describe('an s3:// source', () => {
  const own = testBucket();
  const settings = testBucket();
  const absent = { bucket: 'there-is-no-such-bucket', prefix: '' };
  let reading: Reading;
  let s3: S3;
  beforeAll(async () => {
    reading = await openReading();
    s3 = openS3(settings);
    const store = openArtifactStore({ ...settings, leases: null });
    await store.ensureBucket();
    store.close();
    await s3.client.send(
      new PutObjectCommand({ Bucket: s3.bucket, Key: 'in/trips 1.csv', Body: 'a,b\n1,2\n3,4\n' }),
    );
  });
  afterAll(async () => {
    s3.client.destroy();
    await reading.close();
  });
  const read = (uri: string, options: ReadOptions = {}) =>
    reading.uri(uri, 'csv', {
      ...options,
      policy: { s3: own, buckets: [{ bucket: s3.bucket, prefix: '' }, absent], ...options.policy },
    });
  const refused = (type: string, message: RegExp) => ({
    type,
    message: expect.stringMatching(message) as string,
  });

  test("is read with the worker's credential", async () => {
    expect((await read(`s3://${s3.bucket}/in/trips 1.csv`)).rows).toBe(2);
  });

  test('is refused in the bucket of the artifacts', async () => {
    await expect(read(`s3://${own.bucket}/t/default/cas/x`)).rejects.toMatchObject(
      refused('SourceRefused', /the bucket is Perennial's own/),
    );
  });

  test('is read only from the buckets and prefixes that the worker allows', async () => {
    const within = (prefix: string) => ({ policy: { buckets: [{ bucket: s3.bucket, prefix }] } });
    const uri = `s3://${s3.bucket}/in/trips 1.csv`;
    expect((await read(uri, within('in/'))).rows).toBe(2);
    await expect(read(uri, within('out/'))).rejects.toMatchObject({
      ...refused('SourceRefused', /outside of the buckets that sources may read/),
      next: `use an object below s3://${s3.bucket}/out/, or add its bucket to PERENNIAL_INGEST_BUCKETS`,
    });
    await expect(read(uri, { policy: { buckets: [] } })).rejects.toMatchObject(
      refused('SourceRefused', /outside of the buckets/),
    );
  });

  test.each(['in/../../OWN/x.csv', './OWN', 'in//x.csv', 'in/..\\..\\OWN'])(
    'is refused with the key %s, which a service may resolve',
    async (key) => {
      const uri = `s3://${s3.bucket}/${key.replace('OWN', own.bucket)}`;
      await expect(read(uri)).rejects.toMatchObject(
        refused('SourceRefused', /its key contains an empty name, \. or \.\./),
      );
    },
  );

  test('gives different errors when it is missing, refused, too large or unreachable', async () => {
    const uri = `s3://${s3.bucket}/in/trips 1.csv`;
    await expect(read(`s3://${s3.bucket}/none.csv`)).rejects.toMatchObject(
      refused('NotFound', /the object does not exist/),
    );
    await expect(read('s3://there-is-no-such-bucket/trips.csv')).rejects.toMatchObject(
      refused('NotFound', /the bucket does not exist/),
    );
    await expect(
      read(uri, { policy: { s3: { ...own, secretAccessKey: 'not-it' } } }),
    ).rejects.toMatchObject(refused('SourceRefused', /refused the worker's credential/));
    await expect(read(uri, { limits: { maxBytes: 5 } })).rejects.toMatchObject(
      refused('SourceTooLarge', /has 12 bytes/),
    );
    await expect(
      read(uri, { policy: { s3: { ...own, endpoint: 'http://127.0.0.1:1' } } }),
    ).rejects.toMatchObject(refused('SourceUnreachable', /did not answer/));
  });
});
