import type { Digest } from '../../domain/dataset/artifact';
import type { RunId, Tenant } from '../../domain/ids';
import { isFinal } from '../../domain/run/run';
import type { ArtifactStore } from '../../data/artifact/store';
import type { Registry } from '../../db/registry';

export interface CollectGarbage {
  readonly registry: Pick<Registry, 'artifacts' | 'retention' | 'runs'>;
  readonly artifacts: Pick<ArtifactStore, 'delete' | 'staging'>;
  readonly tenant: Tenant;
  /**
   * What nothing refers to is kept for this long after it was last touched; the tenant's
   * `artifactIdleDays` when not given.
   */
  readonly idleSeconds?: number;
  /** A pass ends after about this time; the next one continues. */
  readonly secondsAtMost?: number;
  readonly stopped?: AbortSignal;
  readonly log: {
    info(fields: object, message: string): void;
    warn(fields: object, message: string): void;
  };
}

export interface Collected {
  readonly marked: number;
  readonly deleted: number;
  readonly unfinishedUploads: number;
}

/** Rows of one statement. A pass takes batches until nothing is left or its time is over. */
const batch = 500;
const usualSeconds = 300;
/** The store is then likely to be unavailable, so the pass ends its deletions. */
const mostFailures = 10;
const oneDay = 86_400;

/**
 * One pass of the collector (DESIGN §8): it deletes what was marked long enough ago and is still
 * unheld, then marks what is idle now for a later pass. The registry's row locks make it safe
 * beside writers and beside another collector. What was looked at is written to the rows, so a pass
 * that dies is continued by the next.
 */
export async function collectGarbage(input: CollectGarbage): Promise<Collected> {
  const {
    registry,
    artifacts,
    tenant,
    idleSeconds,
    secondsAtMost = usualSeconds,
    stopped,
    log,
  } = input;
  const idle = idleSeconds ?? (await registry.retention.get({ tenant })).artifactIdleDays * oneDay;
  const endsAt = performance.now() + secondsAtMost * 1000;
  const mayContinue = (): boolean => performance.now() < endsAt && stopped?.aborted !== true;
  const deleted = await sweep(input, mayContinue);
  const marked = await mark(input, idle, mayContinue);
  const unfinishedUploads = await clearStaging({ registry, artifacts, tenant });
  const collected = { marked, deleted, unfinishedUploads };
  if (marked + deleted + unfinishedUploads > 0) log.info(collected, 'artifacts collected');
  return collected;
}

/**
 * One object that cannot be deleted must not keep those behind it: it is left for the next pass.
 */
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
          'an unused artifact could not be deleted; the next pass tries again',
        );
        if (failed.length >= mostFailures) return deleted;
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

/**
 * What runs that ended left staged, should their own end not have cleared it. Uploads that no run
 * owns go when they have stood for a day.
 */
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
