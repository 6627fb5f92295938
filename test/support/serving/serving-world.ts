import { join } from 'node:path';
import { openArtifactStore, type ArtifactStore } from '../../../data/artifact/store';
import { computeDigest } from '../../../data/digest';
import { openDatabase } from '../../../db/connection';
import { migrate } from '../../../db/migrate';
import { createRegistry, type Registry } from '../../../db/registry';
import type { RolloutRecord } from '../../../db/rollout/records';
import type { ArtifactRef } from '../../../domain/artifact';
import { defaultTenant as tenant, type RunId } from '../../../domain/ids';
import type { ModelLifecycleSpec } from '../../../domain/lifecycle/lifecycle';
import type { ModelManifest, ModelVersionRef } from '../../../domain/model/model';
import { openRollout } from '../../db/rollout/fixture';
import { startGatewayProcess, type GatewayProcess } from '../process/gateway-process';
import { putModel, type TestModel } from './served-models';

export interface S3Place {
  readonly endpoint: string;
  readonly region: string;
  readonly bucket: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
}

/** A registry and an artifact store with a lifecycle, a run and API keys, for a gateway. */
export interface ServingWorld {
  readonly registry: Registry;
  readonly artifacts: ArtifactStore;
  readonly runId: RunId;
  readonly keys: { readonly viewer: string; readonly operator: string };
  register(test: TestModel): Promise<ModelVersionRef>;
  registerManifest(manifest: ArtifactRef): Promise<ModelVersionRef>;
  /** Replaces the present champion. */
  promote(version: ModelVersionRef): Promise<void>;
  /**
   * Starts a shadow rollout beside the champion, in its own run. Both arms score every request
   * unless `paired` is false.
   */
  openRollout(
    challenger: ModelVersionRef,
    over?: { readonly paired?: boolean },
  ): Promise<RolloutRecord>;
  startGateway(
    stateDir: string,
    environment?: Readonly<Record<string, string>>,
  ): Promise<GatewayProcess>;
  close(): Promise<void>;
}

export async function openServingWorld(databaseUrl: string, s3: S3Place): Promise<ServingWorld> {
  const database = openDatabase({ url: databaseUrl });
  await migrate(database);
  const registry = createRegistry(database);
  const artifacts = openArtifactStore({ ...s3, leases: registry.artifacts });
  await artifacts.ensureBucket();
  await registry.predictions.ensurePartitions({ days: 2 });
  const runId = await openRun(registry);
  const keys = {
    viewer: (
      await registry.apiKeys.create({ tenant, name: 'viewer', scope: 'viewer', actor: 'test' })
    ).key,
    operator: (
      await registry.apiKeys.create({ tenant, name: 'operator', scope: 'operator', actor: 'test' })
    ).key,
  };
  let moves = 0;

  async function registerManifest(manifest: ArtifactRef): Promise<ModelVersionRef> {
    moves += 1;
    const { model, signature } = await artifacts.getJson<ModelManifest>(manifest);
    return registry.models.register({
      tenant,
      model,
      runId,
      manifest,
      signature,
      idempotencyKey: `register-${moves}`,
    });
  }

  return {
    registry,
    artifacts,
    runId,
    keys,
    registerManifest,
    register: async (test) =>
      registerManifest(
        await putModel(
          (bytes) => artifacts.putBytes({ tenant, bytes, mediaType: 'application/octet-stream' }),
          test,
        ),
      ),
    async promote({ model, version }) {
      moves += 1;
      const { champion } = await registry.aliases.get({ tenant, model });
      const expectedChampion = {
        version: champion?.version ?? null,
        fencing: champion?.fencing ?? 0,
      };
      const move = {
        tenant,
        model,
        version,
        expectedChampion,
        decisionId: null,
        runId,
        actor: 'test',
        cause: 'test',
      };
      const { kind } = await registry.aliases.promote({
        ...move,
        idempotencyKey: `promote-${moves}`,
      });
      if (kind !== 'promoted') throw new Error(`promotion of ${model}@${version}: ${kind}`);
    },
    async openRollout({ model, version }, over = {}) {
      const { champion } = await registry.aliases.get({ tenant, model });
      if (champion === null) throw new Error(`${model} has no champion to be beside`);
      const opened = await openRollout(registry, { model, champion, challenger: version, ...over });
      if (opened.kind !== 'opened')
        throw new Error(`rollout of ${model}@${version}: ${opened.kind}`);
      return opened.rollout;
    },
    startGateway: (stateDir, environment = {}) =>
      startGatewayProcess({ databaseUrl, s3, stateDir: join(stateDir, 'gateway'), environment }),
    async close() {
      artifacts.close();
      await database.close();
    },
  };
}

async function openRun(registry: Registry): Promise<RunId> {
  // The registry requires a revision for the run, but its content does not matter.
  const spec = {
    name: 'flight-delay',
    kind: 'ModelLifecycle',
    owner: 'ops@airline.example',
  } as ModelLifecycleSpec;
  const revision = {
    lifecycle: 'flight-delay',
    digest: computeDigest(spec),
    spec,
    files: {},
    contracts: {},
  };
  await registry.lifecycles.apply({ tenant, revision, actor: 'test' });
  const opened = {
    tenant,
    workflowId: 'w1',
    lifecycle: 'flight-delay',
    request: {},
    actor: 'test',
    traceId: '0'.repeat(32),
  };
  return (await registry.runs.open(opened)).id;
}
