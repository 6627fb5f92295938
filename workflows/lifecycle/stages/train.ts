import { ApplicationFailure } from '@temporalio/workflow';
import type { ArtifactRef } from '../../../domain/artifact';
import type { DatasetVersionRef } from '../../../domain/dataset/dataset';
import type { JobResult } from '../../../domain/training/job';
import type { ModelVersionRef } from '../../../domain/model/model';
import { computeWork, registryWrites, timedDataWork } from '../../activity-proxies';
import { describeVersion } from '../../run/search-attributes';
import type { EffectFactory, EndedStage, ModelRun } from '../stage';
import { buildEffect, runStage } from '../stage';
import type { ValidateOutput } from './validate';

export interface TrainOutput {
  /** Manifest of the model; a version is registered under it. */
  readonly manifest: ArtifactRef;
  readonly assembled: ArtifactRef;
  /** The assembled rows as a dataset version. */
  readonly dataset: DatasetVersionRef;
  /** The holdout rows as a dataset version. */
  readonly holdout: DatasetVersionRef;
  readonly rows: Readonly<Record<'train' | 'tuning' | 'confirm' | 'holdout', number>>;
  readonly result: JobResult;
  /** Null when no job ran, because the model was imported. */
  readonly logs: ArtifactRef | null;
}

export interface TrainOptions {
  /** Parameters of the trainer, over those of the spec and below those of the run's request. */
  readonly params?: Readonly<Record<string, unknown>>;
}

/** The parameters of the trainer in this run. */
export function trainerParams(
  { plan: { spec, request } }: ModelRun,
  { params }: TrainOptions,
): Readonly<Record<string, unknown>> {
  // The parameters of a project's run are those of its lifecycle function, not of the trainer.
  return { ...spec.train.params, ...params, ...(spec.program ? {} : request.params) };
}

/** Assembles the rows with their features and trains on the oldest part of them. */
export async function train(
  run: ModelRun,
  data: ValidateOutput,
  options: TrainOptions = {},
): Promise<EndedStage<TrainOutput>> {
  const { plan } = run;
  const { spec } = plan;
  const params = trainerParams(run, options);
  const featuresSql = requireFile(run, spec.data.features);
  const inputs = async () => {
    const trainer = await registryWrites.describeTrainer({ trainer: spec.train.trainer, params });
    return {
      ...assemblyInputs(run, data),
      trainer: {
        name: trainer.name,
        code: trainer.codeDigest,
        params,
        seed: spec.train.seed,
        task: spec.train.task,
      },
    };
  };
  return runStage(run, { name: 'train', inputs, cached: true }, async (effect, { trainer }) => {
    const assembled = await assembleRows(run, effect, data);
    const trained = await computeWork(spec.train.compute).trainModel.executeWithOptions(
      { summary: `${trainer.name} on ${assembled.rows.train} rows, ${spec.train.compute.backend}` },
      [
        {
          ...effect('job'),
          lifecycle: plan.lifecycle,
          train: { ...spec.train, params },
          assembled: assembled.assembled,
        },
      ],
    );
    if (trained.trainer.codeDigest !== trainer.code) {
      // Storing this model under the inputs above would attribute it to the wrong code.
      const message =
        `the code of trainer ${trainer.name} changed during the run, or differs ` +
        'between workers';
      throw ApplicationFailure.create({
        message,
        type: 'Conflict',
        nonRetryable: true,
        details: [{ next: 'perennial run rerun' }],
      });
    }
    const manifest = await registryWrites.writeManifest({
      ...effect('manifest'),
      model: plan.lifecycle,
      assembled: assembled.assembled,
      onnx: trained.onnx,
      featuresSql,
      trainer: { name: trainer.name, codeDigest: trainer.code, params, seed: spec.train.seed },
    });
    return { output: { manifest, ...assembled, result: trained.result, logs: trained.logs } };
  });
}

/** Everything that the assembled rows depend on. */
export function assemblyInputs(run: ModelRun, { datasets, window }: ValidateOutput) {
  const { data } = run.plan.spec;
  return {
    datasets: Object.fromEntries(
      Object.entries(datasets).map(([name, version]) => [name, version.manifest.digest]),
    ),
    window,
    label: data.label,
    columns: { time: data.time?.column ?? null, entity: data.entity },
    split: data.split,
    sql: [requireFile(run, data.assemble).digest, requireFile(run, data.features).digest],
  };
}

/** Runs `assemble.sql`, then `features.sql`. */
export function assembleRows({ plan }: ModelRun, effect: EffectFactory, data: ValidateOutput) {
  const { spec } = plan;
  return timedDataWork({
    steps: 2,
    timeoutSeconds: spec.data.timeoutSeconds,
  }).assembleData.executeWithOptions({ summary: spec.data.assemble }, [
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
}

/**
 * Registers a version for this run, also when the training was reused. The version of the earlier
 * run belongs to that run's decision and may have been rejected or withdrawn.
 */
export async function registerCandidate(
  run: ModelRun,
  trained: TrainOutput,
): Promise<ModelVersionRef> {
  const { plan } = run;
  const register = buildEffect(plan, 'train')('register');
  run.undo.push({
    what: 'candidate version',
    run: () => registryWrites.withdrawVersion({ ...register, model: plan.lifecycle }),
  });
  const candidate = await registryWrites.registerVersion.executeWithOptions(
    { summary: `candidate of ${plan.lifecycle}` },
    [
      {
        ...register,
        model: plan.lifecycle,
        manifest: trained.manifest,
        dataset: trained.dataset,
        imported: plan.request.imported,
        metrics: trained.result.metrics,
      },
    ],
  );
  describeVersion(candidate);
  return candidate;
}

export function requireFile({ plan }: ModelRun, path: string): ArtifactRef {
  const file = plan.files[path];
  // `apply` refuses a revision that lacks a file it names.
  if (!file) throw new Error(`the lifecycle revision has no file ${path}`);
  return file;
}
