/** A search for a better prompt, as a lifecycle asks for it. */
export interface SearchSpec {
  /** The dimension to be raised. */
  readonly quality: string;
  readonly proposers: readonly ProposerSpec[];
  /** At most so many prompts, the first one with them. */
  readonly variants: number;
  readonly halving: HalvingSpec;
  /** Share of the cases that the search never sees: the winner is confirmed on them. */
  readonly confirm: number;
  readonly budgetUsd: number | null;
  readonly seed: number;
}

/** As a stage of a lifecycle, which says itself what is to be raised and what confirms it. */
export type LifecycleSearchSpec = Omit<SearchSpec, 'quality' | 'confirm'>;

export interface HalvingSpec {
  /** Cases of the first round. */
  readonly firstCases: number;
  /** Of n variants n/eta go on, and are asked eta times as many cases. */
  readonly eta: number;
}

export type ProposerSpec =
  /** Every combination of the options, each in the place of `find` in a message. */
  | { readonly kind: 'grid'; readonly axes: readonly GridAxis[] }
  /** Examples drawn from cases with a known answer, which are then asked no more. */
  | {
      readonly kind: 'fewShot';
      readonly sizes: readonly number[];
      readonly draws: number;
      readonly pool: number;
    }
  | MutateSpec;

/** A model rewrites the instruction of the best so far, and sees what they got wrong. */
export interface MutateSpec {
  readonly kind: 'mutate';
  readonly provider: string;
  readonly model: string;
  readonly parents: number;
  readonly children: number;
}

export interface GridAxis {
  /** Place in the prompt's messages, from 0. */
  readonly message: number;
  readonly find: string;
  readonly options: readonly string[];
}
