import type { Digest } from '../../../domain/artifact';
import { failure } from '../../../domain/failure';
import type { Tenant } from '../../../domain/ids';
import type { ModelManifest, ModelSignature } from '../../../domain/model/model';
import { openFeatures, type Features } from '../inference/features';
import {
  compileRequestCodec,
  type RequestCodec,
  type RequestRow,
} from '../inference/request-codec';
import { createScorer, type Scorer } from '../inference/scorer';
import type { MeasuredModel } from './measured-model';
import type { SharedGraphs } from './shared-graphs';
import { verifiedBytes, type VersionArtifacts } from './verified-bytes';

/** A classical model in memory that has answered its probe. */
export interface LoadedGraph {
  readonly kind: 'graph';
  readonly digest: Digest;
  readonly signature: ModelSignature;
  readonly bytes: number;
  readonly codec: RequestCodec;
  readonly features: Pick<Features, 'compute'>;
  readonly scorer: Scorer;
  close(): Promise<void>;
}

export interface GraphLoaderOptions {
  readonly artifacts: VersionArtifacts;
  readonly graphs: SharedGraphs;
  readonly maxRows: number;
  readonly maxModelBytes: number;
  readonly batchRows: number;
  readonly probeTimeoutMs: number;
  readonly onBatch: (model: MeasuredModel, rows: number) => void;
}

const maxSqlBytes = 1024 * 1024;
/**
 * The memory of onnxruntime as a multiple of the file; measured at two to four for boosted trees.
 */
const memoryPerGraphByte = 4;
/**
 * The memory beside the graph. `sql` has a DuckDB with a prepared statement, measured at 3.6 MiB
 * after batches of 512 rows.
 */
const memoryPerModel = { sql: 6 * 1024 * 1024, plain: 2 * 1024 * 1024 } as const;

export async function loadGraph(
  manifest: ModelManifest,
  { tenant, digest }: { readonly tenant: Tenant; readonly digest: Digest },
  options: GraphLoaderOptions,
): Promise<LoadedGraph> {
  const { artifacts, graphs, maxRows, maxModelBytes, batchRows, onBatch } = options;
  const { model, signature } = manifest;
  const sql = await verifiedBytes(
    artifacts,
    manifest.featuresSql,
    maxSqlBytes,
    `the features SQL of ${model}`,
  );
  const features = await openFeatures({ sql: new TextDecoder().decode(sql), signature });
  try {
    const graph = await graphs.open(manifest.onnx, signature, () =>
      verifiedBytes(artifacts, manifest.onnx, maxModelBytes, `the graph of ${model}`),
    );
    const { onnx } = graph;
    try {
      const scorer = createScorer({
        name: model,
        features,
        onnx,
        batchRows,
        onBatch: (rows) => onBatch({ tenant, model }, rows),
      });
      await probe(model, signature, scorer, options.probeTimeoutMs);
      return {
        kind: 'graph',
        digest,
        signature,
        get bytes() {
          return graph.fileBytes() * memoryPerGraphByte + memoryPerModel[features.kind];
        },
        codec: compileRequestCodec({ model, signature, maxRows }),
        features,
        scorer,
        async close() {
          features.close();
          await graph.close();
        },
      };
    } catch (error) {
      await graph.close();
      throw error;
    }
  } catch (error) {
    features.close();
    throw error;
  }
}

/**
 * Run one inference before traffic. All values are missing, because SQL passes nulls through, while
 * made-up values could divide by zero.
 */
async function probe(
  model: string,
  signature: ModelSignature,
  scorer: Scorer,
  timeoutMs: number,
): Promise<void> {
  const row: RequestRow = {};
  for (const { name } of signature.request) row[name] = null;
  try {
    await scorer.score([row], performance.now() + timeoutMs);
  } catch (cause) {
    throw failure(
      'ModelUnloadable',
      `${model} failed its probe: ${cause instanceof Error ? cause.message : String(cause)}`,
      {
        cause,
      },
    );
  }
}
