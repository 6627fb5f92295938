import type { PredictionId } from '../../../domain/ids';
import type { ServedVersion } from '../model/served-version';

export interface AnsweringModel {
  readonly predictionId: PredictionId;
  readonly served: ServedVersion;
  /** Why this may not be the right version; null when it is. */
  readonly stale: 'lease' | 'not-loaded' | null;
}

/** The headers of every answer, for all protocols. */
export function answerHeaders({
  predictionId,
  served,
  stale,
}: AnsweringModel): Readonly<Record<string, string>> {
  return {
    'x-perennial-prediction-id': predictionId,
    'x-perennial-model-version': served.name,
    'x-perennial-model-digest': served.digest,
    ...(stale === null ? {} : { 'x-perennial-stale': stale }),
  };
}
