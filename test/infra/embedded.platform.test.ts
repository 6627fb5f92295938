import {
  CreateBucketCommand,
  GetObjectCommand,
  PutObjectCommand,
  S3Client,
  type S3ClientConfig,
} from '@aws-sdk/client-s3';
import { Connection } from '@temporalio/client';
import { Client } from 'pg';
import { ensureNamespace, searchAttributes } from '../../infra/temporal-namespace';
import { testBucket, testDatabase, testTemporal } from '../support/platform';

describe('PostgreSQL', () => {
  test('serves a private empty database in UTC, with notifications', async () => {
    const database = await testDatabase();
    const client = new Client({ connectionString: database.url });
    await client.connect();
    const tables = await client.query(
      "SELECT count(*)::int AS tables FROM pg_tables WHERE schemaname = 'public'",
    );
    expect(tables.rows).toEqual([{ tables: 0 }]);
    expect((await client.query('SHOW timezone')).rows).toEqual([{ TimeZone: 'UTC' }]);
    const heard = new Promise((resolve) =>
      client.once('notification', ({ payload }) => resolve(payload)),
    );
    await client.query("LISTEN news; NOTIFY news, 'hello'");
    expect(await heard).toBe('hello');
    await client.end();
    await database.drop();
  });

  test('refuses a wrong password', async () => {
    const database = await testDatabase();
    const url = new URL(database.url);
    url.password = 'wrong';
    await expect(new Client({ connectionString: url.href }).connect()).rejects.toThrow(
      /password authentication failed/,
    );
    await database.drop();
  });
});

describe('the S3 store', () => {
  const client = (overrides: S3ClientConfig = {}): { s3: S3Client; bucket: string } => {
    const { bucket, endpoint, region, accessKeyId, secretAccessKey } = testBucket();
    return {
      bucket,
      s3: new S3Client({
        endpoint,
        region,
        forcePathStyle: true,
        credentials: { accessKeyId, secretAccessKey },
        ...overrides,
      }),
    };
  };

  test('stores bytes and lets exactly one conditional writer succeed', async () => {
    const { s3, bucket } = client();
    await s3.send(new CreateBucketCommand({ Bucket: bucket }));
    const writes = Array.from({ length: 4 }, (_, index) =>
      s3.send(
        new PutObjectCommand({ Bucket: bucket, Key: 'k', Body: `${index}`, IfNoneMatch: '*' }),
      ),
    );
    const won = (await Promise.allSettled(writes)).flatMap((result, index) =>
      result.status === 'fulfilled' ? [index] : [],
    );
    expect(won).toHaveLength(1);
    const object = await s3.send(new GetObjectCommand({ Bucket: bucket, Key: 'k' }));
    expect(await object.Body?.transformToString()).toBe(String(won[0]));
    s3.destroy();
  });

  test('refuses a wrong secret', async () => {
    const { s3, bucket } = client({
      credentials: { accessKeyId: testBucket().accessKeyId, secretAccessKey: 'wrong' },
    });
    await expect(s3.send(new CreateBucketCommand({ Bucket: bucket }))).rejects.toThrow(
      /signature/i,
    );
    s3.destroy();
  });
});

test('creating the search attributes of a Temporal namespace is idempotent', async () => {
  const temporal = await testTemporal();
  await ensureNamespace({ ...temporal, retentionDays: 30 });
  const connection = await Connection.connect({ address: temporal.address });
  const { customAttributes } = await connection.operatorService.listSearchAttributes({
    namespace: temporal.namespace,
  });
  expect(Object.keys(customAttributes)).toEqual(
    expect.arrayContaining(Object.keys(searchAttributes)),
  );
  const { config } = await connection.workflowService.describeNamespace({
    namespace: temporal.namespace,
  });
  expect(Number(config?.workflowExecutionRetentionTtl?.seconds)).toBe(86_400);
  await connection.close();
});
