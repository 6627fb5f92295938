import { join, resolve } from 'node:path';
import type { openDeathWatch } from '../infra/death-watch';
import { findPostgres, findServer } from '../infra/embedded/binaries';
import { startPostgres } from '../infra/embedded/postgres';
import { seaweedPortNames, startSeaweed, type SeaweedPorts } from '../infra/embedded/seaweedfs';
import { freePorts } from '../infra/ports';
import { openServingWorld, type ServingWorld } from '../test/support/serving-world';

const root = resolve(__dirname, '..');

/** A registry on a PostgreSQL that syncs as in production, and an artifact store; what was started is added to `closers`, to be ended in reverse. */
export async function openEmbeddedWorld(
  folder: string,
  watch: ReturnType<typeof openDeathWatch>,
  closers: (() => Promise<void>)[],
): Promise<ServingWorld> {
  const search = { environment: process.env, cacheDir: join(root, '.perennial', 'bin') };
  const [postgresPort = 0, ...seaweedPorts] = await freePorts(1 + seaweedPortNames.length);
  const credentials = { accessKeyId: 'PERENNIALBENCH', secretAccessKey: 'bench-secret' };
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
    startSeaweed({
      binary: findServer('weed', search),
      stateDir: join(folder, 's3'),
      logFile: join(folder, 's3.log'),
      ports: Object.fromEntries(seaweedPortNames.map((name, index) => [name, seaweedPorts[index]])) as unknown as SeaweedPorts,
      internalKey: 'bench',
      guard: watch,
      ...credentials,
    }),
  ]);
  closers.push(
    () => postgres.stop(),
    () => s3.stop(),
  );
  const world = await openServingWorld(postgres.url('perennial'), {
    endpoint: s3.endpoint,
    region: 'us-east-1',
    bucket: 'bench',
    ...credentials,
  });
  closers.push(() => world.close());
  return world;
}
