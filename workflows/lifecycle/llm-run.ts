/** The built-in stages of a language application, as functions that its lifecycle calls. */
import type { WrittenBundle } from '../../activities/language/bundle-version';
import type { Digest } from '../../domain/dataset/artifact';
import type { DecisionRef, Verdict } from '../../domain/decision/verdict';
import type { RunId } from '../../domain/ids';
import type { LlmLifecycleSpec } from '../../domain/language/lifecycle/llm-lifecycle';
import type { ComparedChampion, ModelVersionRef } from '../../domain/model/model';
import { registryWrites } from '../activity-proxies';
import { copyOf } from '../run/copy';
import type { RunEnd } from '../run/end';
import { invalidCall } from '../run/invalid-call';
import { unchangedEnd } from '../run/verdict';
import { keptEvaluations } from './kept-evaluations';
import { resultOf, type StageResult } from './model-run';
import { release } from './release';
import type { LlmRun } from './stage';
import { evaluateBundle, type EvaluatedBundle } from './stages/evaluate-bundle';
import { fineTune, type FineTuneOutput } from './stages/fine-tune';
import { ingestTexts, type SourceDatasets } from './stages/ingest';
import { promptEval, type ChosenPrompt } from './stages/prompt-eval';
import { promoteIndex, ragIndex, type BuiltIndex, type SeenIndex } from './stages/rag-index';

export type IndexResult = StageResult<BuiltIndex> & SeenIndex;

/** One bundle for each prompt, over one state of the index. */
export interface PromptBundles {
  readonly bundles: readonly [WrittenBundle, ...WrittenBundle[]];
  readonly index: IndexResult | null;
  /** The last applied change of the index's documents; 0 before the first. */
  readonly indexChanges: number;
}

/** The bundle that the run has chosen, and the champion that it is compared with. */
export interface BundleCandidate extends PromptBundles {
  readonly bundle: WrittenBundle;
  readonly champion: ComparedChampion;
  /** Whether the champion has the same prompt, model, index and policy. */
  readonly isChampion: boolean;
}

export type LanguageEvaluation = StageResult<EvaluatedBundle> & {
  readonly candidate: BundleCandidate;
  /** The registered version. The champion itself when the bundle with its standbys is the same. */
  readonly version: ModelVersionRef;
  readonly decision: DecisionRef;
};

export interface LlmLifecycleRun {
  /** The id of the run, such as `run_01…`. */
  readonly id: RunId;
  /** A copy of the spec of the revision that this run executes. Changing it has no effect. */
  readonly spec: LlmLifecycleSpec;
  /**
   * Makes a dataset version of each source in `spec.data.sources`, by the name of the source. Empty
   * when the spec has no `data`.
   */
  ingest(): Promise<SourceDatasets>;
  /**
   * Builds an index version of the documents that `spec.index` names. The champion's version stays
   * in use until the release. Null when the spec has no `index`.
   */
  index(datasets: SourceDatasets): Promise<IndexResult | null>;
  /**
   * Writes one bundle for each candidate prompt. `index` is the result of `run.index`, or null when
   * the spec has no `index`.
   */
  bundles(index: IndexResult | null): Promise<PromptBundles>;
  /**
   * Chooses a prompt as `spec.promptEval` says: on one slice of the cases, and confirmed on another
   * one. Null when the spec has no `promptEval`.
   */
  comparePrompts(prompts: PromptBundles): Promise<StageResult<ChosenPrompt> | null>;
  /**
   * Fine-tunes the model of a bundle with the examples that `spec.fineTune` names. Null when the
   * spec has no `fineTune`.
   */
  fineTune(
    bundle: WrittenBundle,
    from: PromptBundles & { readonly datasets: SourceDatasets },
  ): Promise<StageResult<FineTuneOutput> | null>;
  /** Reads the champion that the bundle is compared with. */
  candidate(bundle: WrittenBundle, prompts: PromptBundles): Promise<BundleCandidate>;
  /**
   * Measures the bundle on the cases that influenced no choice, decides by the gates of
   * `spec.evaluate`, and registers the bundle.
   */
  evaluate(candidate: BundleCandidate): Promise<LanguageEvaluation>;
  /**
   * Ends the run with the canary of `spec.canary` and the promotion of `spec.promote`, which also
   * moves the index. Promotes only a bundle that the gates, the canary and the approvers accepted.
   */
  release(evaluation: LanguageEvaluation): Promise<RunEnd>;
  /** Ends the run because a stage did not pass. Nothing is promoted. */
  stopped(stage: { readonly verdict: Verdict }): RunEnd;
  /** Ends the run because the bundle is already the champion. */
  unchanged(candidate: BundleCandidate): RunEnd;
}

