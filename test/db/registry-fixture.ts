import { createHash } from 'node:crypto';
import type { ArtifactRef, Digest } from '../../domain/artifact';
import { defaultTenant, type RunId, type Tenant } from '../../domain/ids';
import type { ModelLifecycleSpec } from '../../domain/lifecycle/lifecycle';
import type { ModelSignature } from '../../domain/model/model';
import { openDatabase, type Database } from '../../db/connection';
import { createRegistry, type Registry } from '../../db/registry';
import { migratedDatabase } from '../support/platform';

export const tenant = defaultTenant;

export interface TestRegistry {
  readonly url: string;
  /** With the rights of the platform's processes. */
  readonly database: Database;
  /** With all rights, such as to tamper with tables. */
  readonly owner: Database;
  readonly ownerUrl: string;
  readonly registry: Registry;
  close(): Promise<void>;
}

/** A separate migrated database. */
export async function openTestRegistry(
  options: { readonly maxConnections?: number } = {},
): Promise<TestRegistry> {
  const created = await migratedDatabase();
  const { url, ownerUrl } = created;
  const database = openDatabase({ url, ...options });
  const owner = openDatabase({ url: ownerUrl, maxConnections: 2 });
  return {
    url,
    ownerUrl,
    database,
    owner,
    registry: createRegistry(database),
    close: async () => {
      await Promise.all([database.close(), owner.close()]);
      await created.drop();
    },
  };
}

/**
 * Faster than a separate database for every test. No trigger fires.
 */
export async function empty({ owner }: TestRegistry, tables: readonly string[]): Promise<void> {
  await owner.sql.begin(async (tx) => {
    await tx`set local session_replication_role = replica`;
    await tx.unsafe(`truncate ${tables.join(', ')} cascade`);
  });
}

let made = 0;

/** A name that no other test of the file uses. */
export function unique(prefix: string): string {
  made += 1;
  return `${prefix}-${made}`;
}

export function toDigest(text: string): Digest {
  return `sha256:${createHash('sha256').update(text).digest('hex')}`;
}

export function refTo(text: string): ArtifactRef {
  const digest = toDigest(text);
  return {
    uri: `s3://bucket/t/default/cas/${digest}`,
    digest,
    bytes: text.length,
    mediaType: 'application/json',
  };
}

export const signature: ModelSignature = {
  task: 'classification',
  request: [{ name: 'distance', type: 'number' }],
  features: [{ name: 'distance', type: 'float' }],
  output: 'score',
  entity: null,
  time: null,
};

export const spec = {
  kind: 'ModelLifecycle',
  name: 'flight-delay',
  owner: 'ops@airline.example',
  labels: {},
  // The parts that judge: an applied revision is compared with the one in force.
  data: {
    label: { column: 'late', availableAfterSeconds: 0, dependsOnPrediction: false },
    split: { holdoutDays: 30 },
  },
  evaluate: { metrics: [], slices: null, gates: [], ungated: 'a fixture' },
  canary: null,
  promote: { approval: { required: 0, role: 'approver', allowStarter: false, timeoutSeconds: 60 } },
} as unknown as ModelLifecycleSpec;

export async function applyLifecycle(
  registry: Registry,
  lifecycle: string,
  content = 'first',
  of: Tenant = tenant,
): Promise<Digest> {
  const digest = toDigest(`${lifecycle} ${content}`);
  const revision = {
    lifecycle,
    digest,
    spec: { ...spec, name: lifecycle },
    files: { 'a.sql': refTo(content) },
    contracts: {},
  };
  await registry.lifecycles.apply({ tenant: of, revision, actor: 'key:test' });
  return digest;
}

/** A running run of a new lifecycle, or of the named one that was applied. */
export async function startRun(registry: Registry, applied?: string): Promise<RunId> {
  const lifecycle = applied ?? unique('lifecycle');
  if (applied === undefined) await applyLifecycle(registry, lifecycle);
  const workflowId = unique('workflow');
  const run = await registry.runs.open({
    tenant,
    workflowId,
    lifecycle,
    request: {},
    actor: 'schedule',
    traceId: 'trace',
  });
  return run.id;
}

export async function registerVersions(
  registry: Registry,
  model: string,
  count: number,
): Promise<RunId> {
  const runId = await startRun(registry);
  for (let version = 1; version <= count; version++) {
    await registry.models.register({
      tenant,
      model,
      runId,
      manifest: refTo(`${model} ${version}`),
      signature,
      idempotencyKey: `${model}/register/${version}`,
    });
  }
  return runId;
}
