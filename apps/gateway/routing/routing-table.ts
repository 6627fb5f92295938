import { failureTypes, isPerennialError } from '../../../domain/failure';
import {
  rollbackReadySeconds,
  type RoutedModel,
  type RoutingRepository,
  type RoutingTable as StoredTable,
} from '../../../db/serving/routing-repository';
import { versionName, type AliasName, type ModelVersionRef } from '../../../domain/model/model';
import type { ModelCache } from '../model/model-cache';
import {
  computeFingerprint,
  retainArm,
  loadArm,
  loadPrevious,
  releaseArms,
  type Arm,
  type Route,
  type UnloadedArm,
} from './route';
import type { ServedVersion } from '../model/served-version';
import { shareConcurrentCalls } from '../../../data/share-in-flight';
import { withTimeout } from '../../../data/timeout';

/** A wanted route that this process cannot serve, with the reason. */
export interface BlockedModel {
  readonly tenant: string;
  readonly name: string;
  readonly model: string;
  readonly version: number;
  readonly alias: AliasName;
  readonly error: string;
  /** Whether its files could not be read. It loads once they can. */
  readonly isOutage: boolean;
}

/**
 * The registry's routing table in memory. A model's route is replaced in one step after all of its
 * arms are loaded; until then the old one serves (I8). A model that is not in use may be unloaded:
 * its next request loads it.
 */
export interface LoadedRoutingTable {
  /**
   * Read the table and load what changed. Throws DatabaseUnavailable. Settles when every change is
   * applied or has failed.
   */
  refresh(): Promise<void>;
  /** The loaded route, for a request: the model counts as used now. */
  use(tenant: string, model: string): Route | undefined;
  /** The loaded route, without counting a use. */
  route(tenant: string, model: string): Route | undefined;
  /**
   * Loads an unloaded model for a request; null when nothing is to be loaded. Never rejects: a
   * failure makes the model blocked.
   */
  load(tenant: string, model: string): Promise<void> | null;
  /** The target of a rollback, while it is kept loaded. */
  previous(tenant: string, model: string): ServedVersion | null;
  /** The target of a rollback, loaded or not. */
  previousVersion(tenant: string, model: string): ModelVersionRef | null;
  /** The wanted route of this model and why it is not served; undefined when it is. */
  blockedModel(tenant: string, model: string): BlockedModel | undefined;
  /**
   * Whether the registry names this version for the model, loaded or not. True before the first
   * read, when nothing is known.
   */
  isWanted(tenant: string, model: string, alias: AliasName): boolean;
  models(tenant: string): readonly string[];
  blocked(): readonly BlockedModel[];
  /**
   * Whether a table was read and is served as far as possible. One broken model does not keep the
   * others from being ready.
   */
  isKnown(): boolean;
  /** The newest epoch of which everything is served, to be acknowledged. */
  epoch(): number;
  close(): void;
}

export interface RoutingTableOptions {
  readonly routing: Pick<RoutingRepository, 'table'>;
  readonly cache: Pick<ModelCache, 'acquire'>;
  /** Null loads every model at once and keeps it. */
  readonly memory: ModelMemory | null;
  readonly readTimeoutMs: number;
  readonly onEpoch: (epoch: number) => void;
  readonly onSwap: (route: Route, before: Route | null) => void;
  readonly onBlocked: (model: BlockedModel, error: unknown) => void;
}

/** The memory that models may take in this process. */
export interface ModelMemory {
  readonly maxBytes: number;
  usedBytes(): number;
  /** A pinned model is loaded at the start and stays loaded. */
  isPinned(model: string): boolean;
}

/** The share of the memory that models fill before a request needs them. */
const warmShare = 0.8;

/** A promotion waits for gateways for less than this. */
const promotionSeconds = 600;

interface AppliedRoute {
  readonly fingerprint: string;
  readonly route: Route;
  previous: ServedVersion | null;
  /** Release `previous` when a rollback no longer needs it loaded. */
  expiry: NodeJS.Timeout | null;
  /** Counts up with each use of any route. */
  lastUse: number;
}

/** The epoch before any table was applied. */
const noEpoch = -1;

