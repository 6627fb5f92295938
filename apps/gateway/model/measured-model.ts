/**
 * The labels of a model's series. `model` is empty if it does not exist, because every misspelling
 * would create a time series; `tenant` is empty if the caller is unknown.
 */
export interface MeasuredModel {
  readonly tenant: string;
  readonly model: string;
}
