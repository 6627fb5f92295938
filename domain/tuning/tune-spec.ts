/** What a lifecycle says about its search for better parameters. */
import type { MetricName } from '../evaluation/metrics/names';

export const samplers = ['tpe', 'random', 'grid', 'cmaes', 'nsga2'] as const;
export const pruners = ['hyperband', 'asha', 'median', 'none'] as const;
export const choiceRules = ['balanced', 'first'] as const;

export type Objective = Pick<TuneSpec, 'metric' | 'direction'>;

/** A search for better parameters. A parameter outside `space` keeps its `train.params` value. */
export interface TuneSpec {
  /** Measured on the tuning part. Of several objectives, the first. */
  readonly metric: MetricName;
  readonly direction: 'minimize' | 'maximize';
  /** Two or more; undefined for a study of one metric. */
  readonly objectives?: readonly Objective[] | undefined;
  /** Which trial of the Pareto front is chosen; `balanced` if undefined. */
  readonly choose?: (typeof choiceRules)[number] | undefined;
  /** A run, or a version as `<model>@<number>`, from whose trials the sampler learns. */
  readonly warmStart?: { readonly from: string } | undefined;
  readonly trials: number;
  readonly parallel: number;
  readonly sampler: (typeof samplers)[number];
  readonly pruner: (typeof pruners)[number];
  readonly space: Readonly<Record<string, ParameterRange>>;
  readonly seed: number;
  /** Wall-clock seconds of the whole study; null is no limit. */
  readonly budgetSeconds: number | null;
}

type ParameterChoice = string | number | boolean;

export type ParameterRange = {
  /** The parameter has a value only in trials where each named parameter has one of these. */
  readonly when?:
    Readonly<Record<string, ParameterChoice | readonly ParameterChoice[]>> | undefined;
} & (
  | {
      readonly kind: 'int';
      readonly low: number;
      readonly high: number;
      readonly step: number;
      readonly log: boolean;
    }
  | {
      readonly kind: 'float';
      readonly low: number;
      readonly high: number;
      readonly step: number | null;
      readonly log: boolean;
    }
  | { readonly kind: 'categorical'; readonly choices: readonly ParameterChoice[] }
);