export function createRoutingTable(options: RoutingTableOptions): LoadedRoutingTable {
  const { routing, cache, memory, readTimeoutMs, onEpoch, onSwap, onBlocked } = options;
  const applied = new Map<string, AppliedRoute>();
  /** What serves a model without being loaded; replaced like an applied route. */
  const unloaded = new Map<string, RoutedModel>();
  const waking = new Map<string, Promise<void>>();
  const blocked = new Map<string, BlockedModel>();
  const loading = new Map<string, { readonly fingerprint: string; readonly done: Promise<void> }>();
  let wanted = new Map<string, RoutedModel>();
  let wantedEpoch = noEpoch;
  let epoch = noEpoch;
  let reading: Promise<void> | null = null;
  let next: Promise<void> | null = null;
  let known = false;
  let closed = false;
  let uses = 0;

  /**
   * A read in progress may be too old for this caller, so another one follows. Callers that come in
   * the meantime share it.
   */
  function refresh(): Promise<void> {
    if (reading === null) return read();
    next ??= reading.then(() => {
      next = null;
      return read();
    });
    return next;
  }

  async function read(): Promise<void> {
    const late = {
      type: 'DatabaseUnavailable',
      message: 'the registry did not return its routing table',
    } as const;
    const table = withTimeout(readTimeoutMs, routing.table(), late);
    const over = (): void => {
      reading = null;
    };
    reading = table.then(over, over);
    const stored = await table;
    if (!closed) await apply(stored);
  }

  async function apply(table: StoredTable): Promise<void> {
    wanted = new Map(
      table.models.map((routed) => [formatKey(routed.tenant, routed.model), routed]),
    );
    wantedEpoch = table.epoch;
    for (const key of [...applied.keys(), ...unloaded.keys(), ...blocked.keys()]) {
      if (!wanted.has(key)) forget(key);
    }
    const changes = [...wanted].map(([key, routed]) => applyModel(key, routed));
    acknowledge();
    await Promise.all(changes);
    const isFirst = !known;
    known = true;
    if (isFirst) void warmUp();
  }

  /** What this process serves for the model, loaded or not. */
  function servedFingerprint(key: string): string | undefined {
    const cold = unloaded.get(key);
    return applied.get(key)?.fingerprint ?? (cold && computeFingerprint(cold));
  }

  /**
   * At the start a model may wait for its first request. A change is loaded at once, because a
   * promotion waits until every gateway can serve it.
   */
  function mayWait(key: string, routed: RoutedModel): boolean {
    const isNew = !known && !loading.has(key) && !blocked.has(key);
    return (
      isNew &&
      servedFingerprint(key) === undefined &&
      mayBeUnloaded(routed) &&
      !isJustPromoted(routed)
    );
  }

  /** A language application takes little memory, and both arms of a rollout are needed. */
  function mayBeUnloaded({ model, isLanguage, rollout }: RoutedModel): boolean {
    return memory !== null && !isLanguage && rollout === null && !memory.isPinned(model);
  }

  /** Loads models one by one, so that requests need not wait for them, while memory is free. */
  async function warmUp(): Promise<void> {
    for (const key of [...unloaded.keys()]) {
      if (closed || memory === null || memory.usedBytes() >= memory.maxBytes * warmShare) return;
      await wake(key);
    }
  }

  async function wake(key: string): Promise<void> {
    const cold = unloaded.get(key);
    if (cold !== undefined) await shareConcurrentCalls(waking, key, () => loadUnloaded(key, cold));
  }

  async function loadUnloaded(key: string, cold: RoutedModel): Promise<void> {
    const arm = cold.arms.find(({ alias }) => alias === 'champion');
    if (arm === undefined) throw new Error(`the route of ${cold.model} has no champion`);
    const champion = await loadArm(cache, cold, arm);
    const isCurrent = !closed && unloaded.get(key) === cold;
    if (!isLoaded(champion)) {
      if (!isCurrent) return;
      unloaded.delete(key);
      block(key, cold, champion);
    } else if (isCurrent) {
      swap(key, cold, computeFingerprint(cold), buildRoute(cold, [champion], null));
    } else {
      releaseArms([champion]);
    }
  }

  /** Unloads the models that were not used for the longest time until the others fit. */
  function makeRoom(loaded: string): void {
    if (memory === null) return;
    let excess = memory.usedBytes() - memory.maxBytes;
    if (excess <= 0) return;
    const candidates = [...applied]
      .filter(([key, { fingerprint }]) => {
        const routed = wanted.get(key);
        const isCurrent = routed !== undefined && computeFingerprint(routed) === fingerprint;
        return key !== loaded && isCurrent && mayBeUnloaded(routed);
      })
      .sort(([, a], [, b]) => a.lastUse - b.lastUse);
    for (const [key, entry] of candidates) {
      if (excess <= 0) return;
      excess -= measureBytes(entry);
      unload(key, entry);
    }
  }

  function unload(key: string, entry: AppliedRoute): void {
    const routed = wanted.get(key);
    if (routed === undefined) return;
    applied.delete(key);
    unloaded.set(key, routed);
    release(entry);
  }

  function applyModel(key: string, routed: RoutedModel): Promise<void> {
    const fingerprint = computeFingerprint(routed);
    if (mayWait(key, routed)) unloaded.set(key, routed);
    if (servedFingerprint(key) === fingerprint) {
      blocked.delete(key);
      return Promise.resolve();
    }
    const under = loading.get(key);
    if (under?.fingerprint === fingerprint) return under.done;
    retire(key, routed);
    const done = loadRoute(key, routed, fingerprint).finally(() => {
      if (loading.get(key)?.done === done) loading.delete(key);
      acknowledge();
    });
    loading.set(key, { fingerprint, done });
    return done;
  }

  /** A rollout that has ended stops here at once, even if its successor is still loading. */
  function retire(key: string, routed: RoutedModel): void {
    const route = applied.get(key)?.route;
    if (route === undefined || route.rollout === null || route.rollout.id === routed.rollout?.id)
      return;
    const champion = retainArm(route.champion);
    swap(key, routed, 'only the champion', { ...route, champion, arms: [champion], rollout: null });
  }

  async function loadRoute(key: string, routed: RoutedModel, fingerprint: string): Promise<void> {
    const isWanted = (): boolean => {
      const latest = wanted.get(key);
      return !closed && latest !== undefined && computeFingerprint(latest) === fingerprint;
    };
    const inPart = `${fingerprint} in part`;
    const loads = routed.arms.map((arm) => loadArm(cache, routed, arm));
    // A challenger that loads slowly must not delay the champion.
    const champion = await loads[routed.arms.findIndex(({ alias }) => alias === 'champion')];
    if (
      champion !== undefined &&
      isLoaded(champion) &&
      loads.length > 1 &&
      isWanted() &&
      !serves(key, champion)
    ) {
      swap(key, routed, inPart, buildRoute(routed, [retainArm(champion)], null));
    }
    const results = await Promise.all(loads);
    const arms = results.filter(isLoaded);
    const failures = results.filter((result): result is UnloadedArm => !isLoaded(result));
    const failed = failures.find(({ alias }) => alias === 'champion') ?? failures[0];
    if (!isWanted()) {
      releaseArms(arms);
    } else if (failed === undefined) {
      blocked.delete(key);
      swap(key, routed, fingerprint, buildRoute(routed, arms, routed.rollout));
    } else {
      block(key, routed, failed);
      // Without its challenger the route serves, but the next refresh tries again.
      if (failed.alias === 'champion' || applied.get(key)?.fingerprint === inPart)
        releaseArms(arms);
      else swap(key, routed, inPart, buildRoute(routed, arms, null));
    }
  }

  function serves(key: string, { served }: Arm): boolean {
    const now = applied.get(key)?.route.champion.served;
    return now?.version === served.version && now.digest === served.digest;
  }

  function swap(key: string, routed: RoutedModel, fingerprint: string, route: Route): void {
    const before = applied.get(key);
    const now = { fingerprint, route, previous: null, expiry: null, lastUse: ++uses };
    applied.set(key, now);
    unloaded.delete(key);
    onSwap(route, before?.route ?? null);
    // Before the old reference is released, because an unreferenced version may be evicted.
    void keepPrevious(key, routed, now);
    if (before !== undefined) release(before);
    makeRoom(key);
  }

  async function keepPrevious(key: string, routed: RoutedModel, now: AppliedRoute): Promise<void> {
    const previous = await loadPrevious(cache, routed);
    if (previous === null) return;
    if (applied.get(key) !== now) {
      previous.hold.release();
      return;
    }
    now.previous = previous;
    makeRoom(key);
    const expire = () => {
      now.previous = null;
      previous.hold.release();
    };
    // A model that is loaded late was described by an older read of the table.
    const { previous: latest } = wanted.get(key) ?? routed;
    now.expiry = setTimeout(expire, (latest?.keepSeconds ?? 0) * 1000).unref();
  }

  function block(
    key: string,
    { tenant, model }: RoutedModel,
    { alias, version, error }: UnloadedArm,
  ): void {
    const text = error instanceof Error ? error.message : String(error);
    const name = versionName({ model, version });
    const known = blocked.get(key);
    const wantedHere: BlockedModel = {
      tenant,
      name,
      model,
      version,
      alias,
      error: text,
      isOutage: isOutage(error),
    };
    blocked.set(key, wantedHere);
    if (known?.name !== name || known.error !== text) onBlocked(wantedHere, error);
  }

  function acknowledge(): void {
    if (closed || epoch === wantedEpoch) return;
    for (const [key, routed] of wanted) {
      if (blocked.has(key) || servedFingerprint(key) !== computeFingerprint(routed)) return;
    }
    epoch = wantedEpoch;
    onEpoch(epoch);
  }

  function forget(key: string): void {
    blocked.delete(key);
    const gone = applied.get(key);
    applied.delete(key);
    unloaded.delete(key);
    if (gone !== undefined) release(gone);
  }

  return {
    refresh,
    use(tenant, model) {
      const entry = applied.get(formatKey(tenant, model));
      if (entry !== undefined) entry.lastUse = ++uses;
      return entry?.route;
    },
    route: (tenant, model) => applied.get(formatKey(tenant, model))?.route,
    load(tenant, model) {
      const key = formatKey(tenant, model);
      return unloaded.has(key) ? wake(key) : null;
    },
    previous: (tenant, model) => applied.get(formatKey(tenant, model))?.previous ?? null,
    previousVersion: (tenant, model) => wanted.get(formatKey(tenant, model))?.previous ?? null,
    blockedModel: (tenant, model) => blocked.get(formatKey(tenant, model)),
    isWanted(tenant, model, alias) {
      if (wantedEpoch === noEpoch) return true;
      const routed = wanted.get(formatKey(tenant, model));
      if (routed === undefined) return false;
      return alias === 'previous'
        ? routed.previous !== null
        : routed.arms.some((arm) => arm.alias === alias);
    },
    models: (tenant) =>
      [...[...applied.values()].map(({ route }) => route), ...unloaded.values()]
        .filter((served) => served.tenant === tenant)
        .map(({ model }) => model),
    blocked: () => [...blocked.values()],
    isKnown: () => known,
    epoch: () => epoch,
    close() {
      closed = true;
      for (const key of [...applied.keys(), ...unloaded.keys()]) forget(key);
    },
  };
}

