import type { ArtifactRef } from '../../domain/artifact';
import type { JobResult } from '../../domain/job';
import type { ModelVersionRef } from '../../domain/model';
import { computeWork, dataWork, records } from '../activity-proxies';
import type { Run, StageEnd } from '../stage';
import { runStage } from '../stage';
import type { Validated } from './validate';

export interface Trained {
  readonly version: ModelVersionRef;
  readonly assembled: ArtifactRef;
  readonly rows: Readonly<Record<'train' | 'tuning' | 'confirm' | 'holdout', number>>;
  readonly result: JobResult;
  readonly logs: ArtifactRef;
}

/** Assembles request rows and features, trains on the oldest part, and registers what came out as a candidate. */
export async function train(run: Run, data: Validated): Promise<StageEnd<Trained>> {
  const { plan } = run;
  const { spec } = plan;
  const params = { ...spec.train.params, ...plan.request.params };
  const trainer = await records.describeTrainer({ trainer: spec.train.trainer, params });
  const inputs = {
    datasets: Object.fromEntries(Object.entries(data.datasets).map(([name, version]) => [name, version.manifest.digest])),
    window: data.window,
    label: spec.data.label,
    columns: { time: spec.data.time.column, entity: spec.data.entity },
    split: spec.data.split,
    sql: [plan.files[spec.data.assemble]?.digest, plan.files[spec.data.features]?.digest],
    trainer: { name: trainer.name, code: trainer.codeDigest, params, seed: spec.train.seed, task: spec.train.task },
  };
  return runStage(run, { name: 'train', inputs, cached: true }, async (effect) => {
    const assembled = await dataWork.assembleData.executeWithOptions({ summary: spec.data.assemble }, [
      {
        ...effect('assemble'),
        lifecycle: plan.lifecycle,
        datasets: data.datasets,
        data: spec.data,
        task: spec.train.task,
        files: plan.files,
        window: data.window,
      },
    ]);
    const trained = await computeWork(spec.train.compute).trainModel.executeWithOptions(
      { summary: `${trainer.name} on ${assembled.rows.train} rows, ${spec.train.compute.backend}` },
      [{ ...effect('job'), lifecycle: plan.lifecycle, train: { ...spec.train, params }, assembled: assembled.assembled }],
    );
    const register = effect('register');
    run.undo.push({ what: 'candidate version', run: () => records.withdrawVersion({ ...register, model: plan.lifecycle }) });
    const version = await records.registerVersion.executeWithOptions({ summary: `candidate of ${plan.lifecycle}` }, [
      {
        ...register,
        model: plan.lifecycle,
        assembled: assembled.assembled,
        onnx: trained.onnx,
        featuresSql: fileOf(plan.files, spec.data.features),
        trainer: { name: trained.trainer.name, codeDigest: trained.trainer.codeDigest, params, seed: spec.train.seed },
        metrics: trained.result.metrics,
      },
    ]);
    return { output: { version, assembled: assembled.assembled, rows: assembled.rows, result: trained.result, logs: trained.logs } };
  });
}

export function fileOf(files: Readonly<Record<string, ArtifactRef>>, path: string): ArtifactRef {
  const file = files[path];
  // `apply` refuses a revision whose named files are not all there.
  if (!file) throw new Error(`revision without ${path}`);
  return file;
}
