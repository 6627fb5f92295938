import { failure, failureTypes, isPerennialError } from '../../domain/failure';
import { figure, percent } from '../../domain/format';
import type { Tenant } from '../../domain/ids';
import { versionName } from '../../domain/model/model';
import type {
  ChampionReference,
  ObservedVersion,
} from '../../domain/monitoring/observation/champion-reference';
import {
  addComparedLabels,
  fallbackAlpha,
  fallbackResult,
} from '../../domain/monitoring/observation/fallback';
import {
  beginFallback,
  wantsFallback,
  type FallbackResult,
  type FallbackState,
} from '../../domain/monitoring/observation/fallback-state';
import type { ArtifactStore } from '../../data/artifact/store';
import { openScratch, type Scratch } from '../../data/scratch';
import type { CountedLabel, MonitorRecord } from '../../db/monitoring/records';
import type { Registry } from '../../db/registry';
import { withHeartbeat } from '../run/heartbeat';
import { loggedOutput, scoreLogged } from './score-logged';

export interface CompareFormerDeps {
  readonly registry: Pick<Registry, 'monitors' | 'models' | 'aliases' | 'incidents'>;
  readonly artifacts: Pick<ArtifactStore, 'getJson' | 'getBytes'>;
  readonly scratchRoot: string;
}

/** Labels that are scored at once, in about a second. */
const batch = 5_000;

export function createCompareFormerActivities(deps: CompareFormerDeps) {
  return {
    /**
     * Compares the former champion with the champion on labels that arrived since the last call, and
     * makes it the champion again once it is shown to be better. A retry continues after the last
     * batch. If the process dies after the move, another version is watched, and a retry does
     * nothing.
     */
    compareFormer(input: { readonly tenant: Tenant; readonly model: string }): Promise<void> {
      return withHeartbeat(async ({ signal }) => {
        const { registry, artifacts, scratchRoot } = deps;
        const monitor = await registry.monitors.get(input);
        if (monitor?.status !== 'watching' || monitor.settings === null) return;
        const { settings, fencing, reference } = monitor;
        if (reference === null || !wantsFallback(settings, monitor.results?.alarms ?? [])) return;
        const comparison = await openComparison(deps, monitor);
        if (comparison === null || comparison.failure !== null) return;
        const version: ObservedVersion = {
          settings,
          reference: await artifacts.getJson<ChampionReference>(reference),
        };
        const scratch = await openScratch(scratchRoot, `fallback-${input.model}`);
        try {
          const task = { monitor, version, scratch, signal };
          for (let state = comparison; ;) {
            const labels = await registry.monitors.countedLabels({
              ...input,
              ...state,
              version: monitor.version,
              limit: batch,
            });
            if (labels.length > 0) state = await compareOrExplain(deps, task, { state, labels });
            if (!(await registry.monitors.noteFallback({ ...input, fencing, fallback: state })))
              return;
            const result = fallbackResult(state, version);
            if (result.isBetter) {
              await serveAgain(deps, monitor, { state, result });
              return;
            }
            if (labels.length < batch || state.failure !== null) return;
          }
        } finally {
          await scratch.dispose();
        }
      });
    },
  };
}

/**
 * The stored comparison, or a new one, which begins with the labels that the next look counts. Null
 * without a former champion.
 */
async function openComparison(
  { registry }: CompareFormerDeps,
  { tenant, model, state, lookedAt }: MonitorRecord,
): Promise<FallbackState | null> {
  const { previous } = await registry.aliases.get({ tenant, model });
  if (previous === null || state.eventNow === null || lookedAt === null) return null;
  const { version: former } = previous;
  if (state.fallback?.former === former) return state.fallback;
  return beginFallback({ former, since: state.eventNow, monitoredAt: lookedAt });
}

interface ComparisonTask {
  readonly monitor: MonitorRecord;
  readonly version: ObservedVersion;
  readonly scratch: Scratch;
  readonly signal: AbortSignal;
}

/** A former version whose files are gone, or whose SQL fails on a request, is not compared. */
async function compareOrExplain(
  deps: CompareFormerDeps,
  { monitor: { tenant, model }, version, scratch, signal }: ComparisonTask,
  { state, labels }: { readonly state: FallbackState; readonly labels: readonly CountedLabel[] },
): Promise<FallbackState> {
  try {
    const scored = await scoreLogged(deps, {
      tenant,
      model,
      version: state.former,
      inputs: labels.map(({ input }) => input),
      scratch,
      signal,
    });
    if (scored === null)
      throw failure('NotFound', `there is no ${versionName({ model, version: state.former })}`);
    if (!scored.scores.every(Number.isFinite))
      throw failure(
        'InvalidInput',
        `${versionName({ model, version: state.former })} gave no number`,
      );
    const compared = labels.map((label, row) => ({
      ...label,
      formerOutput: loggedOutput(scored, row),
    }));
    const last = labels.at(-1);
    return {
      ...addComparedLabels(state, version, compared),
      cursor: last ? { monitoredAt: last.monitoredAt, id: last.id } : state.cursor,
    };
  } catch (error) {
    signal.throwIfAborted();
    if (!isPerennialError(error) || failureTypes[error.type].retryable) throw error;
    return { ...state, failure: error.message };
  }
}

/** Does nothing if the champion has moved meanwhile. Another refusal is shown by the monitor. */
async function serveAgain(
  { registry }: CompareFormerDeps,
  { tenant, model, version, fencing, settings }: MonitorRecord,
  { state, result }: { readonly state: FallbackState; readonly result: FallbackResult },
): Promise<void> {
  const cause =
    `its mean ${settings?.metric ?? 'loss'} was lower by ${figure(result.difference)} ` +
    `(at least ${figure(result.lower)} with ${percent(1 - fallbackAlpha)} confidence) than that of ` +
    `${versionName({ model, version })} on ${result.n} labelled requests since ${result.since}`;
  try {
    await registry.aliases.rollback({
      tenant,
      model,
      to: state.former,
      expectedFencing: fencing,
      actor: 'perennial',
      cause: `fallback: ${cause}`,
      idempotencyKey: `fallback/${model}/${fencing}`,
    });
  } catch (error) {
    if (!isPerennialError(error) || error.type !== 'Conflict') throw error;
    await registry.monitors.noteFallback({
      tenant,
      model,
      fencing,
      fallback: { ...state, failure: error.message },
    });
    return;
  }
  await registry.incidents.resolve({
    tenant,
    model,
    key: 'quality',
    because: `${versionName({ model, version: state.former })} serves again: ${cause}`,
  });
}
