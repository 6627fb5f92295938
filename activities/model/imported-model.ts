import type { ArtifactStore } from '../../data/artifact/store';
import { readGraphSignature } from '../../data/onnx/graph-signature';
import { openOnnxModel } from '../../data/onnx/session';
import type { ArtifactRef } from '../../domain/artifact';
import type { TrainingSet } from '../../domain/training/assembled';
import type { RunEffectRef } from '../../domain/run/run';
import { checkImportedGraph, type ImportedModel } from '../../domain/model/imported';
import { withHeartbeat } from '../run/heartbeat';

export interface CheckImportedInput extends RunEffectRef {
  readonly model: string;
  /** Refers to a TrainingSet. */
  readonly assembled: ArtifactRef;
  readonly imported: ImportedModel;
}

export function createImportedModelActivities({
  artifacts,
}: {
  readonly artifacts: Pick<ArtifactStore, 'getBytes' | 'getJson'>;
}) {
  return {
    /**
     * Checks an imported graph against the assembled features and loads it once. Changes nothing,
     * so a retry does the same.
     * @throws InvalidInput for another signature, ModelUnloadable
     */
    checkImportedModel: ({ model, assembled, imported }: CheckImportedInput) =>
      withHeartbeat(async (): Promise<ArtifactRef> => {
        const { artifact, fileName } = imported;
        const { features, task, classes } = await artifacts.getJson<TrainingSet>(assembled);
        const bytes = await artifacts.getBytes(artifact, { maxBytes: artifact.bytes });
        const found = readGraphSignature(bytes, fileName);
        checkImportedGraph({ fileName, model }, found, { features, task, classes });
        await (await openOnnxModel(bytes, features, classes)).close();
        return artifact;
      }),
  };
}
