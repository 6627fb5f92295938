import type { RoutedModel, RoutingRepository, RoutingTable as StoredTable } from '../../db/repositories/routing';
import type { ArtifactRef } from '../../domain/artifact';
import { versionName, type AliasName } from '../../domain/model';
import type { ModelCache } from './model-cache';
import { servedVersion, type ServedVersion } from './served-version';
import { within } from './within';

export interface Arm {
  readonly alias: AliasName;
  readonly weight: number;
  readonly served: ServedVersion;
}

/** How this process answers for one model: every arm is loaded and probed. */
export interface Route {
  readonly tenant: string;
  readonly model: string;
  readonly champion: Arm;
  readonly arms: readonly Arm[];
}

/** What the registry wants and this process cannot do. */
export interface BlockedModel {
  readonly tenant: string;
  readonly name: string;
  readonly error: string;
}

/** The registry's routing table in memory. A model's route is swapped in one step, after all of its arms are loaded; until then the old one serves (I8). */
export interface RoutingTable {
  /** Reads the table and begins to load what changed. Throws DatabaseUnavailable; settles when every change is applied or found impossible. */
  refresh(): Promise<void>;
  route(tenant: string, model: string): Route | undefined;
  /** Where a rollback would go, once it is loaded. */
  previous(tenant: string, model: string): ServedVersion | null;
  /** What the registry wants for this model, when that is not what serves. */
  blockedModel(tenant: string, model: string): BlockedModel | undefined;
  models(tenant: string): readonly string[];
  blocked(): readonly BlockedModel[];
  /** Whether a table was ever read and served as far as it can be. One broken model must not keep all others from being ready. */
  isKnown(): boolean;
  /** The newest epoch of which everything is served: what may be acknowledged. */
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

interface Applied {
  readonly fingerprint: string;
  readonly route: Route;
  previous: ServedVersion | null;
}

/** Before any table was applied. */
const noEpoch = -1;

export function createRoutingTable(options: RoutingTableOptions): RoutingTable {
  const { routing, cache, readTimeoutMs, onEpoch, onSwap, onBlocked } = options;
  const applied = new Map<string, Applied>();
  const blocked = new Map<string, BlockedModel>();
  const loading = new Map<string, { readonly fingerprint: string; readonly done: Promise<void> }>();
  let wanted = new Map<string, RoutedModel>();
  let wantedEpoch = noEpoch;
  let epoch = noEpoch;
  let reading: Promise<void> | null = null;
  let next: Promise<void> | null = null;
  let known = false;
  let closed = false;

  /** A read that is under way may miss what this caller was told about, so one more follows it; callers that come in the meantime share that one. */
  function refresh(): Promise<void> {
    if (reading === null) return read();
    next ??= reading.then(() => {
      next = null;
      return read();
    });
    return next;
  }

  async function read(): Promise<void> {
    const late = { type: 'DatabaseUnavailable', message: 'the registry did not give its routing table' } as const;
    const table = within(readTimeoutMs, routing.table(), late);
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
    const done = loadRoute(key, routed, fingerprint).finally(() => {
      if (loading.get(key)?.done === done) loading.delete(key);
      acknowledge();
    });
    loading.set(key, { fingerprint, done });
    return done;
  }

  async function loadRoute(key: string, routed: RoutedModel, fingerprint: string): Promise<void> {
    const results = await Promise.all(routed.arms.map((arm) => loadArm(routed, arm)));
    const arms = results.filter((result) => 'served' in result);
    const failures = results.filter((result) => 'error' in result);
    const latest = wanted.get(key);
    if (closed || latest === undefined || fingerprintOf(latest) !== fingerprint) {
      for (const arm of arms) arm.served.hold.release();
      return;
    }
    const [failed] = failures;
    if (failed === undefined) blocked.delete(key);
    else block(key, routed.tenant, versionName({ model: routed.model, version: failed.version }), failed.error);
    const champion = arms.find((arm) => arm.alias === 'champion');
    if (champion === undefined) {
      for (const arm of arms) arm.served.hold.release();
      return;
    }
    // Without one of its challengers a route still serves, but it is not the route that was asked for: the next refresh tries again.
    swap(key, routed, failed === undefined ? fingerprint : `${fingerprint} in part`, {
      tenant: routed.tenant,
      model: routed.model,
      champion,
      arms,
    });
  }

  async function loadArm(
    routed: RoutedModel,
    arm: RoutedModel['arms'][number],
  ): Promise<Arm | { readonly version: number; readonly error: unknown }> {
    try {
      return { alias: arm.alias, weight: arm.weight, served: await serve(routed, arm.version, arm.manifest) };
    } catch (error) {
      return { version: arm.version, error };
    }
  }

  async function serve({ tenant, model }: RoutedModel, version: number, manifest: ArtifactRef): Promise<ServedVersion> {
    return servedVersion(model, version, await cache.acquire({ tenant, model, manifest }));
  }

  function swap(key: string, routed: RoutedModel, fingerprint: string, route: Route): void {
    const before = applied.get(key);
    const now: Applied = { fingerprint, route, previous: null };
    applied.set(key, now);
    onSwap(route, before?.route ?? null);
    if (before !== undefined) release(before);
    void keepPrevious(key, routed, now);
  }

  /** Where a rollback would go stays loaded: that makes it immediate. It is worth no block: the registry does not ask for it. */
  async function keepPrevious(key: string, routed: RoutedModel, now: Applied): Promise<void> {
    if (routed.previous === null) return;
    const previous = await serve(routed, routed.previous.version, routed.previous.manifest).catch(() => null);
    if (previous === null) return;
    if (applied.get(key) === now) now.previous = previous;
    else previous.hold.release();
  }

  function block(key: string, tenant: string, name: string, error: unknown): void {
    const text = error instanceof Error ? error.message : String(error);
    const known = blocked.get(key);
    const model: BlockedModel = { tenant, name, error: text };
    blocked.set(key, model);
    if (known?.name !== name || known.error !== text) onBlocked(model, error);
  }

  function acknowledge(): void {
    if (closed || epoch === wantedEpoch || loading.size > 0) return;
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
    blockedModel: (tenant, model) => blocked.get(keyOf(tenant, model)),
    models: (tenant) => [...applied.values()].filter(({ route }) => route.tenant === tenant).map(({ route }) => route.model),
    blocked: () => [...blocked.values()],
    isKnown: () => known,
    epoch: () => epoch,
    close() {
      closed = true;
      for (const key of [...applied.keys()]) forget(key);
    },
  };
}

function release({ route, previous }: Applied): void {
  for (const arm of route.arms) arm.served.hold.release();
  previous?.hold.release();
}

/** Everything of a route that a change of it can change. */
function fingerprintOf({ arms, previous }: RoutedModel): string {
  const parts = arms.map(({ alias, version, weight, manifest }) => `${alias}:${version}:${weight}:${manifest.digest}`);
  return `${parts.join(' ')} ${previous === null ? '' : previous.version}`;
}

function keyOf(tenant: string, model: string): string {
  return `${tenant}/${model}`;
}
