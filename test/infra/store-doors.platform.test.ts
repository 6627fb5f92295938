import {
  CreateBucketCommand,
  GetObjectCommand,
  PutObjectCommand,
  S3Client,
} from '@aws-sdk/client-s3';
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { connect as connectHttp2 } from 'node:http2';
import { request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { json } from 'node:stream/consumers';
import { openDeathWatch, type DeathWatch } from '../../infra/death-watch';
import { findServer } from '../../infra/embedded/binaries';
import {
  seaweedPortNames,
  startSeaweed,
  type EmbeddedSeaweed,
  type SeaweedPorts,
} from '../../infra/embedded/seaweedfs';
import { freePorts } from '../../infra/ports';

/** What a client shows of itself; the second is what the parts of the store have. */
interface Identity {
  readonly ca: Buffer;
  readonly cert?: Buffer;
  readonly key?: Buffer;
}

const credentials = { accessKeyId: 'PERENNIALDOORS', secretAccessKey: 'doors-secret' };
let [stateDir, watch, store, ports] = ['', null, null, {}] as unknown as [
  string,
  DeathWatch,
  EmbeddedSeaweed,
  SeaweedPorts,
];
let stranger: Identity;
let part: Identity;

beforeAll(async () => {
  stateDir = mkdtempSync(join(tmpdir(), 'perennial-doors-'));
  watch = openDeathWatch();
  const free = await freePorts(seaweedPortNames.length);
  ports = Object.fromEntries(
    seaweedPortNames.map((name, index) => [name, free[index]]),
  ) as unknown as SeaweedPorts;
  const binary = findServer('weed', {
    environment: process.env,
    cacheDir: resolve(__dirname, '..', '..', '.perennial', 'bin'),
  });
  const options = {
    binary,
    stateDir: join(stateDir, 's3'),
    logFile: join(stateDir, 's3.log'),
    internalKey: 'doors',
    guard: watch,
  };
  store = await startSeaweed({ ...options, ports, ...credentials });
  const pem = (name: string) => readFileSync(join(stateDir, 's3', 'tls', name));
  stranger = { ca: pem('ca.pem') };
  part = { ...stranger, cert: pem('store.pem'), key: pem('store.key') };
});
afterAll(async () => {
  process.kill(store.pid, 'SIGKILL');
  await store.exited;
  await watch.close();
  rmSync(stateDir, { recursive: true, force: true });
});

/** HTTP status, or `refused` when there is no answer at all. */
function ask(
  method: string,
  port: number,
  path: string,
  identity: Identity | null,
): Promise<number | 'refused'> {
  const where = { method, host: '127.0.0.1', port, path, agent: false } as const;
  return new Promise((done) => {
    const request =
      identity === null ? requestHttp(where) : requestHttps({ ...where, ...identity });
    request.once('response', (response) => {
      response.resume();
      done(response.statusCode ?? 'refused');
    });
    request.once('error', () => done('refused'));
    request.end();
  });
}

function readJson(port: number, path: string, identity: Identity): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const where = { host: '127.0.0.1', port, path, agent: false } as const;
    requestHttps({ ...where, ...identity }, (response) => {
      json(response).then(resolve, reject);
    })
      .once('error', reject)
      .end();
  });
}

/** gRPC status of a call without arguments, or `refused`. */
function callGrpc(port: number, path: string, identity: Identity | null): Promise<string> {
  return new Promise((done) => {
    const session = connectHttp2(
      `${identity === null ? 'http' : 'https'}://127.0.0.1:${port}`,
      identity ?? {},
    );
    const end = (answer: string): void => {
      session.destroy();
      done(answer);
    };
    session.once('error', () => end('refused'));
    session.once('close', () => done('refused'));
    const call = session.request({
      ':method': 'POST',
      ':path': path,
      'content-type': 'application/grpc',
      te: 'trailers',
    });
    call.once('error', () => end('refused'));
    call.once('trailers', (trailers: Readonly<Record<string, unknown>>) =>
      end(`status ${String(trailers['grpc-status'])}`),
    );
    call.once('response', (headers) => {
      if (headers['grpc-status'] !== undefined) end(`status ${String(headers['grpc-status'])}`);
    });
    call.resume();
    call.end(Buffer.alloc(5));
  });
}

test('S3 with credentials stores and returns objects', async () => {
  const s3 = new S3Client({
    endpoint: store.endpoint,
    region: 'us-east-1',
    forcePathStyle: true,
    credentials,
  });
  await s3.send(new CreateBucketCommand({ Bucket: 'doors' }));
  await s3.send(new PutObjectCommand({ Bucket: 'doors', Key: 'k', Body: 'bytes' }));
  expect(
    await (
      await s3.send(new GetObjectCommand({ Bucket: 'doors', Key: 'k' }))
    ).Body?.transformToString(),
  ).toBe('bytes');
  s3.destroy();
});

describe.each([
  ['over plain HTTP', () => null],
  ['over TLS without a certificate', () => stranger],
])('a local process without the store’s certificate, %s,', (_, identity) => {
  test.each([
    ['a token to write', 'GET', 'master', '/dir/assign'],
    ['a token to read', 'GET', 'master', '/dir/lookup?volumeId=1&fileId=1,0&read=yes'],
    ['a volume’s bytes', 'GET', 'volume', '/1,0123456789'],
    ['an object of the filer', 'GET', 'filer', '/buckets/doors/k'],
    ['the removal of an object', 'DELETE', 'filer', '/buckets/doors/k'],
    ['the admin server', 'GET', 'admin', '/'],
  ] as const)('does not get %s', async (_what, method, server, path) => {
    expect(['refused', 400]).toContain(await ask(method, ports[server], path, identity()));
  });

  test.each([
    ['master', 'masterGrpc', '/master_pb.Seaweed/VolumeList'],
    ['volume server', 'volumeGrpc', '/volume_server_pb.VolumeServer/VolumeServerStatus'],
    ['filer', 'filerGrpc', '/filer_pb.SeaweedFiler/GetFilerConfiguration'],
  ] as const)('cannot call gRPC of the %s', async (_what, server, path) => {
    expect(await callGrpc(ports[server], path, identity())).toBe('refused');
  });
});

test('both respond with the certificate, so the endpoints above exist', async () => {
  expect(await ask('GET', ports.master, '/dir/assign', part)).toBe(200);
  expect(await callGrpc(ports.masterGrpc, '/master_pb.Seaweed/VolumeList', part)).toBe('status 0');
  expect(
    await callGrpc(ports.filerGrpc, '/filer_pb.SeaweedFiler/GetFilerConfiguration', part),
  ).toBe('status 0');
});

test('has room for 10,000 buckets, however little of the disk is free', async () => {
  // Each bucket takes a volume. SeaweedFS derives the number of volumes from the free disk space.
  const { Topology } = (await readJson(ports.master, '/dir/status', part)) as {
    readonly Topology: { readonly Max: number };
  };
  expect(Topology.Max).toBe(10_000);
});

test('only this user can read the certificates, and the authority’s key is not kept', () => {
  const tls = join(stateDir, 's3', 'tls');
  for (const name of ['ca.pem', 'store.pem', 'store.key'])
    expect(statSync(join(tls, name)).mode & 0o077).toBe(0);
  expect(() => statSync(join(tls, 'ca.key'))).toThrow();
});
