import type { ImportedModel } from '../../../domain/model/imported';
import type { TrainedModel } from '../../../activities/training/train';
import { conversionTrainer } from '../../../domain/model/imported';
import { computeWork, dataWork, registryWrites } from '../../activity-proxies';
import type { EffectFactory, EndedStage, ModelRun } from '../stage';
import { runStage } from '../stage';
import type { TrainOutput } from './train';
import { assembleRows, assemblyInputs, requireFile } from './train';
import type { ValidateOutput } from './validate';

/** The train stage of a run with an imported model: assembles the rows and checks the model. */
export async function importModel(
  run: ModelRun,
  data: ValidateOutput,
  imported: ImportedModel,
): Promise<EndedStage<TrainOutput>> {
  const { plan } = run;
  const { format, artifact, fileName } = imported;
  const isConverted = format !== 'onnx';
  const inputs = async () => ({
    ...assemblyInputs(run, data),
    task: plan.spec.train.task,
    imported: { format, digest: artifact.digest },
    ...(isConverted && {
      packages: imported.packages ?? [],
      modelClass: imported.modelClass ?? null,
      converter: (await registryWrites.describeTrainer({ trainer: conversionTrainer })).codeDigest,
    }),
  });
  return runStage(run, { name: 'train', inputs, cached: true }, async (effect) => {
    const assembled = await assembleRows(run, effect, data);
    const converted = isConverted ? await convert(run, effect, imported, assembled) : null;
    const graph = converted?.onnx ?? artifact;
    const onnx = await dataWork.checkImportedModel.executeWithOptions({ summary: fileName }, [
      {
        ...effect('import'),
        model: plan.lifecycle,
        assembled: assembled.assembled,
        imported: { ...imported, artifact: graph },
      },
    ]);
    const manifest = await registryWrites.writeManifest({
      ...effect('manifest'),
      model: plan.lifecycle,
      assembled: assembled.assembled,
      onnx,
      featuresSql: requireFile(run, plan.spec.data.features),
      trainer: null,
      imported: { format, digest: artifact.digest },
    });
    const { result, logs } = converted ?? { result: { metrics: {}, facts: {} }, logs: null };
    return { output: { manifest, ...assembled, result, logs } };
  });
}

/** A job converts the model. A pickle runs code when it is read, so no other process reads one. */
function convert(
  { plan }: ModelRun,
  effect: EffectFactory,
  imported: ImportedModel,
  { assembled }: Pick<TrainOutput, 'assembled'>,
): Promise<TrainedModel> {
  const { format, fileName, modelClass = null } = imported;
  const { train } = plan.spec;
  return computeWork(train.compute).trainModel.executeWithOptions(
    { summary: `${fileName} (${format}) to ONNX, ${train.compute.backend}` },
    [
      {
        ...effect('job'),
        lifecycle: plan.lifecycle,
        train: { ...train, trainer: conversionTrainer, params: { format, modelClass } },
        assembled,
        imported,
      },
    ],
  );
}
