import { failure, failureTypes, isPerennialError } from '../../domain/failure';
import { figure, percent } from '../../domain/format';
import type { Tenant } from '../../domain/ids';
import { versionName, type ModelManifest, type ModelSignature } from '../../domain/model/model';
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
  isFallbackDue,
  type FallbackResult,
  type FallbackState,
} from '../../domain/monitoring/observation/fallback-state';
import type { ArtifactStore } from '../../data/artifact/store';
import { openScratch, type Scratch } from '../../data/scratch';
import type { CountedLabel, MonitorRecord } from '../../db/monitoring/records';
import type { Registry } from '../../db/registry';
import { rollbackBeatMs, withHeartbeat } from '../run/heartbeat';
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
     * Compares the former champion with the champion on labels that were counted since the last
     * call, and makes it the champion again once it is shown to be better. A retry continues after
     * the last batch. If the process dies before the move, the next call moves. If it dies after the
     * move, another version is watched, and a retry does nothing.
     */
    compareFormer(input: { readonly tenant: Tenant; readonly model: string }): Promise<void> {
      return withHeartbeat(async ({ signal }) => {
        const monitor = await deps.registry.monitors.get(input);
        if (monitor?.status !== 'watching' || monitor.settings === null) return;
        const { settings, reference, results } = monitor;
        if (reference === null || !isFallbackDue(settings, results?.alarms ?? [])) return;
        const state = monitor.state.fallback ?? (await begin(deps, monitor));
        if (state === null || state.failure !== null) return;
        const version: ObservedVersion = {
          settings,
          reference: await deps.artifacts.getJson<ChampionReference>(reference),
        };
        const scratch = await openScratch(deps.scratchRoot, `fallback-${input.model}`);
        try {
          await compareAll(deps, { monitor, version, scratch, signal }, state);
        } finally {
          await scratch.dispose();
        }
      }, rollbackBeatMs);
    },
  };
}

/**
 * Begins with the labels that the next look counts. Null without a former champion, or if no alarm
 * asks for it any more.
 */
async function begin(
  { registry, artifacts }: CompareFormerDeps,
  { tenant, model, version, fencing, state, lookedAt }: MonitorRecord,
): Promise<FallbackState | null> {
  const { previous } = await registry.aliases.get({ tenant, model });
  if (previous === null || state.eventNow === null || lookedAt === null) return null;
  const { version: former } = previous;
  const findSignature = async (of: number): Promise<ModelSignature | null> => {
    const record = await registry.models.get({ tenant, model, version: of });
    if (record === null) return null;
    return (await artifacts.getJson<ModelManifest>(record.manifest)).signature;
  };
  const problem = signatureProblem(await findSignature(former), await findSignature(version));
  const begun = {
    ...beginFallback({ former, since: state.eventNow, monitoredAt: lookedAt }),
    failure: problem && `${versionName({ model, version: former })} ${problem}`,
  };
  return (await registry.monitors.noteFallback({ tenant, model, fencing, fallback: begun }))
    ? begun
    : null;
}

/** Why callers of one version could not call the other in the same way. */
function signatureProblem(
  former: ModelSignature | null,
  champion: ModelSignature | null,
): string | null {
  if (former === null || champion === null) return 'is not in the registry any more';
  const columns = ({ request }: ModelSignature) =>
    request
      .map(({ name, type }) => `${name}: ${type}`)
      .sort()
      .join(', ');
  const classes = (of: ModelSignature) => [...(of.classes ?? [])].sort().join(', ');
  if (former.task !== champion.task || classes(former) !== classes(champion))
    return 'predicts something else';
  if (columns(former) === columns(champion)) return null;
  return `takes other request columns (${columns(former)}), so its callers would get errors`;
}

interface ComparisonTask {
  readonly monitor: MonitorRecord;
  readonly version: ObservedVersion;
  readonly scratch: Scratch;
  readonly signal: AbortSignal;
}

async function compareAll(
  deps: CompareFormerDeps,
  task: ComparisonTask,
  begun: FallbackState,
): Promise<void> {
  const { monitors } = deps.registry;
  const { tenant, model, version, fencing } = task.monitor;
  let state = begun;
  for (;;) {
    const { cursor } = state;
    const labels = await monitors.countedLabels({ tenant, model, version, cursor, limit: batch });
    if (labels.length > 0) {
      state = await addLabels(deps, task, { state, labels });
      if (!(await monitors.noteFallback({ tenant, model, fencing, fallback: state }))) return;
    }
    const result = fallbackResult(state, task.version);
    if (result.isBetter) return restoreFormer(deps, task.monitor, { state, result });
    if (labels.length < batch || state.failure !== null) return;
  }
}

/**
 * Labels of requests from before the comparison move the cursor only. A former version whose files
 * are gone, or whose SQL fails on a request, is not compared any more.
 */
async function addLabels(
  deps: CompareFormerDeps,
  { monitor: { tenant, model }, version, scratch, signal }: ComparisonTask,
  { state, labels }: { readonly state: FallbackState; readonly labels: readonly CountedLabel[] },
): Promise<FallbackState> {
  const { former, since } = state;
  const judged = labels.filter(({ at }) => Date.parse(at) > Date.parse(since));
  const last = labels.at(-1);
  const cursor = last ? { monitoredAt: last.monitoredAt, id: last.id } : state.cursor;
  if (judged.length === 0) return { ...state, cursor };
  const name = versionName({ model, version: former });
  try {
    const scored = await scoreLogged(deps, {
      tenant,
      model,
      version: former,
      inputs: judged.map(({ input }) => input),
      scratch,
      signal,
    });
    if (scored === null) throw failure('NotFound', `there is no ${name}`);
    const compared = judged.map((label, row) => ({
      ...label,
      formerOutput: loggedOutput(scored, row),
    }));
    const bad = scored.scores.findIndex((score) => !Number.isFinite(score));
    const width = scored.classes?.length ?? 1;
    if (bad >= 0)
      throw failure(
        'InvalidInput',
        `${name} gives no finite score for request ${judged[Math.floor(bad / width)]?.id ?? ''}`,
      );
    return { ...addComparedLabels(state, version, compared), cursor };
  } catch (error) {
    signal.throwIfAborted();
    if (!isPerennialError(error) || mayPass(error.type)) throw error;
    return { ...state, failure: error.message };
  }
}

/** Whether the next look may succeed, as on a worker with less to do. */
function mayPass(type: keyof typeof failureTypes): boolean {
  return failureTypes[type].retryable || type === 'SqlTimeout' || type === 'SqlOutOfMemory';
}

/** Does nothing if the champion has moved meanwhile. The monitor shows any other refusal. */
async function restoreFormer(
  { registry }: CompareFormerDeps,
  { tenant, model, version, fencing, settings }: MonitorRecord,
  { state, result }: { readonly state: FallbackState; readonly result: FallbackResult },
): Promise<void> {
  const cause =
    `its mean ${settings?.metric ?? 'loss'} was lower by ${figure(result.difference)} ` +
    `(at least ${figure(result.lower)} with ${percent(1 - fallbackAlpha)} confidence) than that ` +
    `of ${versionName({ model, version })} on ${result.n} labelled requests since ${result.since}`;
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
    const fallback = { ...state, failure: error.message };
    await registry.monitors.noteFallback({ tenant, model, fencing, fallback });
    return;
  }
  await registry.incidents.resolve({
    tenant,
    model,
    key: 'quality',
    because: `${versionName({ model, version: state.former })} serves again: ${cause}`,
  });
}
