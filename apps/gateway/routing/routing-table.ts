import type {
  RoutedModel,
  RoutingRepository,
  RoutingTable as StoredTable,
} from '../../../db/serving/routing-repository';
import { versionName, type AliasName, type ModelVersionRef } from '../../../domain/model/model';
import type { ModelCache } from '../model/model-cache';
import {
  fingerprintOf,
  retainArm,
  loadArm,
  loadPrevious,
  releaseArms,
  type Arm,
  type Route,
  type UnloadedArm,
} from './route';
import type { ServedVersion } from '../model/served-version';
import { withTimeout } from '../../../data/timeout';

/** A wanted route that this process cannot serve, with the reason. */
export interface BlockedModel {
  readonly tenant: string;
  readonly name: string;
  readonly alias: AliasName;
  readonly error: string;
}

/**
 * The registry's routing table in memory. A model's route is replaced in one step after all of its
 * arms are loaded; until then the old one serves (I8).
 */
export interface LoadedRoutingTable {
  /**
   * Read the table and load what changed. Throws DatabaseUnavailable. Settles when every change is
   * applied or has failed.
   */
  refresh(): Promise<void>;
  route(tenant: string, model: string): Route | undefined;
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
  readonly readTimeoutMs: number;
  readonly onEpoch: (epoch: number) => void;
  readonly onSwap: (route: Route, before: Route | null) => void;
  readonly onBlocked: (model: BlockedModel, error: unknown) => void;
}

interface AppliedRoute {
  readonly fingerprint: string;
  readonly route: Route;
  previous: ServedVersion | null;
  /** Release `previous` when a rollback no longer needs it loaded. */
  expiry: NodeJS.Timeout | null;
}

/** Before a table was applied. */
const noEpoch = -1;

