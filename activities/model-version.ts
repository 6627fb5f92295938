import type { ArtifactRef } from '../domain/artifact';
import type { AssembledData } from '../domain/assembled';
import type { IdempotencyKey, RunId, Tenant } from '../domain/ids';
import type { ModelManifest, ModelVersionRef } from '../domain/model';
import type { ArtifactStore } from '../data/artifacts/store';
import type { Registry } from '../db/registry';
import type { ModelVersionRecord } from '../db/repositories/models';

export interface ModelVersionDeps {
  readonly registry: Registry;
  readonly artifacts: ArtifactStore;
}

/** What a trained graph needs to become a version: the bytes, how requests become features, and where it came from. */
export interface ManifestInput {
  readonly tenant: Tenant;
  readonly runId: RunId;
  readonly key: IdempotencyKey;
  readonly model: string;
  readonly assembled: ArtifactRef;
  readonly onnx: ArtifactRef;
  readonly featuresSql: ArtifactRef;
  readonly trainer: ModelManifest['trainer'];
}

export function createModelVersionActivities({ registry, artifacts }: ModelVersionDeps) {
  return {
    /** Content-addressed: a second attempt gives the same reference. */
    writeManifest: async (input: ManifestInput): Promise<ArtifactRef> => (await writeManifest(artifacts, input)).ref,

    /** One version a key: a second attempt finds the first one's. */
    async registerVersion(input: ManifestInput & { readonly metrics: Readonly<Record<string, number>> }): Promise<ModelVersionRef> {
      const { tenant, runId, key, model, metrics } = input;
      const { ref, manifest } = await writeManifest(artifacts, input);
      const version = await registry.models.register({
        tenant,
        model,
        runId,
        manifest: ref,
        signature: manifest.signature,
        metrics,
        idempotencyKey: key,
      });
      const by = `model:${model}@${version.version}`;
      for (const { digest } of [ref, manifest.onnx, manifest.featuresSql]) await registry.artifacts.reference({ tenant, digest, by });
      await registry.lineage.add({
        tenant,
        edges: [
          { from: { kind: 'dataset', name: `${model}.rows`, digest: manifest.trainingData }, to: { kind: 'run', name: runId }, runId },
          { from: { kind: 'run', name: runId }, to: { kind: 'model', name: model, version: version.version, digest: ref.digest }, runId },
        ],
      });
      return version;
    },

    /** Undo of `registerVersion`; nothing to do when it registered none, or when the version serves. */
    async withdrawVersion(input: { readonly tenant: Tenant; readonly runId: RunId; readonly model: string }): Promise<void> {
      const { tenant, runId, model } = input;
      const version = await registeredBy(registry, input);
      if (version?.status !== 'candidate') return;
      await registry.models.setStatus({ tenant, model, version: version.version, status: 'withdrawn', cause: `undo of ${runId}` });
    },

    /** A gate said no. Nothing to do for a version that an earlier decision promoted. */
    async rejectVersion(input: {
      readonly tenant: Tenant;
      readonly runId: RunId;
      readonly model: string;
      readonly version: number;
    }): Promise<void> {
      const { tenant, runId, model, version } = input;
      const record = await registry.models.get({ tenant, model, version });
      if (record?.status !== 'candidate') return;
      await registry.models.setStatus({ tenant, model, version, status: 'rejected', cause: `decision of ${runId}` });
    },
  };
}

async function writeManifest(
  artifacts: ArtifactStore,
  input: ManifestInput,
): Promise<{ readonly ref: ArtifactRef; readonly manifest: ModelManifest }> {
  const assembled = await artifacts.getJson<AssembledData>(input.assembled);
  const manifest: ModelManifest = {
    model: input.model,
    signature: {
      task: assembled.task,
      request: assembled.request,
      features: assembled.features,
      output: 'score',
      entity: assembled.entity,
      time: assembled.time,
    },
    onnx: input.onnx,
    featuresSql: input.featuresSql,
    trainer: input.trainer,
    trainingData: input.assembled.digest,
  };
  return { ref: await artifacts.putJson({ tenant: input.tenant, runId: input.runId, value: manifest }), manifest };
}

/** A run registers at most one version, among the newest. */
async function registeredBy(
  registry: Registry,
  { tenant, runId, model }: { readonly tenant: Tenant; readonly runId: RunId; readonly model: string },
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
