/** The possible losses of one row, before its label is known. */
export interface LossRange {
  readonly min: number;
  readonly max: number;
}
