/**
 * What a run must not leave after its end (I7): processes, job folders and inputs, scratch folders,
 * unfinished uploads and open workflows. Checked from outside the product.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Client, Connection } from '@temporalio/client';
import type { S3Settings } from '../../data/artifact/s3';
import { openArtifactStore, type ArtifactStore } from '../../data/artifact/store';
import { embeddedDatabase } from '../../infra/backends';
import { readPrivateJson } from '../../infra/private-file';
import type { Secrets } from '../../infra/secrets';
import { statePaths } from '../../infra/state-paths';
import type { Product } from './process/product';
import { pause } from './process/product';

const tenant = 'default';

/**
 * The environment of the process. Its secrets came through a file that is closed, so they are read
 * from the platform's files.
 */
export function readEnvironment(pid: number): Record<string, string> {
  const entries = readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0').filter(Boolean);
  const { PERENNIAL_SETTINGS_DESCRIPTOR: descriptor, ...shown } = Object.fromEntries(
    entries.map((entry) => [
      entry.slice(0, entry.indexOf('=')),
      entry.slice(entry.indexOf('=') + 1),
    ]),
  );
  return descriptor === undefined
    ? shown
    : { ...shown, ...hiddenSettings(shown['PERENNIAL_STATE_DIR'] ?? '') };
}

function hiddenSettings(stateDir: string): Record<string, string> {
  const paths = statePaths(stateDir);
  const secrets = readPrivateJson(paths.secrets) as Secrets;
  const keys = readPrivateJson(join(paths.run, 'keys.json')) as { readonly service: string };
  return {
    PERENNIAL_DATABASE_URL: embeddedDatabase(paths)?.url ?? '',
    AWS_ACCESS_KEY_ID: secrets.s3AccessKeyId,
    AWS_SECRET_ACCESS_KEY: secrets.s3SecretAccessKey,
    PERENNIAL_SERVICE_KEY: keys.service,
  };
}

const patienceSeconds = 30;

/**
 * Waits until nothing is left of any run, and no workflow is open except those with the given ids and
 * the monitors of models that have a champion. Throws with the remaining items.
 */
export async function expectNothingLeft(
  product: Product,
  open: readonly string[] = [],
): Promise<void> {
  const deadline = Date.now() + patienceSeconds * 1000;
  // The worker may still be restarting after a test killed it.
  while (product.pids('main.ts worker').length === 0 && Date.now() < deadline) await pause(50);
  const store = openStore(product);
  const temporal = openTemporal(product);
  try {
    for (;;) {
      const left = [
        ...jobProcesses(product),
        ...jobFolders(product),
        ...jobInputs(product),
        ...scratchFolders(product),
        ...(await staged(store)),
        ...(await openWorkflows(product, temporal, open)),
      ];
      if (left.length === 0) return;
      if (Date.now() > deadline) throw new Error(`left behind: ${left.join(', ')}`);
      await pause(200);
    }
  } finally {
    await temporal.connection.close();
    store.close();
  }
}

/** The product's own artifact store. */
export function openStore(product: Product): ArtifactStore {
  return openArtifactStore({ ...findStore(product), leases: null });
}

/** Its address, as the product's processes use it. */
export function findStore(product: Pick<Product, 'pids'>): S3Settings {
  const environment = environmentOfWorker(product);
  return {
    endpoint: environment['PERENNIAL_S3_ENDPOINT'] ?? '',
    region: environment['AWS_REGION'] ?? '',
    bucket: environment['PERENNIAL_S3_BUCKET'] ?? 'perennial',
    accessKeyId: environment['AWS_ACCESS_KEY_ID'] ?? '',
    secretAccessKey: environment['AWS_SECRET_ACCESS_KEY'] ?? '',
  };
}

/** The product's own Temporal. */
export function openTemporal(product: Pick<Product, 'pids'>): Client {
  const environment = environmentOfWorker(product);
  // A killed server responds after its restart.
  const connection = Connection.lazy({ address: environment['PERENNIAL_TEMPORAL_ADDRESS'] ?? '' });
  return new Client({
    connection,
    namespace: environment['PERENNIAL_TEMPORAL_NAMESPACE'] ?? 'perennial',
  });
}

function environmentOfWorker(product: Pick<Product, 'pids'>): Record<string, string> {
  const [worker] = product.pids('main.ts worker');
  if (worker === undefined)
    throw new Error(
      'no worker of the product is running, or came back: where it kept things is not known',
    );
  return readEnvironment(worker);
}

/**
 * Every Python process of this platform's jobs, whatever its parent, except the warm parents of
 * running workers.
 */
function jobProcesses({ stateDir }: Product): string[] {
  const mark = `PERENNIAL_COMPUTE_STATE=${join(stateDir, 'state', 'compute')}`;
  return readdirSync('/proc').flatMap((entry) => {
    if (!/^\d+$/.test(entry) || !read(`/proc/${entry}/environ`).split('\0').includes(mark))
      return [];
    const [, state = 'Z', parent = ''] = /\) (\S) (\d+)/.exec(read(`/proc/${entry}/stat`)) ?? [];
    if (state === 'Z' || read(`/proc/${parent}/cmdline`).includes('main.ts\0worker')) return [];
    return [`process ${entry} (${read(`/proc/${entry}/cmdline`).replaceAll('\0', ' ').trim()})`];
  });
}

function jobFolders({ stateDir }: Product): string[] {
  return folders(join(stateDir, 'state', 'compute')).map(
    (folder) => `job ${read(join(folder, 'job.json')).slice(0, 120) || folder}`,
  );
}

function jobInputs({ stateDir }: Product): string[] {
  const cache = join(stateDir, 'state', 'job-inputs');
  return existsSync(cache) ? readdirSync(cache).map((name) => `input of a job ${name}`) : [];
}

function scratchFolders({ stateDir }: Product): string[] {
  return folders(join(stateDir, 'state', 'scratch')).map((folder) => `scratch ${folder}`);
}

async function staged(store: ArtifactStore): Promise<string[]> {
  const runs = await store.staging.runs(tenant).catch((error: unknown) => [String(error)]);
  return runs.map((run) => `unfinished upload of ${run}`);
}

async function openWorkflows(
  product: Product,
  { workflow }: Client,
  expected: readonly string[],
): Promise<string[]> {
  const left: string[] = [];
  try {
    for await (const { workflowId, type } of workflow.list({
      query: 'ExecutionStatus = "Running"',
    }))
      if (!expected.includes(workflowId) && !(await watchesChampion(product, workflowId)))
        left.push(`open workflow ${type} ${workflowId}`);
  } catch (error) {
    left.push(`open workflows are not known: ${String(error)}`);
  }
  return left;
}

async function watchesChampion(product: Product, workflowId: string): Promise<boolean> {
  const [kind, , model] = workflowId.split('/');
  if (kind !== 'monitor') return false;
  const path = `/models/${model ?? ''}/aliases/champion`;
  const { body } = await product.call<{ readonly version?: number | null }>('GET', path);
  return typeof body.version === 'number';
}

function folders(root: string): string[] {
  if (!existsSync(root)) return [];
  return readdirSync(root, { withFileTypes: true }).flatMap((entry) =>
    entry.isDirectory() ? [join(root, entry.name)] : [],
  );
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
