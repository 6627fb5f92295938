import type { ArtifactRef } from '../../domain/artifact';
import type { TrainingSet } from '../../domain/training/assembled';
import type { DatasetVersionRef } from '../../domain/dataset/dataset';
import type { IdempotencyKey, RunId, Tenant } from '../../domain/ids';
import type { ImportedModel } from '../../domain/model/imported';
import type { ModelManifest, ModelVersionRef } from '../../domain/model/model';
import type { ArtifactStore } from '../../data/artifact/store';
import type { LineageNode } from '../../db/lineage/repository';
import type { Registry } from '../../db/registry';
import type { ModelVersionRecord } from '../../db/model/repository';

export interface ModelVersionDeps {
  readonly registry: Pick<Registry, 'models' | 'artifacts' | 'lineage'>;
  readonly artifacts: Pick<ArtifactStore, 'getJson' | 'putJson'>;
}

/** The parts of a model's manifest: the graph, its features and its origin. */
export interface ManifestInput {
  readonly tenant: Tenant;
  readonly runId: RunId;
  readonly key: IdempotencyKey;
  readonly model: string;
  readonly assembled: ArtifactRef;
  readonly onnx: ArtifactRef;
  readonly featuresSql: ArtifactRef;
  /** Null for an imported model. */
  readonly trainer: ModelManifest['trainer'];
  readonly imported?: ModelManifest['imported'];
}

export interface RegisterInput {
  readonly tenant: Tenant;
  readonly runId: RunId;
  readonly key: IdempotencyKey;
  readonly model: string;
  readonly manifest: ArtifactRef;
  /** The rows on which it was trained, or on which an imported model was checked. */
  readonly dataset: DatasetVersionRef;
  readonly imported?: ImportedModel | undefined;
  readonly metrics: Readonly<Record<string, number>>;
}

export function createModelVersionActivities({ registry, artifacts }: ModelVersionDeps) {
  return {
    /** Writes a model's manifest. Content-addressed, so a retry returns the same reference. */
    async writeManifest(input: ManifestInput): Promise<ArtifactRef> {
      const { tenant, runId, model, onnx, featuresSql, trainer, imported } = input;
      const { task, classes, request, features, entity, time } =
        await artifacts.getJson<TrainingSet>(input.assembled);
      const manifest: ModelManifest = {
        model,
        signature: {
          task,
          request,
          features,
          output: 'score',
          ...(classes && { classes }),
          entity,
          time,
        },
        onnx,
        featuresSql,
        trainer,
        ...(imported && { imported }),
        trainingData: input.assembled.digest,
      };
      return artifacts.putJson({ tenant, runId, value: manifest });
    },

    /** Registers one version per key; a retry returns it again. */
    async registerVersion(input: RegisterInput): Promise<ModelVersionRef> {
      const { tenant, runId, key, model, manifest: ref, dataset, imported, metrics } = input;
      const manifest = await artifacts.getJson<ModelManifest>(ref);
      const { signature } = manifest;
      const version = await registry.models.register({
        tenant,
        model,
        runId,
        manifest: ref,
        signature,
        metrics,
        cause: imported ? `imported from ${imported.fileName}` : 'trained',
        idempotencyKey: key,
      });
      const by = `model:${model}@${version.version}`;
      for (const { digest } of [ref, manifest.onnx, manifest.featuresSql])
        await registry.artifacts.reference({ tenant, digest, by });
      const rows = {
        kind: 'dataset',
        name: dataset.dataset,
        version: dataset.version,
        digest: dataset.manifest.digest,
      } as const;
      const run = { kind: 'run', name: runId } as const;
      await registry.lineage.add({
        tenant,
        edges: [
          { from: imported ? importedFile(imported) : rows, to: run, runId },
          {
            from: run,
            to: { kind: 'model', name: model, version: version.version, digest: ref.digest },
            runId,
          },
        ],
      });
      return version;
    },

    /** Undo of `registerVersion`. Does nothing if there is no version, or if it is promoted. */
    async withdrawVersion(input: {
      readonly tenant: Tenant;
      readonly runId: RunId;
      readonly model: string;
    }): Promise<void> {
      const { tenant, runId, model } = input;
      const version = await registeredBy(registry, input);
      if (version?.status !== 'candidate') return;
      await registry.models.setStatus({
        tenant,
        model,
        version: version.version,
        status: 'withdrawn',
        cause: `undo of ${runId}`,
      });
    },

    /** Marks a version as rejected. Does nothing if an earlier decision promoted it. */
    async rejectVersion(input: {
      readonly tenant: Tenant;
      readonly runId: RunId;
      readonly model: string;
      readonly version: number;
    }): Promise<void> {
      const { tenant, runId, model, version } = input;
      const record = await registry.models.get({ tenant, model, version });
      if (record?.status !== 'candidate') return;
      await registry.models.setStatus({
        tenant,
        model,
        version,
        status: 'rejected',
        cause: `decision of ${runId}`,
      });
    },
  };
}

/** The name has a part of the digest, because two files may have one name. */
function importedFile({ fileName, artifact: { digest } }: ImportedModel): LineageNode {
  return { kind: 'source', name: `${fileName}#${digest.slice(7, 19)}`, digest };
}

/** A run registers at most one version, among the newest. */
async function registeredBy(
  registry: Pick<Registry, 'models'>,
  {
    tenant,
    runId,
    model,
  }: { readonly tenant: Tenant; readonly runId: RunId; readonly model: string },
): Promise<ModelVersionRecord | null> {
  let pageToken: string | undefined;
  do {
    const page = await registry.models.versions({ tenant, model, pageSize: 100, pageToken });
    const found = page.items.find((version) => version.runId === runId);
    if (found) return found;
    pageToken = page.nextPageToken ?? undefined;
  } while (pageToken !== undefined);
  return null;
}
