import { sha256 } from '../../../data/digest';
import type { ArtifactRef } from '../../../domain/artifact';
import type { FeatureColumn, ModelManifest, ModelSignature } from '../../../domain/model/model';
import { linearOnnx, type LinearGraph } from './onnx-graph';

export interface TestModel {
  readonly model?: string;
  readonly graph: LinearGraph;
  readonly request: ModelSignature['request'];
  readonly sql: string;
}

/**
 * A linear model over `carrier` and `distance` with the answer `bias` plus 0.001 per mile, so that
 * an answer shows which version gave it.
 */
export function distanceModel(bias: number): TestModel {
  return {
    graph: { bias, weights: { carrier: { AA: 0.5 }, distance: 0.001 }, link: 'identity' },
    request: [
      { name: 'carrier', type: 'string' },
      { name: 'distance', type: 'number' },
    ],
    sql: 'SELECT carrier, distance FROM request',
  };
}

/** The bytes of the manifest and of its parts, stored through `put`. */
export async function putModel(
  put: (bytes: Uint8Array) => ArtifactRef | Promise<ArtifactRef>,
  test: TestModel,
): Promise<ArtifactRef> {
  const features = Object.entries(test.graph.weights).map(([name, weight]): FeatureColumn => ({
    name,
    type: typeof weight === 'number' ? 'float' : 'string',
  }));
  const manifest: ModelManifest = {
    model: test.model ?? 'flight-delay',
    signature: {
      task: 'regression',
      request: test.request,
      features,
      output: 'score',
      entity: 'tailnum',
      time: 'scheduled_at',
    },
    onnx: await put(linearOnnx(test.graph)),
    featuresSql: await put(Buffer.from(test.sql)),
    trainer: { name: 'test', codeDigest: sha256('code'), params: {}, seed: 1 },
    trainingData: sha256('rows'),
  };
  return put(Buffer.from(JSON.stringify(manifest)));
}

/** A request of rows for `distanceModel`. */
export function distanceRequest(
  rows: readonly { readonly carrier: string | null; readonly distance: number | null }[],
): {
  inputs: { name: string; shape: number[]; datatype: string; data: unknown[] }[];
} {
  const shape = [rows.length, 1];
  return {
    inputs: [
      { name: 'carrier', shape, datatype: 'BYTES', data: rows.map(({ carrier }) => carrier) },
      { name: 'distance', shape, datatype: 'FP64', data: rows.map(({ distance }) => distance) },
    ],
  };
}
