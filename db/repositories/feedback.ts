import type { PredictionId, Tenant } from '../../domain/ids';

export interface FeedbackRepository {
  /** A label for a prediction, perhaps before the prediction is stored: it waits then. A label with a later `labelledAt` replaces an earlier one. */
  record(input: {
    readonly tenant: Tenant;
    readonly predictionId: PredictionId;
    readonly label: unknown;
    readonly labelledAt: string;
  }): Promise<{ readonly joined: boolean }>;
  /** Joins what waits (a label and its prediction that were written at the same moment do not see each other). Number joined. */
  joinWaiting(input: { readonly limit: number }): Promise<number>;
  /** Drops labels received before this day. */
  dropBefore(day: string): Promise<number>;
}
