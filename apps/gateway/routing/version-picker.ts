import type { PredictionArm } from '../../../domain/serving/prediction';
import type { RoutingRepository } from '../../../db/serving/routing-repository';
import type { Tenant } from '../../../domain/ids';
import { failure, isPerennialError } from '../../../domain/failure';
import { versionName, type ModelVersionRef } from '../../../domain/model/model';
import { nearest } from '../../../domain/document/nearest';
import { HttpProblem } from '../../http/problem';
import type { ModelCache } from '../model/model-cache';
import type { RequestedModel } from '../model/model-name';
import type { Arm, Route } from './route';
import type { LoadedRoutingTable } from './routing-table';
import { servedVersion, type ServedVersion } from '../model/served-version';
import { withTimeout } from '../../../data/timeout';

/**
 * The versions that may answer a request: the arms of the routing table, or one version that the
 * caller named.
 */
export type PickedVersions =
  | {
      readonly kind: 'routed';
      /** All its arms stay loaded until `release`, because the other arm may have to answer. */
      readonly route: Route;
      release(): void;
    }
  | {
      readonly kind: 'named';
      readonly arm: PredictionArm;
      readonly served: ServedVersion;
      release(): void;
    };

export interface VersionPicker {
  /**
   * Returns at once when the version is in memory. Throws NotFound, InvalidInput, or 503 when the
   * version exists and cannot be loaded here. The caller calls `release` once.
   */
  pick(tenant: Tenant, name: RequestedModel): PickedVersions | Promise<PickedVersions>;
  /** Load and probe a version that need not be routed; the caller releases it. */
  load(tenant: Tenant, model: string, version: number): Promise<ServedVersion>;
}

export interface VersionPickerOptions {
  readonly table: LoadedRoutingTable;
  readonly routing: { version: RoutingRepository['version'] };
  readonly cache: ModelCache;
  readonly timeoutMs: number;
}

/** The manifest of a version number never changes, so it is read once. */
const maxKnown = 10_000;

export function createVersionPicker({
  table,
  routing,
  cache,
  timeoutMs,
}: VersionPickerOptions): VersionPicker {
  const known = new Map<string, ModelVersionRef>();

  function pick(tenant: Tenant, name: RequestedModel): PickedVersions | Promise<PickedVersions> {
    const { model, selector } = name;
    if (selector.kind !== 'version') {
      const loading = table.load(tenant, model);
      if (loading !== null) return loading.then(() => pick(tenant, name));
    }
    switch (selector.kind) {
      case 'routed': {
        const route = findRoute(tenant, model);
        const holds = route.arms.map(({ served }) => served.hold.hold());
        return {
          kind: 'routed',
          route,
          release() {
            for (const hold of holds) hold.release();
          },
        };
      }
      case 'version':
        return loadNamed('direct', () => load(tenant, model, selector.version));
      case 'alias': {
        const served = findAliased(tenant, model, selector.alias);
        if (served === null) return loadNamed(selector.alias, () => loadPrevious(tenant, model));
        const hold = served.hold.hold();
        return { kind: 'named', arm: selector.alias, served, release: () => hold.release() };
      }
    }
  }

  function findRoute(tenant: Tenant, model: string): Route {
    const route = table.use(tenant, model);
    if (route !== undefined) return route;
    const blocked = table.blockedModel(tenant, model);
    if (blocked !== undefined)
      throw new HttpProblem(
        503,
        'ModelUnloadable',
        `${blocked.name} cannot be served here: ${blocked.error}`,
      );
    if (table.isWanted(tenant, model, 'champion')) throw notLoadedYet(model);
    const near = nearest(model, table.models(tenant));
    throw failure(
      'NotFound',
      `no model \`${model.slice(0, 100)}\` has a champion${near === null ? '' : `; did you mean \`${near}\`?`}`,
      {
        next: 'perennial model list',
      },
    );
  }

  /** Null when it must be loaded first, because a previous version is not kept loaded forever. */
  function findAliased(tenant: Tenant, model: string, alias: Arm['alias']): ServedVersion | null {
    const route = findRoute(tenant, model);
    const served =
      alias === 'previous'
        ? table.previous(tenant, model)
        : route.arms.find((arm) => arm.alias === alias)?.served;
    if (served) return served;
    if (alias === 'previous' && table.previousVersion(tenant, model) !== null) return null;
    if (table.isWanted(tenant, model, alias)) throw notLoadedYet(`${model}@${alias}`);
    throw hasNo(alias, model);
  }

  async function loadPrevious(tenant: Tenant, model: string): Promise<ServedVersion> {
    const previous = table.previousVersion(tenant, model);
    if (previous === null) throw hasNo('previous', model);
    const { version, manifest } = previous;
    const hold = await cache.acquire({ tenant, model, manifest });
    return servedVersion({ tenant, model, version }, hold);
  }

  async function loadNamed(
    arm: PredictionArm,
    loadServed: () => Promise<ServedVersion>,
  ): Promise<PickedVersions> {
    const served = await loadServed().catch((error: unknown) => {
      // For an inference, a version that cannot be loaded is an outage and not an error in the
      // request.
      if (isPerennialError(error) && unloadable.has(error.type))
        throw new HttpProblem(503, error.type, error.message);
      throw error;
    });
    return { kind: 'named', arm, served, release: () => served.hold.release() };
  }

  async function load(tenant: Tenant, model: string, version: number): Promise<ServedVersion> {
    const { manifest } = await reference(tenant, model, version);
    const hold = await cache.acquire({ tenant, model, manifest });
    return servedVersion({ tenant, model, version }, hold);
  }

  async function reference(
    tenant: Tenant,
    model: string,
    version: number,
  ): Promise<ModelVersionRef> {
    const key = `${tenant}/${versionName({ model, version })}`;
    const remembered = known.get(key);
    if (remembered !== undefined) return remembered;
    const asked = routing.version({ tenant, model, version });
    const found = await withTimeout(timeoutMs, asked, {
      type: 'DatabaseUnavailable',
      message: 'the registry did not return the version',
    });
    if (found === null) {
      throw failure(
        'NotFound',
        `there is no ${versionName({ model: model.slice(0, 100), version })}`,
        {
          next: `perennial model show ${model.slice(0, 100)}`,
        },
      );
    }
    if (known.size >= maxKnown) known.clear();
    known.set(key, found);
    return found;
  }

  return { pick, load };
}

function hasNo(alias: Arm['alias'], model: string): Error {
  return failure('NotFound', `${model} has no ${alias}`, { next: `perennial model show ${model}` });
}

/**
 * Clients do not retry after 404, so a gateway that is starting or loading a version answers 503
 * instead.
 */
export function notLoadedYet(name: string): HttpProblem {
  return new HttpProblem(
    503,
    'ModelLoading',
    `this gateway has not loaded ${name.slice(0, 100)} yet; send the request again`,
  );
}

const unloadable: ReadonlySet<string> = new Set([
  'ArtifactMissing',
  'DigestMismatch',
  'ModelUnloadable',
  'SqlForbidden',
  'SqlInvalid',
]);
