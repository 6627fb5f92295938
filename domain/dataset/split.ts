/** The parts for tuning, confirmation and the holdout; the remaining rows train the model. */
export type SplitSpec =
  /** Days before the window's end: the holdout is last, then confirm, then tuning before it. */
  | {
      readonly by: 'time';
      readonly tuningDays: number;
      readonly confirmDays: number;
      readonly holdoutDays: number;
    }
  /**
   * Shares of the rows. A hash of all columns but the label assigns each row, so that added rows do
   * not move others.
   */
  | ({ readonly by: 'random' } & SplitShares)
  /** Shares of the groups. All rows with one value of `column` are in the same part. */
  | ({ readonly by: 'group'; readonly column: string } & SplitShares);

export interface SplitShares {
  readonly tuning: number;
  readonly confirm: number;
  readonly holdout: number;
}

/**
 * The parts of the data, in order of time or by a hash of rows or groups: `train` trains the model,
 * `tuning` tunes it, `confirm` confirms the parameters, and `holdout` evaluates it.
 */
export const assembledParts = ['train', 'tuning', 'confirm', 'holdout'] as const;
export type AssembledPartName = (typeof assembledParts)[number];