/** Whether a promotion may still wait for this gateway. */
function isJustPromoted({ previous }: RoutedModel): boolean {
  return previous !== null && previous.keepSeconds > rollbackReadySeconds - promotionSeconds;
}

function isLoaded(arm: Arm | UnloadedArm): arm is Arm {
  return 'served' in arm;
}

function buildRoute(
  { tenant, model }: RoutedModel,
  arms: readonly Arm[],
  rollout: Route['rollout'],
): Route {
  const champion = arms.find(({ alias }) => alias === 'champion');
  if (champion === undefined) throw new Error(`the route of ${model} has no champion`);
  return { tenant, model, champion, arms, rollout };
}

function measureBytes({ route, previous }: AppliedRoute): number {
  const versions = [...route.arms.map(({ served }) => served), ...(previous ? [previous] : [])];
  return versions.reduce((bytes, { hold }) => bytes + hold.model.bytes, 0);
}

function release({ route, previous, expiry }: AppliedRoute): void {
  if (expiry !== null) clearTimeout(expiry);
  releaseArms(route.arms);
  previous?.hold.release();
}

function formatKey(tenant: string, model: string): string {
  return `${tenant}/${model}`;
}

/** Bytes that differ are read again, but are a reason for an alarm at once. */
function isOutage(error: unknown): boolean {
  return (
    !isPerennialError(error) ||
    (failureTypes[error.type].retryable && error.type !== 'DigestMismatch')
  );
}
