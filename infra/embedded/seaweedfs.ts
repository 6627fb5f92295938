import { mkdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { get } from 'node:http';
import { join } from 'node:path';
import type { ProcessGuard } from '../death-watch';
import { serverEnvironment, startServer, type RunningServer } from './server-process';
import { ensureStoreCertificates, type StoreCertificates } from './store-certificates';

export interface SeaweedPorts {
  readonly s3: number;
  readonly s3Grpc: number;
  readonly master: number;
  readonly masterGrpc: number;
  readonly volume: number;
  readonly volumeGrpc: number;
  readonly filer: number;
  readonly filerGrpc: number;
  readonly admin: number;
  readonly adminGrpc: number;
}

export const seaweedPortNames = [
  ...([
    's3',
    's3Grpc',
    'master',
    'masterGrpc',
    'volume',
    'volumeGrpc',
    'filer',
    'filerGrpc',
    'admin',
    'adminGrpc',
  ] as const),
] satisfies readonly (keyof SeaweedPorts)[];

export interface SeaweedOptions {
  readonly binary: string;
  readonly stateDir: string;
  readonly logFile: string;
  readonly ports: SeaweedPorts;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  /**
   * Signs requests between the parts of the store. Without it, the filer is open to local users.
   */
  readonly internalKey: string;
  readonly guard: ProcessGuard;
  readonly signal?: AbortSignal | undefined;
}

export interface EmbeddedSeaweed extends RunningServer {
  readonly endpoint: string;
}

/**
 * SeaweedFS in one process as an S3 store on loopback. Conditional writes, checksums and signatures
 * are checked, and telemetry is off. All ports except S3 require mutual TLS, because otherwise any
 * local user gets read tokens from the master and can delete objects by gRPC.
 */
export async function startSeaweed(options: SeaweedOptions): Promise<EmbeddedSeaweed> {
  const dataDir = join(options.stateDir, 'data');
  mkdirSync(dataDir, { recursive: true, mode: 0o700 });
  const config = join(options.stateDir, 's3.json');
  writeFileSync(config, JSON.stringify(identities(options)), { mode: 0o600 });
  removeSockets(options.ports);
  const certificates = await ensureStoreCertificates(join(options.stateDir, 'tls'));
  const server = await startServer({
    name: 'The S3 store (SeaweedFS)',
    command: options.binary,
    args: [
      '-logtostderr=true',
      'mini',
      `-dir=${dataDir}`,
      `-s3.config=${config}`,
      ...flags,
      ...portFlags(options.ports),
    ],
    env: serverEnvironment({ ...environment(options.internalKey), ...mutualTls(certificates) }),
    cwd: dataDir,
    logFile: options.logFile,
    ready: () => answersWell(options.ports.s3),
    readySeconds: 60,
    stopSignal: 'SIGTERM',
    // Its volume server waits without limit for idle connections to close. The filer is closed by
    // then, and volumes are append-only files.
    stopSeconds: 4,
    guard: options.guard,
    signal: options.signal,
  });
  void server.exited.then(() => removeSockets(options.ports));
  return { ...server, endpoint: `http://127.0.0.1:${options.ports.s3}` };
}

const flags = [
  ...[
    '-ip=127.0.0.1',
    '-ip.bind=127.0.0.1',
    '-s3.iam=false',
    '-s3.port.iceberg=0',
    '-s3.port.lance=0',
  ],
  ...[
    '-admin.ui=false',
    '-webdav=false',
    '-master.telemetry=false',
    '-filer.disableDirListing=true',
    '-volume.preStopSeconds=0',
    // Each bucket takes at least one volume. Without this flag, their number is the free disk space
    // by the size of a full volume, and a new bucket beyond it answers each upload with status 500.
    '-volume.max=10000',
  ],
];

function portFlags(ports: SeaweedPorts): string[] {
  return (['s3', 'master', 'volume', 'filer', 'admin'] as const).flatMap((part) => [
    `-${part}.port=${ports[part]}`,
    `-${part}.port.grpc=${ports[`${part}Grpc`]}`,
  ]);
}

function environment(internalKey: string): Record<string, string> {
  return {
    GOMEMLIMIT: '300MiB', // without it, memory use reaches 700 MB
    WEED_JWT_SIGNING_KEY: `${internalKey}.w`,
    WEED_JWT_SIGNING_READ_KEY: `${internalKey}.r`,
    WEED_JWT_FILER_SIGNING_KEY: `${internalKey}.fw`,
    WEED_JWT_FILER_SIGNING_READ_KEY: `${internalKey}.fr`,
  };
}

/** Settings of security.toml (`weed scaffold -config=security`); the environment has priority. */
function mutualTls({ ca, cert, key }: StoreCertificates): Record<string, string> {
  const grpc = [
    'MASTER',
    'VOLUME',
    'FILER',
    'S3',
    'ADMIN',
    'WORKER',
    'MSG_BROKER',
    'MSG_AGENT',
    'MQ',
    'CLIENT',
  ].map((part) => `GRPC_${part}`);
  const https = ['MASTER', 'VOLUME', 'FILER', 'ADMIN', 'CLIENT'].map((part) => `HTTPS_${part}`);
  return Object.fromEntries([
    ['WEED_GRPC_CA', ca],
    ['WEED_HTTPS_CLIENT_ENABLED', 'true'],
    ...https.map((part) => [`WEED_${part}_CA`, ca]),
    ...[...grpc, ...https].flatMap((part) => [
      [`WEED_${part}_CERT`, cert],
      [`WEED_${part}_KEY`, key],
    ]),
  ]) as Record<string, string>;
}

function identities(options: SeaweedOptions): unknown {
  const credentials = [{ accessKey: options.accessKeyId, secretKey: options.secretAccessKey }];
  return {
    identities: [
      { name: 'perennial', credentials, actions: ['Admin', 'Read', 'Write', 'List', 'Tagging'] },
    ],
  };
}

/** SeaweedFS also listens on Unix sockets in /tmp, named by port, and leaves them after SIGKILL. */
function findSocket(name: keyof SeaweedPorts, port: number): string | null {
  if (name === 's3' || name === 'filer') return `/tmp/seaweedfs-${name}-${port}.sock`;
  return name.endsWith('Grpc')
    ? `/tmp/seaweedfs-${name.slice(0, -'Grpc'.length)}-grpc-${port}.sock`
    : null;
}

/**
 * Whether no other user's socket of this name exists. Only its owner can remove it from /tmp, and
 * the store would hang.
 */
export function isSocketFree(name: keyof SeaweedPorts, port: number): boolean {
  const socket = findSocket(name, port);
  const owner = socket === null ? undefined : statSync(socket, { throwIfNoEntry: false })?.uid;
  return owner === undefined || owner === process.getuid?.() || process.getuid?.() === 0;
}

function removeSockets(ports: SeaweedPorts): void {
  for (const name of seaweedPortNames) {
    const socket = findSocket(name, ports[name]);
    if (socket !== null && isSocketFree(name, ports[name])) rmSync(socket, { force: true });
  }
}

async function answersWell(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const request = get(
      { host: '127.0.0.1', port, path: '/healthz', timeout: 1000, agent: false },
      (response) => {
        response.resume();
        resolve(response.statusCode === 200);
      },
    );
    request.once('timeout', () => request.destroy());
    request.once('error', () => resolve(false));
  });
}
