import type { RunId, Tenant } from '../domain/ids';
import { isFinal } from '../domain/run';
import type { ArtifactStore } from '../data/artifacts/store';
import type { Registry } from '../db/registry';

export interface CollectGarbage {
  readonly registry: Pick<Registry, 'artifacts' | 'retention' | 'runs'>;
  readonly artifacts: Pick<ArtifactStore, 'delete' | 'staging'>;
  readonly tenant: Tenant;
  /** What nothing refers to is left alone for this long after it was last touched; the tenant's `artifactIdleDays` when not given. */
  readonly idleSeconds?: number;
  readonly log: { info(fields: object, message: string): void };
}

export interface Collected {
  readonly marked: number;
  readonly deleted: number;
  readonly unfinishedUploads: number;
}

/** One pass takes so many at most; the next one goes on. */
const batch = 500;
const oneDay = 86_400;

/**
 * One pass of the collector (DESIGN §8): what was marked long enough ago and is still unheld is deleted, then what is idle now is marked for a later
 * pass. The registry's row locks make it safe beside writers and beside another collector; a pass that dies is taken up by the next.
 */
export async function collectGarbage({ registry, artifacts, tenant, idleSeconds, log }: CollectGarbage): Promise<Collected> {
  const idle = idleSeconds ?? (await registry.retention.get({ tenant })).artifactIdleDays * oneDay;
  let deleted = 0;
  for (const { digest } of await registry.artifacts.sweepable({ tenant, limit: batch })) {
    const remove = (): Promise<void> => artifacts.delete({ tenant, digest });
    if (await registry.artifacts.delete({ tenant, digest, remove })) deleted += 1;
  }
  const marked = await registry.artifacts.mark({ tenant, idleSeconds: idle, limit: batch });
  const unfinishedUploads = await clearStaging({ registry, artifacts, tenant });
  const collected = { marked, deleted, unfinishedUploads };
  if (marked + deleted + unfinishedUploads > 0) log.info(collected, 'artifacts collected');
  return collected;
}

/** What runs that ended left staged, should their own end not have cleared it. Uploads that no run owns go when they have stood for a day. */
async function clearStaging({ registry, artifacts, tenant }: Pick<CollectGarbage, 'registry' | 'artifacts' | 'tenant'>): Promise<number> {
  let cleared = 0;
  for (const owner of await artifacts.staging.runs(tenant)) {
    const run = owner === 'unowned' ? null : await registry.runs.get({ tenant, id: owner as RunId });
    if (run && !isFinal(run.status)) continue;
    cleared += await artifacts.staging.clear({ tenant, runId: owner, idleSeconds: run ? 0 : oneDay });
  }
  return cleared;
}
