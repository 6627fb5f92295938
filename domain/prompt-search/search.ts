/** A search for a better prompt. */
export interface SearchSpec {
  /** The dimension to optimize. */
  readonly quality: string;
  readonly proposers: readonly ProposerSpec[];
  /** Largest number of prompts, including the first one. */
  readonly variants: number;
  readonly halving: HalvingSpec;
  /** Share of the cases that are kept to confirm the winner. */
  readonly confirm: number;
  readonly budgetUsd: number | null;
  readonly seed: number;
}

/** In a lifecycle, whose `promptEval` and `cases` define the quality and the confirmation. */
export type LifecycleSearchSpec = Omit<SearchSpec, 'quality' | 'confirm'>;

export interface HalvingSpec {
  /** Cases of the first round. */
  readonly firstCases: number;
  /** After a round, n/eta of n variants continue with eta times as many cases. */
  readonly eta: number;
}

export type ProposerSpec =
  /** All combinations of the options, each of which replaces `find` in a message. */
  | { readonly kind: 'grid'; readonly axes: readonly GridAxis[] }
  /** Examples drawn from cases with an expected answer; these cases are not scored. */
  | {
      readonly kind: 'fewShot';
      readonly sizes: readonly number[];
      readonly draws: number;
      readonly pool: number;
    }
  | MutateSpec;

/** A model rewrites the first message of the best prompts, given their wrong answers. */
export interface MutateSpec {
  readonly kind: 'mutate';
  readonly provider: string;
  readonly model: string;
  readonly parents: number;
  readonly children: number;
}

export interface GridAxis {
  /** Index in the prompt's messages, from 0. */
  readonly message: number;
  readonly find: string;
  readonly options: readonly string[];
}
