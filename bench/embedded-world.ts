import { join, resolve } from 'node:path';
import type { S3Settings } from '../data/artifact/s3';
import type { openDeathWatch } from '../infra/death-watch';
import { findPostgres, findServer } from '../infra/embedded/binaries';
import { startPostgres } from '../infra/embedded/postgres';
import { seaweedPortNames, startSeaweed, type SeaweedPorts } from '../infra/embedded/seaweedfs';
import { freePorts } from '../infra/ports';
import { openServingWorld, type ServingWorld } from '../test/support/serving/serving-world';

const root = resolve(__dirname, '..');
const search = { environment: process.env, cacheDir: join(root, '.perennial', 'bin') };

/**
 * A registry on a PostgreSQL that syncs as in production, and an artifact store. Everything that
 * was started is added to `closers`, which are called in reverse.
 */
export async function openEmbeddedWorld(
  folder: string,
  watch: ReturnType<typeof openDeathWatch>,
  closers: (() => Promise<void>)[],
): Promise<ServingWorld & { readonly databaseUrl: string; readonly s3: S3Settings }> {
  const [postgresPort = 0] = await freePorts(1);
  const [postgres, s3] = await Promise.all([
    startPostgres({
      home: findPostgres(search),
      stateDir: join(folder, 'postgres'),
      logFile: join(folder, 'postgres.log'),
      port: postgresPort,
      user: 'perennial',
      password: 'bench',
      database: 'perennial',
      durability: 'on',
      guard: watch,
    }),
    openEmbeddedS3(folder, watch, closers),
  ]);
  closers.push(() => postgres.stop());
  const databaseUrl = postgres.url('perennial');
  const world = await openServingWorld(databaseUrl, s3);
  closers.push(() => world.close());
  return { ...world, databaseUrl, s3 };
}

/** The S3 server that `up` starts, with a bucket name; the first writer creates the bucket. */
export async function openEmbeddedS3(
  folder: string,
  watch: ReturnType<typeof openDeathWatch>,
  closers: (() => Promise<void>)[],
): Promise<S3Settings> {
  const ports = await freePorts(seaweedPortNames.length);
  const credentials = { accessKeyId: 'PERENNIALBENCH', secretAccessKey: 'bench-secret' };
  const server = await startSeaweed({
    binary: findServer('weed', search),
    stateDir: join(folder, 's3'),
    logFile: join(folder, 's3.log'),
    ports: Object.fromEntries(
      seaweedPortNames.map((name, index) => [name, ports[index]]),
    ) as unknown as SeaweedPorts,
    internalKey: 'bench',
    guard: watch,
    ...credentials,
  });
  closers.push(() => server.stop());
  return { endpoint: server.endpoint, region: 'us-east-1', bucket: 'bench', ...credentials };
}
