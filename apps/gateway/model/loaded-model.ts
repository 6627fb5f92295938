import type { ArtifactRef } from '../../../domain/artifact';
import { failure } from '../../../domain/failure';
import type { Tenant } from '../../../domain/ids';
import type { ReleaseBundle } from '../../../domain/bundle/bundle';
import type { ModelManifest } from '../../../domain/model/model';
import { loadBundle, type BundleLoaderOptions, type LoadedBundle } from './load-bundle';
import { loadGraph, type GraphLoaderOptions, type LoadedGraph } from './load-graph';
import { verifiedBytes } from './verified-bytes';

/**
 * A loaded model or bundle. It has no version number, because two versions may have the same bytes.
 * `bytes` is its estimated memory, for the limit of the cache.
 */
export type LoadedModel = LoadedGraph | LoadedBundle;

export interface LoadInput {
  readonly tenant: Tenant;
  readonly model: string;
  readonly manifest: ArtifactRef;
}

export interface ModelLoader {
  /**
   * Throws ArtifactMissing, DigestMismatch, ModelUnloadable, SqlForbidden or SqlInvalid,
   * StorageUnavailable.
   */
  load(input: LoadInput): Promise<LoadedModel>;
}

export type ModelLoaderOptions = GraphLoaderOptions & BundleLoaderOptions;

const maxManifestBytes = 4 * 1024 * 1024;

export function createModelLoader(options: ModelLoaderOptions): ModelLoader {
  return {
    async load({ tenant, model, manifest: ref }) {
      const bytes = await verifiedBytes(
        options.artifacts,
        ref,
        maxManifestBytes,
        `the manifest of ${model}`,
      );
      const manifest = parseManifest(bytes, model);
      return 'kind' in manifest
        ? loadBundle(manifest, { tenant, digest: ref.digest }, options)
        : loadGraph(manifest, { tenant, digest: ref.digest }, options);
    },
  };
}

function parseManifest(bytes: Uint8Array, model: string): ModelManifest | ReleaseBundle {
  // The digest proves that registration wrote these bytes, so their shape needs no second check.
  const manifest = JSON.parse(new TextDecoder().decode(bytes)) as ModelManifest | ReleaseBundle;
  if (manifest.model !== model)
    throw failure('ModelUnloadable', `the manifest of ${model} is for the model ${manifest.model}`);
  return manifest;
}
