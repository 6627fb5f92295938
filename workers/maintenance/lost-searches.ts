import { setTimeout as sleep } from 'node:timers/promises';
import { searchHolder } from '../../activities/prompt/search-outcome';
import type { LifecycleClient } from '../../apps/temporal-clients/lifecycle-client';
import type { Registry } from '../../db/registry';
import type { PromptSearchRecord } from '../../db/prompt/search-repository';
import type { Tenant } from '../../domain/ids';
import { isFinal } from '../../domain/run/run';
import { promptSearchWorkflowId, runOfSearch } from '../../workflows/prompt/search-messages';
import type { Logger } from '../log';

export interface LostSearchesDeps {
  readonly registry: {
    readonly promptSearches: Pick<Registry['promptSearches'], 'running' | 'end'>;
    readonly artifacts: Pick<Registry['artifacts'], 'unreference'>;
    readonly runs: Pick<Registry['runs'], 'get'>;
  };
  readonly lifecycles: Pick<LifecycleClient, 'execution'>;
  readonly log: Logger;
}

type Running = PromptSearchRecord & { readonly tenant: Tenant };

interface LostSearch {
  readonly search: Running;
  readonly status: 'failed' | 'cancelled';
  readonly cause: string;
}

/**
 * Ends prompt searches whose workflow ended without closing them or never started. Otherwise they
 * would stay `running` in the registry, and their answers and artifacts would be kept. None is
 * restarted here, because a new request starts the search again. Checks twice, because a workflow
 * starts seconds after the row of its search. Running it again or concurrently is harmless.
 */
export async function endLostSearches(
  deps: LostSearchesDeps,
  settleSeconds: number,
  stopped?: AbortSignal,
): Promise<void> {
  const suspects = await findLost(deps, await deps.registry.promptSearches.running());
  if (suspects.length === 0) return;
  await sleep(settleSeconds * 1000, undefined, { ...(stopped && { signal: stopped }) });
  const { registry, log } = deps;
  const again = suspects.map(({ search }) => search);
  for (const { search, status, cause } of await findLost(deps, again)) {
    const { tenant, id } = search;
    await registry.artifacts.unreference({ tenant, by: searchHolder(id) });
    await registry.promptSearches.end({ tenant, id, status, cause });
    log.error({ search: id, cause }, 'execution ended without closing its prompt search');
  }
}

async function findLost(
  deps: LostSearchesDeps,
  searches: readonly Running[],
): Promise<readonly LostSearch[]> {
  const lost: LostSearch[] = [];
  for (const search of searches) {
    try {
      const end = await findEnd(deps, search);
      if (end !== null) lost.push({ search, ...end });
    } catch (error) {
      deps.log.warn(
        { err: error, search: search.id },
        'comparing a prompt search with Temporal failed; it will be retried',
      );
    }
  }
  return lost;
}

/**
 * Null while the search is running. The search of a run is a child workflow. A run may have had
 * several workflows, so its own end is read from the registry.
 */
async function findEnd(
  { registry, lifecycles }: LostSearchesDeps,
  { tenant, id }: Running,
): Promise<Omit<LostSearch, 'search'> | null> {
  const run = await registry.runs.get({ tenant, id: runOfSearch(id) });
  if (run !== null)
    return isFinal(run.status)
      ? toLostSearch(run.status, `its run ${run.id} ended as ${run.status} without closing it`)
      : null;
  const execution = await lifecycles.execution(promptSearchWorkflowId({ tenant, search: id }));
  if (execution === 'running') return null;
  if (execution === 'unknown')
    return toLostSearch(
      execution,
      'its workflow is unknown to Temporal: it never started, or it ended before the retention ' +
        'period of the namespace',
    );
  return toLostSearch(
    execution,
    `its workflow ended as ${execution} without closing it; see it in the Temporal Web UI`,
  );
}

function toLostSearch(how: string, cause: string): Omit<LostSearch, 'search'> {
  return { status: how === 'cancelled' ? 'cancelled' : 'failed', cause };
}
