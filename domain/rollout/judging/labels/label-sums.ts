/** Sums of the labels that came, for their mean and their spread. */
export interface LabelSums {
  readonly n: number;
  readonly sum: number;
  readonly sumSquares: number;
}

/** The labels of one arm in the current step. */
export interface ArmLabels extends LabelSums {
  /** Labels that were missing when they were first looked for. They are not missing any more. */
  readonly late: number;
}

export const noLabelSums: LabelSums = { n: 0, sum: 0, sumSquares: 0 };
export const noArmLabels: ArmLabels = { ...noLabelSums, late: 0 };

export function addLabel<Sums extends LabelSums>(sums: Sums, label: number): Sums {
  return {
    ...sums,
    n: sums.n + 1,
    sum: sums.sum + label,
    sumSquares: sums.sumSquares + label ** 2,
  };
}

export function mergeLabels(one: LabelSums, other: LabelSums): LabelSums {
  return {
    n: one.n + other.n,
    sum: one.sum + other.sum,
    sumSquares: one.sumSquares + other.sumSquares,
  };
}