/** Opens the budget of the run, so that no function can spend before there is a limit. */
export async function llmRun(run: LlmRun): Promise<LlmLifecycleRun> {
  const { tenant, runId, lifecycle: model, spec, files } = run.plan;
  await registryWrites.openRunBudget({ tenant, runId, budget: spec.budget });
  // A provider's other models do not have the adapter, so a fine-tuned model has no standby.
  const standbys = spec.fineTune ? [] : spec.model.standby;
  const evaluations = keptEvaluations<LanguageEvaluation>();
  /** The bundles of the first prompt, which is the baseline of the gates. */
  const baselines = new Set<Digest>();
  return {
    id: runId,
    spec: copyOf(spec),
    ingest: async () => (spec.data ? (await ingestTexts(run, spec.data)).output.datasets : {}),
    async index(datasets) {
      if (!spec.index) return null;
      const ended = await ragIndex(run, spec.index, datasets);
      return { ...resultOf(ended), seen: ended.seen };
    },
    async bundles(index) {
      if (spec.index && !index)
        throw invalidCall(
          `run.bundles got no index, but ${model} has spec.index`,
          'pass the result of run.index',
        );
      const written = await registryWrites.writeBundles({
        tenant,
        runId,
        model,
        spec,
        files,
        index: builtOf(index),
      });
      const [first, ...others] = written;
      if (!first) throw new Error(`lifecycle ${model} has no prompt`);
      baselines.add(first.manifest.digest);
      // As of before the first question. The next run evaluates the changes that come later.
      const indexChanges = Math.max(...written.map(({ indexChanges: taken = 0 }) => taken));
      return { bundles: [first, ...others], index, indexChanges };
    },
    async comparePrompts({ bundles, index, indexChanges }) {
      if (!spec.promptEval) return null;
      const { promptEval: rule } = spec;
      const given = { bundles, index: builtOf(index), indexChanges, promptEval: rule };
      return resultOf(await promptEval(run, given));
    },
    fineTune: async (bundle, { indexChanges, datasets }) =>
      spec.fineTune
        ? resultOf(await fineTune(run, spec.fineTune, { chosen: bundle, indexChanges }, datasets))
        : null,
    async candidate(bundle, prompts) {
      const champion = await registryWrites.readChampion({ tenant, model });
      // A reused prompt choice may come from a run with other standbys. This run's standbys count.
      const { withStandbys } =
        prompts.bundles.find(({ manifest }) => manifest.digest === bundle.manifest.digest) ??
        bundle;
      const complete = (standbys.length > 0 ? withStandbys : undefined) ?? bundle.manifest.digest;
      const isChampion = champion.version?.manifest.digest === complete;
      return { ...prompts, bundle, champion, isChampion };
    },
    async evaluate(candidate) {
      const { bundle, bundles, champion, indexChanges } = candidate;
      const [baseline] = bundles;
      // The gates may compare with the baseline, so that the code may not choose another one.
      if (!baselines.has(baseline.manifest.digest))
        throw invalidCall(
          `run.evaluate got ${baseline.path} as the first bundle, but it is not the first prompt`,
          'pass the result of run.candidate, with all bundles of run.bundles in their order',
        );
      const ended = await evaluateBundle(run, {
        bundle: bundle.manifest,
        standbys,
        champion,
        baseline: baseline.manifest,
        indexChanges,
      });
      const { candidate: version, decision } = ended;
      return evaluations.keep({ ...resultOf(ended), candidate, version, decision });
    },
    async release(evaluation) {
      const {
        candidate,
        version,
        verdict,
        decision,
        champion: compared,
      } = evaluations.own(evaluation);
      const { champion, index, bundle } = candidate;
      // Standbys that did not qualify may make the bundle equal to the champion.
      if (version.version === champion.version?.version) return unchanged(version);
      const end = await release(run, {
        candidate: version,
        champion,
        evaluated: { verdict, decision, output: { champion: compared } },
        before: null,
      });
      if (end.status === 'succeeded' && index && bundle.retrieves)
        await promoteIndex(run, index, version);
      return end;
    },
    stopped: ({ verdict }) => ({ status: 'stopped', verdict, version: null }),
    unchanged({ champion: { version } }) {
      if (version === null)
        throw new Error('only a champion can be unchanged, and there is no champion');
      return unchanged(version);
    },
  };
}

function unchanged(champion: ModelVersionRef): RunEnd {
  return unchangedEnd(champion, 'prompt, model, index and policy');
}

function builtOf(index: IndexResult | null): BuiltIndex | null {
  if (index === null) return null;
  const { name, version, report } = index;
  return { name, version, report };
}
