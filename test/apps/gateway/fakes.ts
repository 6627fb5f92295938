import { sha256 } from '../../../data/digest';
import type { IndexReader } from '../../../data/index/query-index';
import type { ApiKeyIdentity, ApiKeyScope } from '../../../db/access/repository';
import type { FailedRequests } from '../../../db/serving/gateway-repository';
import type { PredictionTask } from '../../../db/serving/prediction-repository';
import type { PredictionRow } from '../../../db/serving/prediction-records';
import {
  rollbackReadySeconds,
  type RoutedModel,
  type RoutedRollout,
  type RoutingArm,
} from '../../../db/serving/routing-repository';
import type { ArtifactRef } from '../../../domain/artifact';
import { failure } from '../../../domain/failure';
import { defaultTenant, type PredictionId, type Tenant } from '../../../domain/ids';
import type { ModelVersionRef } from '../../../domain/model/model';
import type { RequestsInProgress } from '../../../apps/gateway/prediction-log/requests-in-progress';
import type { GatewayRegistry } from '../../../apps/gateway/server';

/** A registry in memory, with a switch that makes it unavailable. */
export interface FakeRegistry extends GatewayRegistry {
  away: boolean;
  epoch: number;
  models: RoutedModel[];
  readonly versions: Map<string, ModelVersionRef>;
  readonly keys: Map<string, ApiKeyIdentity>;
  readonly inserted: PredictionRow[];
  /** For every stored prediction. */
  task: PredictionTask['task'];
  classes: PredictionTask['classes'];
  readonly labels: Map<PredictionId, unknown>;
  indexNames: string[];
  readonly beats: { readonly epoch: number }[];
  readonly failures: FailedRequests[];
  readonly interrupted: Parameters<GatewayRegistry['gateways']['reportInterrupted']>[0][];
  /** Like a promotion: table, epoch, notification. */
  route(
    model: string,
    arms: readonly (Omit<RoutingArm, 'weight'> & { readonly weight?: number })[],
    beside?: {
      readonly tenant?: Tenant;
      readonly previous?: ModelVersionRef & { readonly keepSeconds?: number };
      readonly rollout?: RoutedRollout;
    },
  ): void;
}

export function fakeRegistry(): FakeRegistry {
  const listeners = new Set<() => void>();
  const present = <T>(answer: () => T): Promise<T> =>
    registry.away
      ? Promise.reject(failure('DatabaseUnavailable', 'PostgreSQL cannot be reached'))
      : Promise.resolve().then(answer);

  const registry: FakeRegistry = {
    away: false,
    indexNames: [],
    epoch: 0,
    models: [],
    versions: new Map(),
    keys: new Map(),
    inserted: [],
    task: 'classification',
    classes: null,
    labels: new Map(),
    beats: [],
    failures: [],
    interrupted: [],
    route(model, arms, { tenant = defaultTenant, previous, rollout } = {}) {
      registry.epoch += 1;
      const routed = {
        tenant,
        model,
        isLanguage: false,
        arms: arms.map((arm) => ({ weight: 1, ...arm })),
        previous: previous ? { keepSeconds: rollbackReadySeconds, ...previous } : null,
        rollout: rollout ?? null,
      };
      const others = registry.models.filter(
        (other) => other.model !== model || other.tenant !== tenant,
      );
      registry.models = [...others, routed];
      for (const listener of listeners) listener();
    },
    routing: {
      table: () => present(() => ({ epoch: registry.epoch, models: registry.models })),
      version: ({ model, version }) =>
        present(() => registry.versions.get(`${model}@${version}`) ?? null),
      listen: (callback) =>
        present(() => {
          listeners.add(callback);
          return () => {
            listeners.delete(callback);
            return Promise.resolve();
          };
        }),
    },
    gateways: {
      beat: ({ epoch }) =>
        present(() => {
          registry.beats.push({ epoch });
          return { epoch: registry.epoch };
        }),
      reportFailures: ({ failures }) =>
        present(() => {
          registry.failures.push(...failures);
        }),
      reportInterrupted: (interrupted) =>
        present(() => {
          registry.interrupted.push(interrupted);
        }),
      live: () => present(() => []),
      leave: () => present(() => undefined),
    },
    indexes: {
      list: () =>
        present(() => ({
          items: registry.indexNames.map((name) => ({
            name,
            versions: 1,
            champion: 1,
            changes: 0,
            createdAt: '2026-01-01T00:00:00Z',
          })),
          nextPageToken: null,
        })),
    },
    apiKeys: {
      ...unused,
      verify: (key) => present(() => registry.keys.get(key) ?? null),
    },
    predictions: {
      ...unused,
      insert: (rows) =>
        present(() => {
          const known = new Set(registry.inserted.map(({ id }) => id));
          const fresh = rows.filter(({ id }) => !known.has(id));
          registry.inserted.push(...fresh);
          return fresh.length;
        }),
      findTasks: ({ ids }) =>
        present(() => {
          const stored = registry.inserted.filter(({ id }) => ids.includes(id));
          return new Map(
            stored.map(({ id, model, version }) => [
              id,
              { model, version, task: registry.task, classes: registry.classes },
            ]),
          );
        }),
    },
    feedback: {
      ...unused,
      record: ({ predictionId, label }) =>
        present(() => {
          const before = registry.labels.get(predictionId);
          registry.labels.set(predictionId, label);
          return {
            joined: registry.inserted.some(({ id }) => id === predictionId),
            contradicts: before !== undefined && Number(before) !== Number(label),
          };
        }),
    },
  };
  return registry;
}

