import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { grantApplicationRole } from '../../db/application-role';
import { openDatabase } from '../../db/connection';
import { migrate } from '../../db/migrate';
import { openDeathWatch } from '../../infra/death-watch';
import { findPostgres, findServer } from '../../infra/embedded/binaries';
import { startPostgres } from '../../infra/embedded/postgres';
import { seaweedPortNames, startSeaweed, type SeaweedPorts } from '../../infra/embedded/seaweedfs';
import { startTemporal } from '../../infra/embedded/temporal';
import { freePorts } from '../../infra/ports';
import { processIdentity } from '../../data/process-identity';
import { asApplication, migratedTemplate, platformVariable, type TestPlatform } from './platform';

const root = resolve(__dirname, '..', '..');
const prefix = 'perennial-test-';

/**
 * Starts PostgreSQL, the S3 store and Temporal once for all platform tests of this jest process, on
 * free ports and in a temporary folder.
 */
export default async function setUpPlatform(): Promise<void> {
  removeLeftFolders();
  const watch = openDeathWatch();
  const stateDir = mkdtempSync(join(tmpdir(), `${prefix}${process.pid}-`));
  const search = { environment: process.env, cacheDir: join(root, '.perennial', 'bin') };
  const log = (name: string): string => join(stateDir, 'log', `${name}.log`);
  const [postgresPort = 0, grpc = 0, ui = 0, ...seaweedPorts] = await freePorts(
    3 + seaweedPortNames.length,
  );
  const credentials = { accessKeyId: 'PERENNIALTEST', secretAccessKey: 'test-secret' };

  const [database, s3, temporal] = await Promise.all([
    startPostgres({
      home: findPostgres(search),
      stateDir: join(stateDir, 'postgres'),
      logFile: log('postgres'),
      port: postgresPort,
      user: 'perennial',
      password: 'test',
      database: migratedTemplate,
      durability: 'off',
      guard: watch,
    }),
    startSeaweed({
      binary: findServer('weed', search),
      stateDir: join(stateDir, 's3'),
      logFile: log('s3'),
      internalKey: 'test',
      guard: watch,
      ...credentials,
      ports: Object.fromEntries(
        seaweedPortNames.map((name, index) => [name, seaweedPorts[index]]),
      ) as unknown as SeaweedPorts,
    }),
    startTemporal({
      binary: findServer('temporal', search),
      stateDir: join(stateDir, 'temporal'),
      logFile: log('temporal'),
      ports: { grpc, ui },
      guard: watch,
    }),
  ]);

  const template = openDatabase({ url: database.url(migratedTemplate) });
  await migrate(template);
  await grantApplicationRole(template, asApplication(database.url(migratedTemplate)));
  await template.close(); // nobody may be connected to what is copied

  const platform: TestPlatform = {
    databaseUrl: database.url('postgres'),
    s3: { endpoint: s3.endpoint, region: 'us-east-1', ...credentials },
    temporal: { address: temporal.address, uiUrl: temporal.uiUrl },
  };
  process.env[platformVariable] = JSON.stringify(platform);
  globalThis.stopTestPlatform = async () => {
    process.kill(s3.pid, 'SIGKILL'); // its orderly stop takes seconds, and nothing of it is kept
    await Promise.all([temporal.stop(), s3.exited, database.stop()]);
    await watch.close();
    rmSync(stateDir, { recursive: true, force: true });
  };
}

declare global {
  var stopTestPlatform: (() => Promise<void>) | undefined;
}

/** Removes folders of killed jest processes; the death watch has ended their servers. */
function removeLeftFolders(): void {
  for (const name of readdirSync(tmpdir())) {
    const pid = new RegExp(`^${prefix}(\\d+)-`).exec(name)?.[1];
    if (pid !== undefined && processIdentity(Number(pid)) === null)
      rmSync(join(tmpdir(), name), { recursive: true, force: true });
  }
}
