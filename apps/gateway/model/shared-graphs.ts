import { openOnnxModel, type OnnxModel } from '../../../data/onnx/session';
import type { ArtifactRef } from '../../../domain/artifact';
import type { ModelSignature } from '../../../domain/model/model';

/** One use of a graph that several models may share. */
export interface GraphUse {
  readonly onnx: OnnxModel;
  /** The size of the file, divided by the models that use the graph now. */
  fileBytes(): number;
  /** Closes the graph after its last use. Call it once. */
  close(): Promise<void>;
}

export interface SharedGraphs {
  /** Opens a graph once for all models with the same bytes. `read` returns its verified bytes. */
  open(
    ref: ArtifactRef,
    signature: ModelSignature,
    read: () => Promise<Uint8Array>,
  ): Promise<GraphUse>;
}

interface OpenGraph {
  readonly onnx: Promise<OnnxModel>;
  fileBytes: number;
  users: number;
}

/**
 * Keeps one onnxruntime session for equal graphs, as of one model under several names or in several
 * tenants. The weights are read-only and are found by their digest, so tenants share no data of
 * requests.
 */
export function createSharedGraphs(): SharedGraphs {
  const graphs = new Map<string, OpenGraph>();

  function openGraph(
    key: string,
    { features, classes }: ModelSignature,
    read: () => Promise<Uint8Array>,
  ) {
    const graph: OpenGraph = {
      onnx: read().then((bytes) => {
        graph.fileBytes = bytes.byteLength;
        return openOnnxModel(bytes, features, classes);
      }),
      fileBytes: 0,
      users: 0,
    };
    graphs.set(key, graph);
    return graph;
  }

  return {
    async open(ref, signature, read) {
      const { features, classes } = signature;
      const key = JSON.stringify([ref.digest, features, classes]);
      const graph = graphs.get(key) ?? openGraph(key, signature, read);
      graph.users += 1;
      const leave = () => {
        graph.users -= 1;
        if (graph.users === 0 && graphs.get(key) === graph) graphs.delete(key);
        return graph.users === 0;
      };
      try {
        const onnx = await graph.onnx;
        return {
          onnx,
          fileBytes: () => graph.fileBytes / Math.max(1, graph.users),
          close: async () => {
            if (leave()) await onnx.close();
          },
        };
      } catch (error) {
        leave();
        throw error;
      }
    },
  };
}
