import { ApplicationFailure } from '@temporalio/workflow';
import type { WrittenBundle } from '../../../activities/language/bundle-version';
import type { PreparedExamples } from '../../../activities/language/prepare-examples';
import type { ArtifactRef } from '../../../domain/artifact';
import type { JobResult } from '../../../domain/training/job';
import type { FineTuneSpec } from '../../../domain/lifecycle/llm/llm-lifecycle';
import { computeWork, dataWork, llmWork, registryWrites } from '../../activity-proxies';
import type { StageEnd } from '../../../domain/run/plan';
import type { EffectFactory, EndedStage, LlmRun } from '../stage';
import { buildEffect, runStage } from '../stage';
import { requireLlmFile } from './llm-questions';
import { requireDataset, type SourceDatasets } from './ingest';

export interface FineTuneOutput {
  /** The chosen bundle with the fine-tuned model. */
  readonly bundle: WrittenBundle;
  readonly rows: PreparedExamples['rows'];
  /** Passages that the examples quote from the bundle's index; null when it has no index. */
  readonly passages: PreparedExamples['passages'];
  readonly result: JobResult;
  /** Null when a provider trained the model. */
  readonly logs: ArtifactRef | null;
}

/**
 * Fine-tunes the model of the chosen bundle on examples of good answers. The examples are not among
 * the cases of the evaluation. The result is an adapter, or a provider's model, in the bundle.
 */
export async function fineTune(
  run: LlmRun,
  spec: FineTuneSpec,
  { chosen, indexChanges }: { readonly chosen: WrittenBundle; readonly indexChanges: number },
  datasets: SourceDatasets,
): Promise<EndedStage<FineTuneOutput>> {
  const { tenant, runId } = run.plan;
  const examples = requireDataset(datasets, 'run.fineTune', spec.examples);
  const { compute, ...fineTuneInputs } = spec;
  const cases = requireLlmFile(run, run.plan.spec.cases.file);
  // The bundle's digest covers the prompt and the index version, but not later changes of the
  // documents in that version.
  const changed = chosen.retrieves && indexChanges > 0 ? { indexChanges } : {};
  const given = {
    ...fineTuneInputs,
    cases: cases.digest,
    examples: examples.manifest.digest,
    bundle: chosen.manifest.digest,
    ...changed,
  };
  // With passages this is hours of queries to an index and its embedder; without them it is SQL.
  const work = chosen.retrieves ? llmWork : dataWork;
  const prepare = (effect: EffectFactory) =>
    work.prepareExamples.executeWithOptions(
      { summary: `examples as conversations with prompt ${chosen.path}` },
      [
        {
          ...effect('examples'),
          examples,
          bundle: chosen.manifest,
          fineTune: spec,
          cases,
          spec: { budget: run.plan.spec.budget },
        },
      ],
    );
  if (spec.by === 'provider') return byProvider(run, spec, { chosen, given, prepare });

  const inputs = async () => {
    const { name, codeDigest } = await registryWrites.describeTrainer({
      trainer: spec.trainer,
      params: spec.params,
    });
    return { ...given, trainer: { name, code: codeDigest } };
  };
  return runStage(
    run,
    { name: 'fine-tune', inputs, cached: true },
    async (effect, { trainer }): Promise<StageEnd<FineTuneOutput>> => {
      const prepared = await prepare(effect);
      const tuned = await computeWork(compute).fineTuneModel.executeWithOptions(
        { summary: `${trainer.name} on ${prepared.rows.train} examples, ${compute.backend}` },
        [{ ...effect('job'), prepared, fineTune: spec }],
      );
      if (tuned.trainer.codeDigest !== trainer.code) {
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
      const manifest = await registryWrites.adaptBundle({
        tenant,
        runId,
        bundle: chosen.manifest,
        adapter: tuned.adapter,
      });
      const { rows, passages } = prepared;
      return {
        output: {
          bundle: { ...chosen, manifest },
          rows,
          passages,
          result: tuned.result,
          logs: tuned.logs,
        },
      };
    },
  );
}

interface ProviderFineTune {
  readonly chosen: WrittenBundle;
  readonly given: object;
  readonly prepare: (effect: EffectFactory) => Promise<PreparedExamples>;
}

/**
 * The provider trains the model and keeps the weights. Its job is submitted once, followed until it
 * ends, and cancelled if the run ends first.
 */
async function byProvider(
  run: LlmRun,
  spec: FineTuneSpec,
  { chosen, given, prepare }: ProviderFineTune,
): Promise<EndedStage<FineTuneOutput>> {
  const { plan } = run;
  const { provider, name: model } = plan.spec.model;
  const ordered = { ...buildEffect(plan, 'fine-tune')('order'), provider };
  run.undo.push({
    what: `fine-tuning at ${provider}`,
    run: () => llmWork.cancelFineTuning(ordered),
  });
  const inputs = () => ({ ...given, provider, model });
  return runStage(
    run,
    { name: 'fine-tune', inputs, cached: true },
    async (effect): Promise<StageEnd<FineTuneOutput>> => {
      const prepared = await prepare(effect);
      const { job } = await llmWork.submitFineTuning.executeWithOptions(
        { summary: `${model} on ${prepared.rows.train} examples, ${provider}` },
        [{ ...ordered, prepared, model, fineTune: spec }],
      );
      for (let awaySince: string | null = null; ;) {
        const summary: string =
          awaySince === null ? job : `${job}; ${provider} is unavailable since ${awaySince}`;
        const patienceSeconds = spec.compute.timeoutSeconds;
        const state = await llmWork.awaitFineTuning.executeWithOptions({ summary }, [
          { ...ordered, job, awaySince, patienceSeconds },
        ]);
        awaySince = state.kind === 'away' ? state.since : null;
        if (state.kind !== 'succeeded') continue;
        const { tenant, runId } = plan;
        const manifest = await registryWrites.rebaseBundle({
          tenant,
          runId,
          bundle: chosen.manifest,
          model: state.model,
        });
        const result: JobResult = {
          metrics: {},
          facts: { job, model: state.model, trainedTokens: state.trainedTokens },
        };
        const { rows, passages } = prepared;
        return { output: { bundle: { ...chosen, manifest }, rows, passages, result, logs: null } };
      }
    },
  );
}
