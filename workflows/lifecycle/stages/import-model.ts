import type { ImportedModel } from '../../../domain/model/imported';
import { dataWork, registryWrites } from '../../activity-proxies';
import type { EndedStage, ModelRun } from '../stage';
import { runStage } from '../stage';
import type { TrainOutput } from './train';
import { assembleRows, assemblyInputs, fileOf } from './train';
import type { ValidateOutput } from './validate';

/** The train stage of a run with an imported model: assembles the rows and checks the model. */
export async function importModel(
  run: ModelRun,
  data: ValidateOutput,
  imported: ImportedModel,
): Promise<EndedStage<TrainOutput>> {
  const { plan } = run;
  const { format, artifact, fileName } = imported;
  const inputs = () => ({
    ...assemblyInputs(run, data),
    task: plan.spec.train.task,
    imported: { format, digest: artifact.digest },
  });
  return runStage(run, { name: 'train', inputs, cached: true }, async (effect) => {
    const assembled = await assembleRows(run, effect, data);
    const onnx = await dataWork.checkImportedModel.executeWithOptions({ summary: fileName }, [
      { ...effect('import'), model: plan.lifecycle, assembled: assembled.assembled, imported },
    ]);
    const manifest = await registryWrites.writeManifest({
      ...effect('manifest'),
      model: plan.lifecycle,
      assembled: assembled.assembled,
      onnx,
      featuresSql: fileOf(run, plan.spec.data.features),
      trainer: null,
      imported: { format, digest: artifact.digest },
    });
    return { output: { manifest, ...assembled, result: { metrics: {}, facts: {} }, logs: null } };
  });
}
