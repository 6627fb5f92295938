import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openArtifactStore } from '../../data/artifact/store';
import { readConfig } from '../../workers/config';
import { setUp } from '../../workers/setup';
import { openTestRegistry, tenant, type TestRegistry } from '../db/registry-fixture';
import { testBucket, testTemporal } from '../support/platform';

let test_: TestRegistry;
let folder: string;
const bucket = testBucket();
beforeAll(async () => {
  test_ = await openTestRegistry();
  folder = mkdtempSync(join(tmpdir(), 'perennial-setup-'));
});
afterAll(async () => {
  await test_.close();
  rmSync(folder, { recursive: true, force: true });
});

const settings = async () => {
  const { address, namespace } = await testTemporal();
  return {
    PERENNIAL_TEMPORAL_ADDRESS: address,
    PERENNIAL_TEMPORAL_NAMESPACE: namespace,
    PERENNIAL_DATABASE_URL: test_.url,
    PERENNIAL_STATE_DIR: folder,
    PERENNIAL_S3_ENDPOINT: bucket.endpoint,
    PERENNIAL_S3_BUCKET: bucket.bucket,
    AWS_REGION: bucket.region,
    AWS_ACCESS_KEY_ID: bucket.accessKeyId,
    AWS_SECRET_ACCESS_KEY: bucket.secretAccessKey,
  };
};

test('warns at every start of an empty registry beside a bucket that holds artifacts', async () => {
  const config = readConfig(await settings());
  expect((await setUp(config)).warnings).toEqual([]);

  const elsewhere = openArtifactStore({ ...bucket, leases: null });
  await elsewhere.putBytes({
    tenant,
    bytes: Buffer.from('a model'),
    mediaType: 'application/octet-stream',
  });
  elsewhere.close();
  const [warning, ...others] = (await setUp(config)).warnings;
  expect(others).toEqual([]);
  expect(warning).toContain(
    `is empty, but bucket ${bucket.bucket} at ${bucket.endpoint} holds artifacts`,
  );
  expect(warning).toContain('restore it from a backup');

  const own = openArtifactStore({ ...bucket, leases: test_.registry.artifacts });
  await own.putBytes({
    tenant,
    bytes: Buffer.from('another model'),
    mediaType: 'application/octet-stream',
  });
  own.close();
  expect((await setUp(config)).warnings).toEqual([]);
});

test('registers given keys at each start, replaces rotated ones, and prints none of them', async () => {
  const made = (): string =>
    `pk_${randomBytes(13).toString('hex')}_${randomBytes(32).toString('hex')}`;
  const start = async (admin: string, service: string) =>
    setUp(
      readConfig({
        ...(await settings()),
        PERENNIAL_ADMIN_KEY: admin,
        PERENNIAL_SERVICE_KEY: service,
      }),
    );
  const readScope = async (key: string) => (await test_.registry.apiKeys.verify(key))?.scope;
  const [admin, service, next] = [made(), made(), made()];

  const printed = [await start(admin, service), await start(admin, service)];
  for (const each of printed) expect(Object.keys(each)).toEqual(['warnings']);
  expect([await readScope(admin), await readScope(service)]).toEqual(['admin', 'operator']);

  await start(next, service);
  expect([await readScope(admin), await readScope(next)]).toEqual(['admin', 'admin']);
});
