import type { ComputeBudget } from '../../cost/compute-budget';
import type { IndexSpec } from '../../index/index.schema';
import type { PromoteSpec, ScheduleSpec, SourceSpec, TrainSpec } from '../lifecycle';
import type { CanarySpec } from '../../rollout/canary';
import type { AnswersMonitorSpec } from '../sections/monitor-spec';
import type { NotifySpec } from '../../notification/notification';
import type { Sampling } from '../../chat/chat';
import type { DimensionSpec } from '../../language/dimension/dimension';
import type { LlmGate } from '../../language/evaluation/gate';
import type { ProgramSpec } from '../sections/program';
import type { LifecycleSearchSpec } from '../../prompt-search/search';
import type { CaseShares } from '../../language/cases/case-slices';

/** A checked lifecycle of a language application with all defaults. */
export interface LlmLifecycleSpec {
  readonly kind: 'LlmLifecycle';
  readonly name: string;
  readonly owner: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly model: {
    /** `embedded`, or a provider that the operator configured. */
    readonly provider: string;
    readonly name: string;
    readonly standby: readonly { readonly provider: string; readonly model: string }[];
  };
  readonly sampling: Sampling;
  readonly prompt: {
    /** Paths of `Prompt` files, or `prompt://name@ref`. Others are compared with the first. */
    readonly candidates: readonly string[];
    /** The prompt variable for the user's text. */
    readonly input: string;
  };
  readonly cases: CasesSpec;
  /** Sources of the index and the fine-tuning; null if there is neither. */
  readonly data: {
    readonly sources: readonly SourceSpec[];
    readonly maxBytes: number;
    readonly timeoutSeconds: number;
  } | null;
  readonly index: IndexSpec | null;
  readonly fineTune: FineTuneSpec | null;
  /** How a prompt is chosen and searched for; null if there is one candidate. */
  readonly promptEval: {
    readonly quality: string;
    readonly search?: LifecycleSearchSpec | undefined;
  } | null;
  readonly evaluate: LlmEvaluateSpec;
  /** Path of the safety policy. */
  readonly safety: string | null;
  readonly canary: CanarySpec | null;
  /** Limit of one run. */
  readonly budget: {
    readonly usd: number | null;
    readonly tokens: number | null;
    readonly cpuHours?: ComputeBudget['cpuHours'] | undefined;
    readonly model?: ComputeBudget['model'] | undefined;
  };
  readonly promote: PromoteSpec;
  readonly schedule: ScheduleSpec | null;
  readonly notify: readonly NotifySpec[];
  /** Absent for the defaults. */
  readonly monitor?: AnswersMonitorSpec;
  /** Absent when the built-in function executes the stages. */
  readonly program?: ProgramSpec;
}

export interface CasesSpec extends CaseShares {
  /** Path of the NDJSON file. */
  readonly file: string;
}

export interface FineTuneSpec extends Pick<TrainSpec, 'trainer' | 'params' | 'seed' | 'compute'> {
  /** Name of the source. */
  readonly examples: string;
  readonly by: 'job' | 'provider';
  /** Columns of it. */
  readonly input: string;
  readonly output: string;
  /** Largest number of examples; of more, this many are drawn at random. */
  readonly most: number;
  /** Share of the examples that is kept out of training. */
  readonly holdout: number;
}

export interface LlmEvaluateSpec {
  readonly dimensions: readonly DimensionSpec[];
  readonly gates: readonly LlmGate[];
  /** The reason, when `gates` is empty on purpose. */
  readonly ungated: string | null;
  /** Cases to ask first; more are asked only while a gate is undecided. Null asks all at once. */
  readonly first: number | null;
  /** Concurrent questions. */
  readonly parallel: number;
}
