/** The label of a row: its column, and when it is known. */
export interface LabelSpec {
  readonly column: string;
  readonly availableAfterSeconds: number;
  readonly dependsOnPrediction: boolean;
}
