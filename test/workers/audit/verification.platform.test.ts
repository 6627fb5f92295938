import { rmSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { openArtifactStore } from '../../../data/artifact/store';
import { openFileArchive } from '../../../data/audit/file-archive';
import { openS3Archive } from '../../../data/audit/s3-archive';
import { ownKeyFile } from '../../../workers/audit/key';
import { sealAudit } from '../../../workers/audit/sealing';
import { auditVerifier } from '../../../workers/audit/verification';
import { openTestRegistry, tenant, type TestRegistry } from '../../db/registry-fixture';
import { testBucket } from '../../support/platform';

let test_: TestRegistry;
let folder: string;
const bucket = testBucket();
beforeAll(async () => {
  test_ = await openTestRegistry();
  folder = mkdtempSync(join(tmpdir(), 'perennial-audit-verify-'));
  const artifacts = openArtifactStore({ ...bucket, leases: test_.registry.artifacts });
  await artifacts.ensureBucket();
  artifacts.close();
});
afterAll(async () => {
  await test_.close();
  rmSync(folder, { recursive: true, force: true });
});

const environment = (over: Record<string, string> = {}) => ({
  PERENNIAL_TEMPORAL_ADDRESS: '127.0.0.1:1',
  PERENNIAL_DATABASE_URL: test_.url,
  PERENNIAL_STATE_DIR: folder,
  PERENNIAL_S3_ENDPOINT: bucket.endpoint,
  PERENNIAL_S3_BUCKET: bucket.bucket,
  AWS_REGION: bucket.region,
  AWS_ACCESS_KEY_ID: bucket.accessKeyId,
  AWS_SECRET_ACCESS_KEY: bucket.secretAccessKey,
  PERENNIAL_AUDIT_COPY_FILE: join(folder, 'copies.ndjson'),
  ...over,
});

test('verifies the log in a separate thread, against the store and the second place', async () => {
  await test_.database.sql.unsafe(`
    insert into audit_log (tenant_id, id, actor, action, subject, cause)
      select '${tenant}', 'aud_' || lpad(n::text, 8, '0'), 'a', 'b', 'c', 'd' from generate_series(1, 8000) n`);
  const archives = [
    openS3Archive('store', bucket),
    openFileArchive(join(folder, 'copies.ndjson')),
  ] as const;
  const log = { warn: () => undefined };
  const keyRef = { file: ownKeyFile(folder), isOwn: true };
  await sealAudit(
    { audit: test_.registry.audit, keyRef, archives, log },
    new AbortController().signal,
  );

  const verifier = auditVerifier(environment());
  const shares: number[] = [];
  const verified = async () => {
    const before = performance.eventLoopUtilization();
    const both = await Promise.all([verifier.verify({ tenant }), verifier.verify({ tenant })]);
    shares.push(performance.eventLoopUtilization(before).utilization);
    return both;
  };
  const [report, same] = await verified();
  // A pause of the machine would look like a blocked event loop.
  while (Math.min(...shares) >= 0.2 && shares.length < 3) await verified();
  expect(report).toMatchObject({ rows: 8000, batches: 8, findings: [], trustedBy: 'ownKey' });
  expect(report.copies).toMatchObject([
    { heads: 8, waiting: 0 },
    { heads: 8, waiting: 0 },
  ]);
  expect(same).toBe(report);
  expect(Math.min(...shares)).toBeLessThan(0.2);

  // An attacker with access to the database and the store.
  await test_.owner.sql.begin(async (tx) => {
    await tx`set local session_replication_role = replica`;
    await tx.unsafe(
      `delete from audit_seals where position > 7000; delete from audit_log where id > 'aud_00007000'; delete from audit_heads where batch = 8`,
    );
  });
  const from = {
    batch: 6,
    digest:
      (await test_.registry.audit.heads({ tenant, pageSize: 2 })).items[1]?.digest ?? 'sha256:',
  };
  expect(await verifier.verify({ tenant, from })).toMatchObject({
    rows: 1000,
    findings: [
      { kind: 'cutOff', batch: 8, detail: expect.stringContaining('s3://') as string },
      { kind: 'cutOff', batch: 8, detail: expect.stringContaining('copies.ndjson') as string },
    ],
  });
  await verifier.close();
  for (const archive of archives) archive.close();
});

test('an error in the thread keeps its type and its next step', async () => {
  const verifier = auditVerifier(environment({ AWS_SECRET_ACCESS_KEY: 'wrong' }));
  await expect(verifier.verify({ tenant })).rejects.toMatchObject({
    type: 'Forbidden',
    next: expect.stringContaining('AWS_SECRET_ACCESS_KEY') as string,
  });
  await verifier.close();
});
