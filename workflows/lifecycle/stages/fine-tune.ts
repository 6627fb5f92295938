import { ApplicationFailure } from '@temporalio/workflow';
import type { WrittenBundle } from '../../../activities/language/bundle-version';
import type { PreparedExamples } from '../../../activities/language/prepare-examples';
import type { ArtifactRef } from '../../../domain/dataset/artifact';
import type { JobResult } from '../../../domain/training/job';
import type { FineTuneSpec } from '../../../domain/language/lifecycle/llm-lifecycle';
import { computeWork, dataWork, llmWork, records } from '../../activity-proxies';
import type { StageEnd } from '../../../domain/run/plan';
import type { EffectOf, EndedStage, LlmRun } from '../stage';
import { effectOf, runStage } from '../stage';
import { llmFileOf } from './llm-questions';
import type { Ingested } from './ingest';

export interface FineTuned {
  /** The chosen bundle over the adapted model. */
  readonly bundle: WrittenBundle;
  readonly rows: PreparedExamples['rows'];
  /** What they were given of the bundle's index; null where it has none. */
  readonly passages: PreparedExamples['passages'];
  readonly result: JobResult;
  /** Null where a provider trained. */
  readonly logs: ArtifactRef | null;
}

/**
 * Teaches the model what it is to answer to the chosen prompt: an adapter that is part of the
 * bundle, from examples that are not among the cases it is judged by.
 */
export async function fineTune(
  run: LlmRun,
  spec: FineTuneSpec,
  { chosen, indexChanges }: { readonly chosen: WrittenBundle; readonly indexChanges: number },
  datasets: Ingested['datasets'],
): Promise<EndedStage<FineTuned>> {
  const { tenant, runId } = run.plan;
  const examples = datasets[spec.examples];
  // `apply` refuses examples of a source that is not there.
  if (!examples) throw new Error(`there is no source ${spec.examples}`);
  const { compute, ...learnt } = spec;
  const cases = llmFileOf(run, run.plan.spec.cases.file);
  // The bundle's digest says by which prompt they are asked, and of which version of an index: it
  // has that one's digest in it, which stays when its documents change.
  const changed = chosen.retrieves && indexChanges > 0 ? { indexChanges } : {};
  const given = {
    ...learnt,
    cases: cases.digest,
    examples: examples.manifest.digest,
    bundle: chosen.manifest.digest,
    ...changed,
  };
  // Passages are hours of questions to an index, whose embedder may be a provider's; without them
  // it is a matter of SQL.
  const work = chosen.retrieves ? llmWork : dataWork;
  const prepare = (effect: EffectOf) =>
    work.prepareExamples.executeWithOptions(
      { summary: `examples as conversations by ${chosen.path}` },
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
    const { name, codeDigest } = await records.describeTrainer({
      trainer: spec.trainer,
      params: spec.params,
    });
    return { ...given, trainer: { name, code: codeDigest } };
  };
  return runStage(
    run,
    { name: 'fine-tune', inputs, cached: true },
    async (effect, { trainer }): Promise<StageEnd<FineTuned>> => {
      const prepared = await prepare(effect);
      const tuned = await computeWork(compute).fineTuneModel.executeWithOptions(
        { summary: `${trainer.name} on ${prepared.rows.train} examples, ${compute.backend}` },
        [{ ...effect('job'), prepared, fineTune: spec }],
      );
      if (tuned.trainer.codeDigest !== trainer.code) {
        const message = `trainer ${trainer.name} changed while the run was under way, or differs between workers`;
        throw ApplicationFailure.create({
          message,
          type: 'Conflict',
          nonRetryable: true,
          details: [{ next: 'perennial run rerun' }],
        });
      }
      const manifest = await records.adaptBundle({
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

interface Learning {
  readonly chosen: WrittenBundle;
  readonly given: object;
  readonly prepare: (effect: EffectOf) => Promise<PreparedExamples>;
}

/**
 * The provider trains and keeps the weights: its job is ordered once, watched for as long as it
 * takes, and ended with a run that ends before it.
 */
async function byProvider(
  run: LlmRun,
  spec: FineTuneSpec,
  { chosen, given, prepare }: Learning,
): Promise<EndedStage<FineTuned>> {
  const { plan } = run;
  const { provider, name: model } = plan.spec.model;
  const ordered = { ...effectOf(plan, 'fine-tune')('order'), provider };
  run.undo.push({
    what: `fine-tuning at ${provider}`,
    run: () => llmWork.cancelFineTuning(ordered),
  });
  const inputs = () => ({ ...given, provider, model });
  return runStage(
    run,
    { name: 'fine-tune', inputs, cached: true },
    async (effect): Promise<StageEnd<FineTuned>> => {
      const prepared = await prepare(effect);
      const { job } = await llmWork.submitFineTuning.executeWithOptions(
        { summary: `${model} on ${prepared.rows.train} examples, ${provider}` },
        [{ ...ordered, prepared, model, fineTune: spec }],
      );
      for (let awaySince: string | null = null; ;) {
        const summary: string =
          awaySince === null ? job : `${job}; ${provider} is away since ${awaySince}`;
        const patienceSeconds = spec.compute.timeoutSeconds;
        const state = await llmWork.awaitFineTuning.executeWithOptions({ summary }, [
          { ...ordered, job, awaySince, patienceSeconds },
        ]);
        awaySince = state.kind === 'away' ? state.since : null;
        if (state.kind !== 'succeeded') continue;
        const { tenant, runId } = plan;
        const manifest = await records.rebaseBundle({
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