export function createRoutingTable(options: RoutingTableOptions): LoadedRoutingTable {
  const { routing, cache, readTimeoutMs, onEpoch, onSwap, onBlocked } = options;
  const applied = new Map<string, AppliedRoute>();
  const blocked = new Map<string, BlockedModel>();
  const loading = new Map<string, { readonly fingerprint: string; readonly done: Promise<void> }>();
  let wanted = new Map<string, RoutedModel>();
  let wantedEpoch = noEpoch;
  let epoch = noEpoch;
  let reading: Promise<void> | null = null;
  let next: Promise<void> | null = null;
  let known = false;
  let closed = false;

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
    wanted = new Map(table.models.map((routed) => [keyOf(routed.tenant, routed.model), routed]));
    wantedEpoch = table.epoch;
    for (const key of [...applied.keys(), ...blocked.keys()]) {
      if (!wanted.has(key)) forget(key);
    }
    const changes = [...wanted].map(([key, routed]) => applyModel(key, routed));
    acknowledge();
    await Promise.all(changes);
    known = true;
  }

  function applyModel(key: string, routed: RoutedModel): Promise<void> {
    const fingerprint = fingerprintOf(routed);
    const current = applied.get(key);
    if (current?.fingerprint === fingerprint) {
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
      return !closed && latest !== undefined && fingerprintOf(latest) === fingerprint;
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
      swap(key, routed, inPart, routeOf(routed, [retainArm(champion)], null));
    }
    const results = await Promise.all(loads);
    const arms = results.filter(isLoaded);
    const failures = results.filter((result): result is UnloadedArm => !isLoaded(result));
    const failed = failures.find(({ alias }) => alias === 'champion') ?? failures[0];
    if (!isWanted()) {
      releaseArms(arms);
    } else if (failed === undefined) {
      blocked.delete(key);
      swap(key, routed, fingerprint, routeOf(routed, arms, routed.rollout));
    } else {
      block(key, routed, failed);
      // Without its challenger the route serves, but the next refresh tries again.
      if (failed.alias === 'champion' || applied.get(key)?.fingerprint === inPart)
        releaseArms(arms);
      else swap(key, routed, inPart, routeOf(routed, arms, null));
    }
  }

  function serves(key: string, { served }: Arm): boolean {
    const now = applied.get(key)?.route.champion.served;
    return now?.version === served.version && now.digest === served.digest;
  }

  function swap(key: string, routed: RoutedModel, fingerprint: string, route: Route): void {
    const before = applied.get(key);
    const now: AppliedRoute = { fingerprint, route, previous: null, expiry: null };
    applied.set(key, now);
    onSwap(route, before?.route ?? null);
    // Before the old reference is released, because an unreferenced version may be evicted.
    void keepPrevious(key, routed, now);
    if (before !== undefined) release(before);
  }

  async function keepPrevious(key: string, routed: RoutedModel, now: AppliedRoute): Promise<void> {
    const previous = await loadPrevious(cache, routed);
    if (previous === null) return;
    if (applied.get(key) !== now) {
      previous.hold.release();
      return;
    }
    now.previous = previous;
    const expire = () => {
      now.previous = null;
      previous.hold.release();
    };
    now.expiry = setTimeout(expire, (routed.previous?.keepSeconds ?? 0) * 1000).unref();
  }

  function block(
    key: string,
    { tenant, model }: RoutedModel,
    { alias, version, error }: UnloadedArm,
  ): void {
    const text = error instanceof Error ? error.message : String(error);
    const name = versionName({ model, version });
    const known = blocked.get(key);
    const wantedHere: BlockedModel = { tenant, name, alias, error: text };
    blocked.set(key, wantedHere);
    if (known?.name !== name || known.error !== text) onBlocked(wantedHere, error);
  }

  function acknowledge(): void {
    if (closed || epoch === wantedEpoch) return;
    for (const [key, routed] of wanted) {
      if (blocked.has(key) || applied.get(key)?.fingerprint !== fingerprintOf(routed)) return;
    }
    epoch = wantedEpoch;
    onEpoch(epoch);
  }

  function forget(key: string): void {
    blocked.delete(key);
    const gone = applied.get(key);
    applied.delete(key);
    if (gone !== undefined) release(gone);
  }

  return {
    refresh,
    route: (tenant, model) => applied.get(keyOf(tenant, model))?.route,
    previous: (tenant, model) => applied.get(keyOf(tenant, model))?.previous ?? null,
    previousVersion: (tenant, model) => wanted.get(keyOf(tenant, model))?.previous ?? null,
    blockedModel: (tenant, model) => blocked.get(keyOf(tenant, model)),
    isWanted(tenant, model, alias) {
      if (wantedEpoch === noEpoch) return true;
      const routed = wanted.get(keyOf(tenant, model));
      if (routed === undefined) return false;
      return alias === 'previous'
        ? routed.previous !== null
        : routed.arms.some((arm) => arm.alias === alias);
    },
    models: (tenant) =>
      [...applied.values()]
        .filter(({ route }) => route.tenant === tenant)
        .map(({ route }) => route.model),
    blocked: () => [...blocked.values()],
    isKnown: () => known,
    epoch: () => epoch,
    close() {
      closed = true;
      for (const key of [...applied.keys()]) forget(key);
    },
  };
}

function isLoaded(arm: Arm | UnloadedArm): arm is Arm {
  return 'served' in arm;
}

function routeOf(
  { tenant, model }: RoutedModel,
  arms: readonly Arm[],
  rollout: Route['rollout'],
): Route {
  const champion = arms.find(({ alias }) => alias === 'champion');
  if (champion === undefined) throw new Error(`the route of ${model} has no champion`);
  return { tenant, model, champion, arms, rollout };
}

function release({ route, previous, expiry }: AppliedRoute): void {
  if (expiry !== null) clearTimeout(expiry);
  releaseArms(route.arms);
  previous?.hold.release();
}

function keyOf(tenant: string, model: string): string {
  return `${tenant}/${model}`;
}
