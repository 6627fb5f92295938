import { setTimeout as sleep } from 'node:timers/promises';
import { searchHolder } from '../activities/prompt-search-outcome';
import type { ExecutionStatus, LifecycleClient } from '../apps/lifecycle-client';
import type { Registry } from '../db/registry';
import type { PromptSearchRecord } from '../db/repositories/prompt-searches';
import type { Tenant } from '../domain/ids';
import { promptSearchWorkflowId } from '../workflows/prompt-search-messages';
import type { Logger } from './log';

export interface LostSearchesDeps {
  readonly registry: Pick<Registry, 'promptSearches' | 'artifacts'>;
  readonly lifecycles: Pick<LifecycleClient, 'execution'>;
  readonly log: Logger;
}

type Running = PromptSearchRecord & { readonly tenant: Tenant };

/**
 * Ends the searches whose workflow ended without a word, or was never begun: else they run for ever in the registry, and so long their answers and artifacts are kept.
 * Whoever asks for one again begins it again, so none is started here. Looks twice: between a search's row and its workflow lie seconds, in which it seems lost.
 * Again, or at once with another process: it has ended, and nothing happens.
 */
export async function endLostSearches(deps: LostSearchesDeps, settleSeconds: number, stopped?: AbortSignal): Promise<void> {
  const suspects = await lostOf(deps, await deps.registry.promptSearches.running());
  if (suspects.length === 0) return;
  await sleep(settleSeconds * 1000, undefined, { ...(stopped && { signal: stopped }) });
  const { registry, log } = deps;
  for (const { search, execution } of await lostOf(
    deps,
    suspects.map((suspect) => suspect.search),
  )) {
    const { tenant, id } = search;
    const cause =
      execution === 'unknown'
        ? 'its workflow is not known to Temporal: it was never begun, or is longer gone than Temporal remembers'
        : `its workflow ended as ${execution} without closing it; see it in the Temporal Web UI`;
    await registry.artifacts.unreference({ tenant, by: searchHolder(id) });
    await registry.promptSearches.end({ tenant, id, status: execution === 'cancelled' ? 'cancelled' : 'failed', cause });
    log.error({ search: id, execution }, 'execution ended without closing its prompt search');
  }
}

async function lostOf({ lifecycles, log }: LostSearchesDeps, searches: readonly Running[]) {
  const lost: { readonly search: Running; readonly execution: ExecutionStatus }[] = [];
  for (const search of searches) {
    try {
      const execution = await lifecycles.execution(promptSearchWorkflowId({ tenant: search.tenant, search: search.id }));
      if (execution !== 'running') lost.push({ search, execution });
    } catch (error) {
      log.warn({ err: error, search: search.id }, 'this search is compared with Temporal again later');
    }
  }
  return lost;
}
