import { join } from 'node:path';
import type { ProcessGuard } from './death-watch';
import { findPostgres, findServer } from './embedded/binaries';
import { startPostgres } from './embedded/postgres';
import { seaweedPortNames, startSeaweed, type SeaweedPorts } from './embedded/seaweedfs';
import { hiddenUiAddress, startTemporal } from './embedded/temporal';
import { readPrivateJson } from './private-file';
import type { Secrets } from './secrets';
import type { StatePaths } from './state-paths';
import type { Supervisor } from './supervisor';

export type BackendEnvironment = Readonly<Record<string, string | undefined>>;

/** A backend of Perennial: started on this machine, or an existing service. */
export interface BackendTarget {
  readonly name: string;
  /** URL without credentials. */
  readonly where: string;
  readonly embedded: boolean;
}

export interface Backends {
  readonly targets: readonly BackendTarget[];
  /** Settings for the platform's processes. */
  readonly environment: Readonly<Record<string, string>>;
  /** Further settings, for setup alone. */
  readonly setupEnvironment: Readonly<Record<string, string>>;
  /** Address of the embedded Temporal Web UI; null when it is not embedded. */
  readonly uiServer: string | null;
}

export const backendPortNames = [
  'postgres',
  'temporal',
  'temporalUi',
  'temporalUiServer',
  ...seaweedPortNames,
] as const;
export type BackendPorts = Readonly<Record<(typeof backendPortNames)[number], number>>;

export interface BackendOptions {
  readonly environment: BackendEnvironment;
  /** Folder of the provisioned files: bin/, python/, samples/. */
  readonly cacheDir: string;
  readonly paths: StatePaths;
  readonly secrets: Secrets;
  readonly ports: BackendPorts;
  readonly guard: ProcessGuard;
  readonly supervisor: Supervisor;
}

/** Starts each backend that has no configured address, all in parallel. */
export async function startBackends(options: BackendOptions): Promise<Backends> {
  const parts: readonly Backend[] = await Promise.all([
    database(options),
    artifacts(options),
    temporal(options),
  ]);
  return {
    targets: parts.map(({ target }) => target),
    environment: mergeSettings(parts.map((part) => part.environment)),
    setupEnvironment: mergeSettings(parts.map((part) => part.setupEnvironment ?? {})),
    uiServer: parts.map((part) => part.uiServer).find((server) => server !== undefined) ?? null,
  };
}

type Settings = Readonly<Record<string, string>>;

interface Backend {
  readonly target: BackendTarget;
  readonly uiServer?: string;
  readonly environment: Settings;
  readonly setupEnvironment?: Settings;
}

function mergeSettings(parts: readonly Settings[]): Settings {
  return Object.assign({}, ...parts) as Settings;
}

async function database({
  environment,
  cacheDir,
  paths,
  secrets,
  ports,
  guard,
  supervisor,
}: BackendOptions): Promise<Backend> {
  const named = environment['PERENNIAL_DATABASE_URL'];
  const name = 'Registry (PostgreSQL)';
  if (named)
    return {
      target: { name, where: withoutCredentials(named), embedded: false },
      environment: { PERENNIAL_DATABASE_URL: named, [ownerSetting]: '' },
      setupEnvironment: { [ownerSetting]: environment[ownerSetting] ?? '' },
    };
  const home = findPostgres({ environment, cacheDir: join(cacheDir, 'bin') });
  const [user, base, port] = [databaseUser, databaseName, ports.postgres];
  await supervisor.run({
    name: 'PostgreSQL',
    tier: 0, // ends last, because the others write to it
    start: (signal) =>
      startPostgres({
        home,
        stateDir: join(paths.state, 'postgres'),
        logFile: join(paths.log, 'postgres.log'),
        port,
        user,
        database: base,
        guard,
        signal,
        password: secrets.databasePassword,
        durability: 'on',
      }),
  });
  const login = { user: databaseAppUser, password: secrets.databaseAppPassword };
  const url = databaseUrl(login, port);
  return {
    target: { name, where: withoutCredentials(url), embedded: true },
    environment: { PERENNIAL_DATABASE_URL: url, [ownerSetting]: '' },
    setupEnvironment: {
      [ownerSetting]: databaseUrl({ user, password: secrets.databasePassword }, port),
    },
  };
}

/** Only setup gets it. An empty value counts as not set. */
const ownerSetting = 'PERENNIAL_DATABASE_OWNER_URL';
const [databaseUser, databaseAppUser, databaseName] = ['perennial', 'perennial_app', 'perennial'];

function databaseUrl(
  { user, password }: { readonly user: string; readonly password: string },
  port: number,
): string {
  return `postgres://${user}:${password}@127.0.0.1:${port}/${databaseName}`;
}

