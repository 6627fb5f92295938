import type { IndexSpec } from '../../index/index.schema';
import type {
  CanarySpec,
  NotifySpec,
  PromoteSpec,
  ScheduleSpec,
  SourceSpec,
  TrainSpec,
} from '../../lifecycle/lifecycle';
import type { Sampling } from '../chat';
import type { DimensionSpec } from '../dimension/dimension';
import type { LlmGate } from '../evaluation/gate';
import type { LifecycleSearchSpec } from '../../prompt/search/search';

/**
 * A parsed, checked and completed lifecycle of a language application: every default is filled in.
 * Made by `llm-lifecycle.schema.ts` alone.
 */
export interface LlmLifecycleSpec {
  readonly kind: 'LlmLifecycle';
  readonly name: string;
  readonly owner: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly model: {
    /** `embedded`, or one that the operator has named. */
    readonly provider: string;
    readonly name: string;
    readonly standby: readonly { readonly provider: string; readonly model: string }[];
  };
  readonly sampling: Sampling;
  readonly prompt: {
    /**
     * Paths of `Prompt` files, or `prompt://name@ref`; the first is what the others are compared
     * with.
     */
    readonly candidates: readonly string[];
    /** The variable that takes what the user writes. */
    readonly input: string;
  };
  readonly cases: CasesSpec;
  /** What the index and the fine-tuning read; null when there is neither. */
  readonly data: {
    readonly sources: readonly SourceSpec[];
    readonly maxBytes: number;
    readonly timeoutSeconds: number;
  } | null;
  readonly index: IndexSpec | null;
  readonly fineTune: FineTuneSpec | null;
  /**
   * How a prompt is chosen, and how better ones are looked for; null where there is one candidate.
   */
  readonly promptEval: {
    readonly quality: string;
    readonly search?: LifecycleSearchSpec | undefined;
  } | null;
  readonly evaluate: LlmEvaluateSpec;
  /** Path of the safety policy. */
  readonly safety: string | null;
  readonly canary: CanarySpec | null;
  /** Of one run. */
  readonly budget: { readonly usd: number | null; readonly tokens: number | null };
  readonly promote: PromoteSpec;
  readonly schedule: ScheduleSpec | null;
  readonly notify: readonly NotifySpec[];
}

export interface CasesSpec {
  /** Path of the NDJSON file. */
  readonly file: string;
  /**
   * Shares of the cases, told apart by a hash of their id: prompts are compared on `search`, the
   * winner against the first prompt on `confirm`, the bundle is judged on the rest.
   */
  readonly search: number;
  readonly confirm: number;
}

export interface FineTuneSpec extends Pick<TrainSpec, 'trainer' | 'params' | 'seed' | 'compute'> {
  /** Name of the source. */
  readonly examples: string;
  readonly by: 'job' | 'provider';
  /** Columns of it. */
  readonly input: string;
  readonly output: string;
  /** Of more examples so many are drawn. */
  readonly most: number;
  /** Share of the examples. */
  readonly holdout: number;
}

export interface LlmEvaluateSpec {
  readonly dimensions: readonly DimensionSpec[];
  readonly gates: readonly LlmGate[];
  /** The reason, when `gates` is empty on purpose. */
  readonly ungated: string | null;
  /**
   * Cases that are asked first; more only while a gate is undecided, as many as it says would
   * decide. Null asks all at once.
   */
  readonly first: number | null;
  /** Questions under way at once. */
  readonly parallel: number;
}
