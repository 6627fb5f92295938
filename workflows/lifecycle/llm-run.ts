/** The built-in stages of a language application, as functions that its lifecycle calls. */
import type { WrittenBundle } from '../../activities/language/bundle-version';
import type { DecisionRef, Verdict } from '../../domain/decision/verdict';
import type { LlmLifecycleSpec } from '../../domain/language/lifecycle/llm-lifecycle';
import type { ComparedChampion, ModelVersionRef } from '../../domain/model/model';
import { registryWrites } from '../activity-proxies';
import type { RunEnd } from '../run/end';
import { unchangedEnd } from '../run/verdict';
import { resultOf, type StageResult } from './model-run';
import { release } from './release';
import type { LlmRun } from './stage';
import { evaluateBundle, type EvaluatedBundle } from './stages/evaluate-bundle';
import { fineTune, type FineTuneOutput } from './stages/fine-tune';
import { ingestTexts, type IngestOutput } from './stages/ingest';
import { promptEval, type ChosenPrompt } from './stages/prompt-eval';
import { promoteIndex, ragIndex, type IndexedRun } from './stages/rag-index';

type Datasets = IngestOutput['datasets'];

/** One bundle for each prompt, over one state of the index. */
export interface PromptBundles {
  readonly bundles: readonly [WrittenBundle, ...WrittenBundle[]];
  readonly index: IndexedRun | null;
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

export type BundleVerdict = StageResult<EvaluatedBundle> & {
  readonly of: BundleCandidate;
  readonly candidate: ModelVersionRef;
  readonly decision: DecisionRef;
};

export interface LlmLifecycleRun {
  readonly spec: LlmLifecycleSpec;
  /** Makes a dataset version of each source. Empty when the spec has no `data`. */
  ingest(): Promise<Datasets>;
  /** Builds an index version beside the champion. Null when the spec has no `index`. */
  index(datasets: Datasets): Promise<IndexedRun | null>;
  /** Writes one bundle for each candidate prompt. */
  bundles(index: IndexedRun | null): Promise<PromptBundles>;
  /** Chooses a prompt on the search and confirm slices. Null when the spec has no `promptEval`. */
  comparePrompts(prompts: PromptBundles): Promise<StageResult<ChosenPrompt> | null>;
  /** Fine-tunes the model of a bundle. Null when the spec has no `fineTune`. */
  fineTune(
    chosen: WrittenBundle,
    of: PromptBundles & { readonly datasets: Datasets },
  ): Promise<StageResult<FineTuneOutput> | null>;
  /** Reads the champion that the bundle is compared with. */
  candidate(bundle: WrittenBundle, prompts: PromptBundles): Promise<BundleCandidate>;
  /** Measures the bundle, decides by the gates, and registers it. */
  evaluate(candidate: BundleCandidate): Promise<BundleVerdict>;
  /** Ends the run with the canary and the promotion, which also moves the index. */
  release(evaluated: BundleVerdict): Promise<RunEnd>;
  /** Ends the run because a stage did not pass. */
  stopped(verdict: Verdict): RunEnd;
  /** Ends the run because the bundle is already the champion. */
  unchanged(champion: ModelVersionRef): RunEnd;
}

export function llmRun(run: LlmRun): LlmLifecycleRun {
  const { tenant, runId, lifecycle: model, spec, files } = run.plan;
  // A provider's other models do not have the adapter, so a fine-tuned model has no standby.
  const standbys = spec.fineTune ? [] : spec.model.standby;
  return {
    spec,
    async ingest() {
      await registryWrites.openRunBudget({ tenant, runId, budget: spec.budget });
      return spec.data ? (await ingestTexts(run, spec.data)).output.datasets : {};
    },
    index: async (datasets) => (spec.index ? ragIndex(run, spec.index, datasets) : null),
    async bundles(index) {
      const built = index?.output ?? null;
      const written = await registryWrites.writeBundles({
        tenant,
        runId,
        model,
        spec,
        files,
        index: built,
      });
      const [first, ...others] = written;
      if (!first) throw new Error(`lifecycle ${model} has no prompt`);
      // As of before the first question. The next run evaluates the changes that come later.
      const indexChanges = Math.max(...written.map(({ indexChanges: taken = 0 }) => taken));
      return { bundles: [first, ...others], index, indexChanges };
    },
    async comparePrompts({ bundles, index, indexChanges }) {
      if (!spec.promptEval) return null;
      const built = index?.output ?? null;
      const given = { bundles, index: built, indexChanges, promptEval: spec.promptEval };
      return resultOf(await promptEval(run, given));
    },
    fineTune: async (chosen, { indexChanges, datasets }) =>
      spec.fineTune
        ? resultOf(await fineTune(run, spec.fineTune, { chosen, indexChanges }, datasets))
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
      const ended = await evaluateBundle(run, {
        bundle: bundle.manifest,
        standbys,
        champion,
        baseline: baseline.manifest,
        indexChanges,
      });
      const { candidate: version, decision } = ended;
      return { ...resultOf(ended), of: candidate, candidate: version, decision };
    },
    async release({ of: { champion, index, bundle }, candidate, verdict, decision, ...output }) {
      const end = await release(run, {
        candidate,
        champion,
        evaluated: { verdict, decision, output },
        before: null,
      });
      if (end.status === 'succeeded' && index && bundle.retrieves)
        await promoteIndex(run, index, candidate);
      return end;
    },
    stopped: (verdict) => ({ status: 'stopped', verdict, version: null }),
    unchanged: (champion) => unchangedEnd(champion, 'prompt, model, index and policy'),
  };
}