/**
 * Addresses of the database that `up` starts, as its processes and as the owner of the tables; null
 * when `up` never started one.
 */
export function embeddedDatabase(
  paths: Pick<StatePaths, 'secrets' | 'ports'>,
): { readonly url: string; readonly ownerUrl: string } | null {
  const secrets = readPrivateJson(paths.secrets) as Partial<Secrets> | null;
  const ports = readPrivateJson(paths.ports) as Partial<BackendPorts> | null;
  if (typeof secrets?.databasePassword !== 'string' || typeof ports?.postgres !== 'number')
    return null;
  const owner = { user: databaseUser, password: secrets.databasePassword };
  // The secrets of an older version lack the second role until the next `up`.
  const app =
    secrets.databaseAppPassword === undefined
      ? owner
      : { user: databaseAppUser, password: secrets.databaseAppPassword };
  return { url: databaseUrl(app, ports.postgres), ownerUrl: databaseUrl(owner, ports.postgres) };
}

async function artifacts({
  environment,
  cacheDir,
  paths,
  secrets,
  ports,
  guard,
  supervisor,
}: BackendOptions): Promise<Backend> {
  const named = environment['PERENNIAL_S3_ENDPOINT'];
  const name = 'Artifacts (S3)';
  if (named)
    return {
      target: { name, where: withoutCredentials(named), embedded: false },
      environment: { PERENNIAL_S3_ENDPOINT: named },
    };
  const binary = findServer('weed', { environment, cacheDir: join(cacheDir, 'bin') });
  const credentials = {
    accessKeyId: secrets.s3AccessKeyId,
    secretAccessKey: secrets.s3SecretAccessKey,
    internalKey: secrets.s3InternalKey,
  };
  const seaweedPorts: SeaweedPorts = ports;
  await supervisor.run({
    name: 'The S3 store (SeaweedFS)',
    tier: 1,
    start: (signal) =>
      startSeaweed({
        binary,
        stateDir: join(paths.state, 's3'),
        logFile: join(paths.log, 's3.log'),
        ports: seaweedPorts,
        guard,
        signal,
        ...credentials,
      }),
  });
  const endpoint = `http://127.0.0.1:${ports.s3}`;
  return {
    target: { name, where: endpoint, embedded: true },
    environment: {
      PERENNIAL_S3_ENDPOINT: endpoint,
      AWS_REGION: 'us-east-1',
      AWS_ACCESS_KEY_ID: credentials.accessKeyId,
      AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
      // The shell may have a session token of another credential, which the store would refuse.
      AWS_SESSION_TOKEN: '',
    },
  };
}

async function temporal({
  environment,
  cacheDir,
  paths,
  ports,
  guard,
  supervisor,
}: BackendOptions): Promise<Backend> {
  const named = environment['PERENNIAL_TEMPORAL_ADDRESS'];
  const name = 'Workflows (Temporal)';
  if (named)
    return {
      target: { name, where: named, embedded: false },
      environment: { PERENNIAL_TEMPORAL_ADDRESS: named },
    };
  const uiAddress = hiddenUiAddress();
  const binary = findServer('temporal', { environment, cacheDir: join(cacheDir, 'bin') });
  await supervisor.run({
    name: 'The Temporal server',
    tier: 1,
    start: (signal) =>
      startTemporal({
        binary,
        stateDir: join(paths.state, 'temporal'),
        logFile: join(paths.log, 'temporal.log'),
        guard,
        signal,
        ports: { grpc: ports.temporal, ui: ports.temporalUiServer },
        uiAddress,
      }),
  });
  const [address, uiUrl] = [`127.0.0.1:${ports.temporal}`, `http://127.0.0.1:${ports.temporalUi}`];
  return {
    target: { name, where: address, embedded: true },
    uiServer: `http://${uiAddress}:${ports.temporalUiServer}`,
    environment: {
      ...forAnother(environment),
      PERENNIAL_TEMPORAL_ADDRESS: address,
      PERENNIAL_TEMPORAL_UI_URL: uiUrl,
    },
  };
}

/** Clears the shell's settings for another Temporal service; an empty value counts as not set. */
function forAnother(environment: BackendEnvironment): Record<string, string> {
  return Object.fromEntries(
    Object.keys(environment).flatMap((name) => (name.startsWith('TEMPORAL_') ? [[name, '']] : [])),
  );
}

function withoutCredentials(url: string): string {
  try {
    const { protocol, host, pathname } = new URL(url);
    return `${protocol}//${host}${pathname === '/' ? '' : pathname}`;
  } catch {
    return 'an address that is not a URL';
  }
}
