/** The built-in stages of a language application, as functions that its lifecycle calls. */
import type { WrittenBundle } from '../../activities/language/bundle-version';
import type { DecisionRef, Verdict } from '../../domain/verdict';
import type { RunId } from '../../domain/ids';
import type { LlmLifecycleSpec } from '../../domain/lifecycle/llm/llm-lifecycle';
import type { ComparedChampion, ModelVersionRef } from '../../domain/model/model';
import { registryWrites } from '../activity-proxies';
import { deepCopy } from '../run/copy';
import type { RunEnd } from '../run/end';
import { invalidCall } from '../run/invalid-call';
import { isNotPassed, joinVerdicts, stopWithoutPromotion, unchangedEnd } from '../run/verdict';
import { keptEvaluations, keptResults } from './kept-results';
import { toStageResult, type StageResult } from './model-run';
import { release } from './release';
import type { LlmRun } from './stage';
import { evaluateBundle, type EvaluatedBundle } from './stages/evaluate-bundle';
import { fineTune, type FineTuneOutput } from './stages/fine-tune';
import { ingestWholeSources, type SourceDatasets } from './stages/ingest';
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

interface Bundled {
  readonly bundle: WrittenBundle;
}

interface BundleOfPrompts extends Bundled {
  readonly prompts: PromptBundles;
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
  /**
   * Reads the champion that the bundle is compared with. The index and the baseline are those with
   * which the run wrote the bundle, also if the code changed `prompts`.
   */
  candidate(bundle: WrittenBundle, prompts: PromptBundles): Promise<BundleCandidate>;
  /**
   * Measures the bundle on the cases that were not used to choose it, decides by the gates of
   * `spec.evaluate`, and registers the bundle.
   */
  evaluate(candidate: BundleCandidate): Promise<LanguageEvaluation>;
  /**
   * Ends the run with the canary of `spec.canary` and the promotion of `spec.promote`, which also
   * moves the index. Promotes only a bundle that the gates, the canary and the approvers accepted,
   * and nothing when the comparison of the index has not passed.
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
  const indexes = keptResults<IndexResult, Pick<BuiltIndex, 'name' | 'version'>>({
    noun: 'index version',
    role: 'an index',
    madeBy: 'run.index',
    findId: ({ name, version }) => `${name}@${version}`,
  });
  const written = keptResults<BundleOfPrompts, Bundled>({
    noun: 'bundle',
    role: 'a bundle',
    madeBy: 'run.bundles, run.comparePrompts or run.fineTune',
    findId: readDigest,
  });
  const candidates = keptResults<BundleCandidate, Bundled>({
    noun: 'bundle',
    role: 'a candidate',
    madeBy: 'run.candidate',
    findId: readDigest,
  });
  const evaluations = keptEvaluations<LanguageEvaluation>();
  return {
    id: runId,
    spec: deepCopy(spec),
    ingest: async () =>
      spec.data ? (await ingestWholeSources(run, spec.data)).output.datasets : {},
    async index(datasets) {
      if (!spec.index) return null;
      const ended = await ragIndex(run, spec.index, datasets);
      return indexes.keep({ ...toStageResult(ended), seen: ended.seen });
    },
    async bundles(given) {
      if (spec.index && !given)
        throw invalidCall(
          `run.bundles needs an index, because the spec of ${model} has \`index\``,
          'pass the result of run.index',
        );
      const index = given && indexes.own('run.bundles', given);
      const all = await registryWrites.writeBundles({
        tenant,
        runId,
        model,
        spec,
        files,
        index: toBuiltIndex(index),
      });
      const [first, ...others] = all;
      if (!first) throw new Error(`lifecycle ${model} has no prompt`);
      // As of before the first question. The next run evaluates the changes that come later.
      const indexChanges = Math.max(...all.map(({ indexChanges: taken = 0 }) => taken));
      const prompts: PromptBundles = { bundles: [first, ...others], index, indexChanges };
      for (const bundle of all) written.keep({ bundle, prompts });
      return deepCopy(prompts);
    },
    async comparePrompts({ bundles }) {
      if (!spec.promptEval) return null;
      const own = bundles.map((bundle) => written.own('run.comparePrompts', { bundle }));
      const [first] = own;
      if (!first)
        throw invalidCall('run.comparePrompts got no bundle', 'pass those of run.bundles');
      const { index, indexChanges } = first.prompts;
      const compared = toStageResult(
        await promptEval(run, {
          bundles: own.map(({ bundle }) => bundle),
          index: toBuiltIndex(index),
          indexChanges,
          promptEval: spec.promptEval,
        }),
      );
      const { chosen: bundle } = compared;
      // A search finds a bundle that is not among these.
      const source = own.find((each) => readDigest(each) === readDigest({ bundle })) ?? first;
      written.keep({ bundle, prompts: source.prompts });
      return deepCopy(compared);
    },
    async fineTune(given, { datasets }) {
      if (!spec.fineTune) return null;
      const { bundle: chosen, prompts } = written.own('run.fineTune', { bundle: given });
      const { indexChanges } = prompts;
      const tuned = toStageResult(
        await fineTune(run, spec.fineTune, { chosen, indexChanges }, datasets),
      );
      written.keep({ bundle: tuned.bundle, prompts });
      return deepCopy(tuned);
    },
    async candidate(given) {
      const { bundle, prompts } = written.own('run.candidate', { bundle: given });
      const champion = await registryWrites.readChampion({ tenant, model });
      // A reused prompt choice may come from a run with other standbys. This run's standbys count.
      const { withStandbys } =
        prompts.bundles.find(({ manifest }) => manifest.digest === bundle.manifest.digest) ??
        bundle;
      const complete = (standbys.length > 0 ? withStandbys : undefined) ?? bundle.manifest.digest;
      const isChampion = champion.version?.manifest.digest === complete;
      return candidates.keep({ ...prompts, bundle, champion, isChampion });
    },
    async evaluate(given) {
      const candidate = candidates.own('run.evaluate', given);
      const { bundle, bundles, champion, indexChanges } = candidate;
      const [baseline] = bundles;
      const ended = await evaluateBundle(run, {
        bundle: bundle.manifest,
        standbys,
        champion,
        baseline: baseline.manifest,
        indexChanges,
      });
      const { candidate: version, decision } = ended;
      return evaluations.keep({ ...toStageResult(ended), candidate, version, decision });
    },
    async release(evaluation) {
      const {
        candidate,
        version,
        verdict,
        decision,
        champion: compared,
      } = evaluations.own('run.release', evaluation);
      const { champion, index, bundle } = candidate;
      // Standbys that did not qualify may make the bundle equal to the champion.
      if (version.version === champion.version?.version) return endUnchanged(version);
      if (index && isNotPassed(index.verdict)) {
        // The last one decides, and a failed evaluation rejects the version.
        const [first, last] =
          verdict.kind === 'failed' ? [index.verdict, verdict] : [verdict, index.verdict];
        return stopWithoutPromotion(run, version, joinVerdicts(first, last));
      }
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
      return endUnchanged(version);
    },
  };
}

function endUnchanged(champion: ModelVersionRef): RunEnd {
  return unchangedEnd(champion, 'prompt, model, index and policy');
}

function readDigest({ bundle }: Bundled): string {
  return bundle.manifest.digest;
}

function toBuiltIndex(index: IndexResult | null): BuiltIndex | null {
  if (index === null) return null;
  const { name, version, report } = index;
  return { name, version, report };
}