/** Calls that no gateway makes. */
const notCalled = (): never => {
  throw new Error('a gateway does not call this');
};
const unused = {
  create: notCalled,
  revoke: notCalled,
  rotate: notCalled,
  ended: notCalled,
  identify: notCalled,
  endSession: notCalled,
  expiring: notCalled,
  list: notCalled,
  ensurePartitions: notCalled,
  dropBefore: notCalled,
  get: notCalled,
  readTexts: notCalled,
  joinWaiting: notCalled,
  givenUp: notCalled,
};

export function addKey(
  registry: FakeRegistry,
  scope: ApiKeyScope,
  expiresAt: string | null = null,
  tenant: Tenant = defaultTenant,
): string {
  const key = tenant === defaultTenant ? `pk_${scope}` : `pk_${tenant}_${scope}`;
  registry.keys.set(key, {
    id: key.replace('pk', 'key'),
    tenant,
    name: `the ${scope}`,
    scope,
    isService: false,
    expiresAt,
  });
  return key;
}

/** Artifacts in memory, by digest; `replace` simulates a broken disk. */
export interface FakeArtifacts {
  put(bytes: Uint8Array): ArtifactRef;
  replace(ref: ArtifactRef, bytes: Uint8Array): void;
  getBytes(ref: ArtifactRef): Promise<Uint8Array>;
  readonly reads: ArtifactRef[];
}

export function fakeArtifacts(): FakeArtifacts {
  const objects = new Map<string, Uint8Array>();
  const reads: ArtifactRef[] = [];
  return {
    reads,
    put(bytes) {
      const digest = sha256(bytes);
      objects.set(digest, bytes);
      return {
        uri: `s3://test/${digest}`,
        digest,
        bytes: bytes.byteLength,
        mediaType: 'application/octet-stream',
      };
    },
    replace(ref, bytes) {
      objects.set(ref.digest, bytes);
    },
    getBytes(ref) {
      reads.push(ref);
      const bytes = objects.get(ref.digest);
      return bytes === undefined
        ? Promise.reject(failure('ArtifactMissing', `${ref.digest} is not there`))
        : Promise.resolve(bytes);
    },
  };
}

/** For a gateway whose test queries no index. */
export const noIndexes: Pick<IndexReader, 'query' | 'check' | 'embedder'> = {
  query: noIndex,
  check: noIndex,
  embedder: noIndex,
};

function noIndex({ index }: { readonly index: string }): Promise<never> {
  return Promise.reject(failure('NotFound', `there is no index ${index} in this test`));
}

/** For tests that kill no process. */
export const uncountedRequests: Pick<RequestsInProgress, 'begin' | 'end'> = {
  begin: (tenant, model) => ({ tenant, model, requests: 1, line: '', lineBytes: 0 }),
  end: () => undefined,
};
