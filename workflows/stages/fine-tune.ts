import { ApplicationFailure } from '@temporalio/workflow';
import type { WrittenBundle } from '../../activities/bundle-version';
import type { PreparedExamples } from '../../activities/fine-tune';
import type { ArtifactRef } from '../../domain/artifact';
import type { JobResult } from '../../domain/job';
import type { FineTuneSpec } from '../../domain/llm/llm-lifecycle';
import { computeWork, dataWork, records } from '../activity-proxies';
import type { EndedStage, LlmRun, StageEnd } from '../stage';
import { runStage } from '../stage';
import type { Ingested } from './ingest';

export interface FineTuned {
  /** The chosen bundle over the adapted model. */
  readonly bundle: WrittenBundle;
  readonly rows: PreparedExamples['rows'];
  readonly result: JobResult;
  readonly logs: ArtifactRef;
}

/** Teaches the model what it is to answer to the chosen prompt: an adapter that is part of the bundle, from examples that are not among the cases it is judged by. */
export async function fineTune(
  run: LlmRun,
  spec: FineTuneSpec,
  chosen: WrittenBundle,
  datasets: Ingested['datasets'],
): Promise<EndedStage<FineTuned>> {
  const { tenant, runId } = run.plan;
  const examples = datasets[spec.examples];
  // `apply` refuses examples of a source that is not there.
  if (!examples) throw new Error(`there is no source ${spec.examples}`);
  const { compute, ...learnt } = spec;
  const inputs = async () => {
    const { name, codeDigest } = await records.describeTrainer({ trainer: spec.trainer, params: spec.params });
    return { ...learnt, examples: examples.manifest.digest, bundle: chosen.manifest.digest, trainer: { name, code: codeDigest } };
  };
  return runStage(run, { name: 'fine-tune', inputs, cached: true }, async (effect, { trainer }): Promise<StageEnd<FineTuned>> => {
    const prepared = await dataWork.prepareExamples.executeWithOptions({ summary: `examples as conversations by ${chosen.path}` }, [
      { ...effect('examples'), examples, bundle: chosen.manifest, fineTune: spec },
    ]);
    const tuned = await computeWork(compute).fineTuneModel.executeWithOptions(
      { summary: `${trainer.name} on ${prepared.rows.train} examples, ${compute.backend}` },
      [{ ...effect('job'), prepared, fineTune: spec }],
    );
    if (tuned.trainer.codeDigest !== trainer.code) {
      const message = `trainer ${trainer.name} changed while the run was under way, or differs between workers`;
      throw ApplicationFailure.create({ message, type: 'Conflict', nonRetryable: true, details: [{ next: 'perennial run rerun' }] });
    }
    const manifest = await records.adaptBundle({ tenant, runId, bundle: chosen.manifest, adapter: tuned.adapter });
    return { output: { bundle: { ...chosen, manifest }, rows: prepared.rows, result: tuned.result, logs: tuned.logs } };
  });
}
