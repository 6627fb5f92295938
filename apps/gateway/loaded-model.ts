import type { ArtifactStore } from '../../data/artifacts/store';
import { sha256 } from '../../data/digest';
import { openOnnxModel } from '../../data/onnx/session';
import type { ArtifactRef, Digest } from '../../domain/artifact';
import { failure } from '../../domain/failure';
import type { ModelManifest, ModelSignature } from '../../domain/model';
import { openFeatures } from './features';
import { compileRequestCodec, type RequestCodec, type RequestRow } from './request-codec';
import { within } from './within';
import { createScorer, type Scorer } from './scorer';

/** A model in memory that has answered its probe. It knows no version number: two versions may be the same bytes. */
export interface LoadedModel {
  readonly digest: Digest;
  readonly signature: ModelSignature;
  /** Estimated memory, for the cache's bound. */
  readonly bytes: number;
  readonly codec: RequestCodec;
  readonly scorer: Scorer;
  close(): Promise<void>;
}

export interface ModelLoader {
  /** Throws ArtifactMissing, DigestMismatch, ModelUnloadable, SqlForbidden or SqlInvalid, StorageUnavailable. */
  load(model: string, manifest: ArtifactRef): Promise<LoadedModel>;
}

export interface ModelLoaderOptions {
  readonly artifacts: Pick<ArtifactStore, 'getBytes'>;
  readonly maxRows: number;
  readonly maxModelBytes: number;
  readonly batchRows: number;
  readonly maxQueued: number;
  readonly probeTimeoutMs: number;
  readonly onBatch: (model: string, rows: number) => void;
}

const readTimeoutMs = 30_000;
const maxManifestBytes = 4 * 1024 * 1024;
const maxSqlBytes = 1024 * 1024;
/** onnxruntime keeps its own form of a graph beside what it read; measured at two to four times the file for boosted trees. */
const memoryPerGraphByte = 4;
/** An in-memory DuckDB with its prepared statement, or the plain form without it, and the session itself. */
const memoryPerModel = { sql: 32 * 1024 * 1024, plain: 2 * 1024 * 1024 } as const;

export function createModelLoader(options: ModelLoaderOptions): ModelLoader {
  return { load: (model, manifest) => load(model, manifest, options) };
}

async function load(model: string, manifestRef: ArtifactRef, options: ModelLoaderOptions): Promise<LoadedModel> {
  const { artifacts, maxRows, maxModelBytes, batchRows, maxQueued, onBatch } = options;
  const manifest = parseManifest(await verifiedBytes(artifacts, manifestRef, maxManifestBytes, `the manifest of ${model}`), model);
  const { signature } = manifest;
  const [graph, sql] = await Promise.all([
    verifiedBytes(artifacts, manifest.onnx, maxModelBytes, `the graph of ${model}`),
    verifiedBytes(artifacts, manifest.featuresSql, maxSqlBytes, `the features SQL of ${model}`),
  ]);
  const features = await openFeatures({ sql: new TextDecoder().decode(sql), signature });
  try {
    const onnx = await openOnnxModel(graph, signature.features);
    try {
      const scorer = createScorer({ name: model, features, onnx, batchRows, maxQueued, onBatch: (rows) => onBatch(model, rows) });
      await probe(model, signature, scorer, options.probeTimeoutMs);
      return {
        digest: manifestRef.digest,
        signature,
        bytes: graph.byteLength * memoryPerGraphByte + memoryPerModel[features.kind],
        codec: compileRequestCodec({ model, signature, maxRows }),
        scorer,
        async close() {
          features.close();
          await onnx.close();
        },
      };
    } catch (error) {
      await onnx.close();
      throw error;
    }
  } catch (error) {
    features.close();
    throw error;
  }
}

/** I3: what is served is what was evaluated, whatever the store promises. */
async function verifiedBytes(
  artifacts: Pick<ArtifactStore, 'getBytes'>,
  ref: ArtifactRef,
  maxBytes: number,
  what: string,
): Promise<Uint8Array> {
  if (ref.bytes > maxBytes) throw failure('ModelUnloadable', `${what} has ${ref.bytes} bytes; this gateway loads at most ${maxBytes}`);
  const bytes = await within(readTimeoutMs, artifacts.getBytes(ref, { maxBytes }), {
    type: 'StorageUnavailable',
    message: `${what} could not be read`,
  });
  const digest = sha256(bytes);
  if (digest !== ref.digest || bytes.byteLength !== ref.bytes) {
    throw failure('DigestMismatch', `${what} is ${digest} of ${bytes.byteLength} bytes; expected ${ref.digest} of ${ref.bytes}`);
  }
  return bytes;
}

function parseManifest(bytes: Uint8Array, model: string): ModelManifest {
  // The digest proves that these are the bytes that registration wrote, so their shape needs no second check.
  const manifest = JSON.parse(new TextDecoder().decode(bytes)) as ModelManifest;
  if (manifest.model !== model) throw failure('ModelUnloadable', `the manifest of ${model} is for the model ${manifest.model}`);
  return manifest;
}

/** One inference before traffic. All values are missing: SQL passes nulls through, where made-up values could divide by zero. */
async function probe(model: string, signature: ModelSignature, scorer: Scorer, timeoutMs: number): Promise<void> {
  const row: RequestRow = {};
  for (const { name } of signature.request) row[name] = null;
  try {
    await scorer.score([row], performance.now() + timeoutMs);
  } catch (cause) {
    throw failure('ModelUnloadable', `${model} did not answer its probe: ${cause instanceof Error ? cause.message : String(cause)}`, {
      cause,
    });
  }
}
