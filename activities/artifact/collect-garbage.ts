import type { Digest } from '../../domain/artifact';
import type { RunId, Tenant } from '../../domain/ids';
import { isFinal } from '../../domain/run/run';
import type { ArtifactStore } from '../../data/artifact/store';
import type { Registry } from '../../db/registry';

export interface CollectGarbage {
  readonly registry: Pick<Registry, 'artifacts' | 'retention' | 'runs'>;
  readonly artifacts: Pick<ArtifactStore, 'delete' | 'staging'>;
  readonly tenant: Tenant;
  /** Unreferenced artifacts are kept this long; the tenant's `artifactIdleDays` by default. */
  readonly idleSeconds?: number;
  /** A pass ends after about this time, and the next one continues. */
  readonly secondsAtMost?: number;
  readonly stopped?: AbortSignal;
  readonly log: {
    info(fields: object, message: string): void;
    warn(fields: object, message: string): void;
  };
}

export interface CollectedArtifacts {
  readonly marked: number;
  readonly deleted: number;
  readonly unfinishedUploads: number;
}

/** Rows per statement. A pass takes batches until none is left or its time is over. */
const batch = 500;
const defaultSeconds = 300;
/** Failures after which the pass stops deleting, because the store is probably unavailable. */
const maxFailures = 10;
const oneDay = 86_400;

/**
 * One pass of garbage collection (DESIGN §8). It deletes artifacts that were marked long enough ago
 * and are still unreferenced, then marks idle ones for a later pass. Row locks make it safe beside
 * writers and other collectors. Progress is in the rows, so the next pass continues it.
 */
export async function collectGarbage(input: CollectGarbage): Promise<CollectedArtifacts> {
  const {
    registry,
    artifacts,
    tenant,
    idleSeconds,
    secondsAtMost = defaultSeconds,
    stopped,
    log,
  } = input;
  const idle = idleSeconds ?? (await registry.retention.get({ tenant })).artifactIdleDays * oneDay;
  const endsAt = performance.now() + secondsAtMost * 1000;
  const mayContinue = (): boolean => performance.now() < endsAt && stopped?.aborted !== true;
  await registry.artifacts.unreferenceEndedBatches({ tenant });
  const deleted = await sweep(input, mayContinue);
  const marked = await mark(input, idle, mayContinue);
  const unfinishedUploads = await clearStaging({ registry, artifacts, tenant });
  const collected = { marked, deleted, unfinishedUploads };
  if (marked + deleted + unfinishedUploads > 0)
    log.info({ tenant, ...collected }, 'artifacts collected');
  return collected;
}

/** One pass for every tenant. A tenant whose pass fails does not stop the passes of the others. */
export async function collectGarbageOfAll({
  tenants,
  ...input
}: Omit<CollectGarbage, 'tenant'> & {
  readonly tenants: { readonly names: () => Promise<readonly Tenant[]> };
}): Promise<void> {
  const failures: unknown[] = [];
  for (const tenant of await tenants.names()) {
    if (input.stopped?.aborted) return;
    await collectGarbage({ ...input, tenant }).catch((error: unknown) => {
      input.log.warn({ err: error, tenant }, 'collecting artifacts of a tenant failed');
      failures.push(error);
    });
  }
  if (failures.length > 0) throw failures[0] as Error;
}

/** An artifact that cannot be deleted is skipped until the next pass. */
async function sweep(
  { registry, artifacts, tenant, log }: CollectGarbage,
  mayContinue: () => boolean,
): Promise<number> {
  const failed: Digest[] = [];
  let deleted = 0;
  for (let isFull = true; isFull && mayContinue();) {
    const due = await registry.artifacts.sweepable({ tenant, limit: batch, except: failed });
    for (const { digest } of due) {
      if (!mayContinue()) break;
      try {
        if (
          await registry.artifacts.delete({
            tenant,
            digest,
            remove: () => artifacts.delete({ tenant, digest }),
          })
        )
          deleted += 1;
      } catch (error) {
        failed.push(digest);
        log.warn(
          { err: error, digest },
          'could not delete an unused artifact; the next pass tries again',
        );
        if (failed.length >= maxFailures) return deleted;
      }
    }
    isFull = due.length === batch;
  }
  return deleted;
}

async function mark(
  { registry, tenant }: CollectGarbage,
  idleSeconds: number,
  mayContinue: () => boolean,
): Promise<number> {
  let marked = 0;
  for (let isFull = true; isFull && mayContinue();) {
    const looked = await registry.artifacts.mark({ tenant, idleSeconds, limit: batch });
    marked += looked.marked;
    isFull = looked.marked + looked.inUse === batch;
  }
  return marked;
}

/** Clears the uploads of ended runs, and those without a run that are older than a day. */
async function clearStaging({
  registry,
  artifacts,
  tenant,
}: Pick<CollectGarbage, 'registry' | 'artifacts' | 'tenant'>): Promise<number> {
  let cleared = 0;
  for (const owner of await artifacts.staging.runs(tenant)) {
    const run =
      owner === 'unowned' ? null : await registry.runs.get({ tenant, id: owner as RunId });
    if (run && !isFinal(run.status)) continue;
    cleared += await artifacts.staging.clear({
      tenant,
      runId: owner,
      idleSeconds: run ? 0 : oneDay,
    });
  }
  return cleared;
}
