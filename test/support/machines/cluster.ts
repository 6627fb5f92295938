/**
 * The product on six machines: two workers, two APIs and two gateways. PostgreSQL, the S3 store and
 * Temporal are services with addresses. Calls alternate between the two APIs, and between the two
 * gateways.
 */
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { chmodSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { openArtifactStore } from '../../../data/artifact/store';
import { openDeathWatch } from '../../../infra/death-watch';
import { testBucket, testDatabase, testTemporal } from '../platform';
import {
  openCalls,
  pause,
  type Client,
  type Product,
  type ProductOptions,
} from '../process/product';
import { startMachine, type Machine } from './machine';
import { openNetwork, type Network } from './network';

const root = resolve(__dirname, '..', '..', '..');
const node = [
  process.execPath,
  '-r',
  join(root, 'bin', 'load-sources.cjs'),
  join(root, 'workers', 'main.ts'),
];
const stateDir = '/tmp/perennial';
const ports = { api: 8700, gateway: 8710, worker: 8730 } as const;
export type Role = keyof typeof ports;
type Pair = readonly [Machine, Machine];

export interface Services {
  /** Addresses, for `cutOff` of a machine. */
  readonly postgres: string;
  readonly s3: string;
  readonly temporal: string;
}

export interface Cluster extends Product {
  readonly machines: Readonly<Record<Role, Pair>>;
  readonly services: Services;
  readonly urls: Readonly<Record<Role, readonly [string, string]>>;
  /** As the product's processes connect to them, from outside the network. */
  readonly settings: Readonly<Record<string, string>>;
  readonly databaseUrl: string;
  /** Resolves when the process of the machine is ready. */
  ready(machine: Machine): Promise<void>;
}

export interface ClusterOptions extends ProductOptions {
  /** A folder that all machines share, and that is removed at the end; a new one by default. */
  readonly workDir?: string;
}

export async function startCluster(options: ClusterOptions = {}): Promise<Cluster> {
  const network = openNetwork();
  const watch = openDeathWatch();
  const workDir = options.workDir ?? mkdtempSync(join(tmpdir(), 'perennial-machines-'));
  // Jobs have users of their own.
  chmodSync(workDir, 0o755);
  const all: Machine[] = [];
  async function stop(): Promise<void> {
    await Promise.all(all.map((machine) => machine.destroy()));
    await network.close();
    await watch.close();
    rmSync(workDir, { recursive: true, force: true });
  }
  try {
    const { services, settings, databaseUrl } = await openServices(network);
    const own = await reachable(options.env ?? {}, network);
    const files = {
      [`${stateDir}-keys/command-keys.json`]: JSON.stringify({
        keys: [{ id: 'ck_1', secret: randomBytes(32).toString('hex') }],
      }),
      [`${stateDir}-keys/audit-key.pem`]: generateKeyPairSync('ed25519').privateKey.export({
        type: 'pkcs8',
        format: 'pem',
      }) as string,
      ...own.files,
    };
    const [adminKey, serviceKey] = [apiKey(), apiKey()];
    const common = {
      ...settings,
      PERENNIAL_STATE_DIR: stateDir,
      PERENNIAL_SERVICE_KEY: serviceKey,
      PERENNIAL_COMMAND_KEYS_FILE: `${stateDir}-keys/command-keys.json`,
      PERENNIAL_AUDIT_KEY_FILE: `${stateDir}-keys/audit-key.pem`,
      PERENNIAL_INGEST_ROOTS: `${workDir}:${root}`,
      PERENNIAL_LOG_LEVEL: 'info',
      ...own.env,
    };

    async function pair(role: Role): Promise<Pair> {
      const [a, b] = await Promise.all(
        [1, 2].map(async (number) => {
          const machine = await startMachine({
            network,
            name: `${role}-${number}`,
            // Machines that were copied from one image have the same name.
            hostname: 'localhost',
            shared: workDir,
            cwd: root,
            guard: watch,
          });
          all.push(machine);
          for (const [path, text] of Object.entries(files)) machine.writeFile(path, text);
          return machine;
        }),
      );
      if (!a || !b) throw new Error('a pair has two machines');
      return [a, b];
    }
    const machines = {
      api: await pair('api'),
      gateway: await pair('gateway'),
      worker: await pair('worker'),
    };
    const formatUrl = (role: Role, { address }: Machine) => `http://${address}:${ports[role]}`;
    const formatUrls = (role: Role) => {
      const [a, b] = machines[role];
      return [formatUrl(role, a), formatUrl(role, b)] as const;
    };
    const urls = {
      api: formatUrls('api'),
      gateway: formatUrls('gateway'),
      worker: formatUrls('worker'),
    };

    await machines.api[0].run({
      command: [...node, 'setup'],
      env: { ...common, PERENNIAL_ADMIN_KEY: adminKey },
    });
    for (const role of Object.keys(machines) as Role[])
      for (const machine of machines[role])
        machine.keepRunning({
          command: [...node, role],
          env: {
            ...common,
            PERENNIAL_BIND: machine.address,
            PERENNIAL_API_URL: urls.api[0],
            [`PERENNIAL_${role.toUpperCase()}_PORT`]: String(ports[role]),
            ...(role === 'gateway' ? { PERENNIAL_GATEWAY_URL: formatUrl(role, machine) } : {}),
          },
        });
    const ready = async (machine: Machine): Promise<void> => {
      const role = machine.name.split('-')[0] as Role;
      for (const deadline = Date.now() + 120_000; ;) {
        const answer = await fetch(`${formatUrl(role, machine)}/readyz`).catch(() => null);
        if (answer?.ok) return;
        if (Date.now() > deadline)
          throw new Error(`${machine.name} is not ready after 120 s:\n${machine.log()}`);
        await pause(200);
      }
    };
    await Promise.all(all.map(ready));

    let [apiTurn, gatewayTurn] = [0, 0];
    const client: Client = {
      get apiUrl() {
        return urls.api[(apiTurn = 1 - apiTurn) as 0 | 1];
      },
      get gatewayUrl() {
        return urls.gateway[(gatewayTurn = 1 - gatewayTurn) as 0 | 1];
      },
      apiKey: adminKey,
    };
    const cliEnv = {
      ...process.env,
      PERENNIAL_STATE_DIR: join(workDir, 'cli'),
      PERENNIAL_API_URL: urls.api[1],
      PERENNIAL_GATEWAY_URL: urls.gateway[1],
      PERENNIAL_API_KEY: adminKey,
    };
    const pids = (text: string) => all.flatMap((machine) => machine.pids(text));
    return {
      ...openCalls(client, cliEnv, workDir),
      get apiUrl() {
        return client.apiUrl;
      },
      get gatewayUrl() {
        return client.gatewayUrl;
      },
      apiKey: adminKey,
      stateDir,
      workDir,
      machines,
      services,
      urls,
      settings,
      databaseUrl,
      ready,
      pids,
      kill: (text, signal = 'SIGKILL') => {
        const found = pids(text);
        for (const pid of found) process.kill(pid, signal);
        return found;
      },
      log: () => all.map((machine) => `--- ${machine.name}\n${machine.log()}`).join('\n'),
      reach: (url) => own.rewritten(url),
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Opens the services of the test platform to the network, each with its own address. */
async function openServices(network: Network) {
  const [database, temporal, bucket] = [await testDatabase(), await testTemporal(), testBucket()];
  const store = openArtifactStore({ ...bucket, leases: null });
  await store.ensureBucket();
  store.close();
  const [databaseUrl, endpoint] = [new URL(database.appUrl), new URL(bucket.endpoint)];
  const ownerUrl = new URL(database.ownerUrl);
  const temporalPort = Number(temporal.address.split(':')[1]);
  const services: Services = {
    postgres: await network.forward({ port: Number(databaseUrl.port) }),
    s3: await network.forward({ port: Number(endpoint.port) }),
    temporal: await network.forward({ port: temporalPort }),
  };
  databaseUrl.hostname = services.postgres;
  ownerUrl.hostname = services.postgres;
  endpoint.hostname = services.s3;
  const settings = {
    PERENNIAL_TEMPORAL_ADDRESS: `${services.temporal}:${temporalPort}`,
    PERENNIAL_TEMPORAL_NAMESPACE: temporal.namespace,
    PERENNIAL_DATABASE_URL: databaseUrl.href,
    PERENNIAL_DATABASE_OWNER_URL: ownerUrl.href,
    PERENNIAL_S3_ENDPOINT: endpoint.origin,
    PERENNIAL_S3_BUCKET: bucket.bucket,
    AWS_REGION: bucket.region,
    AWS_ACCESS_KEY_ID: bucket.accessKeyId,
    AWS_SECRET_ACCESS_KEY: bucket.secretAccessKey,
  };
  return { services, settings, databaseUrl: database.url };
}

/**
 * Settings of a test for the machines: servers of the test on loopback get an address in the
 * network, and each machine gets a copy of the file of providers.
 */
async function reachable(env: Readonly<Record<string, string>>, network: Network) {
  const addresses = new Map<string, string>();
  async function rewritten(text: string): Promise<string> {
    let result = text;
    for (const [, port = ''] of text.matchAll(/\b127\.0\.0\.1:(\d+)\b/g)) {
      const address = addresses.get(port) ?? (await network.forward({ port: Number(port) }));
      addresses.set(port, address);
      result = result.replaceAll(`127.0.0.1:${port}`, `${address}:${port}`);
    }
    return result;
  }
  const files: Record<string, string> = {};
  const settings: Record<string, string> = {};
  for (const [name, value] of Object.entries(env)) {
    settings[name] = await rewritten(value);
    if (name !== 'PERENNIAL_PROVIDERS_FILE') continue;
    settings[name] = `${stateDir}-keys/providers.yaml`;
    files[settings[name]] = await rewritten(readFileSync(value, 'utf8'));
  }
  return { env: settings, files, rewritten };
}

function apiKey(): string {
  return `pk_${randomBytes(13).toString('hex')}_${randomBytes(32).toString('hex')}`;
}
