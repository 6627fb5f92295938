import { HttpProblem } from '../../http/problem';
import type { AdmissionLimits } from '../config';

/**
 * Limits the inference requests in progress, so that an overloaded gateway refuses some requests at
 * once instead of answering all of them late.
 */
export interface RequestAdmission {
  /**
   * Take a place and return what frees it. Throws 429 when this model has too many requests in
   * progress or its oldest one waits too long, and 503 when the whole gateway has too many.
   */
  enter(tenant: string, model: string): () => void;
  /** The number of requests in progress. */
  inProgress(): number;
}

/** Which limit refused a request. */
export type AdmissionLimit = 'model' | 'wait' | 'gateway';

export interface AdmissionOptions {
  readonly limits: AdmissionLimits;
  readonly onRefused: (
    request: { readonly tenant: string; readonly model: string },
    limit: AdmissionLimit,
  ) => void;
  readonly now?: () => number;
}

/** After this time, the requests that were in progress have ended or are late themselves. */
const retrySeconds = 1;

export function createAdmission({
  limits,
  onRefused,
  now = () => performance.now(),
}: AdmissionOptions): RequestAdmission {
  /** The start of each request in progress by its number, oldest first, for each model. */
  const models = new Map<string, Map<number, number>>();
  let total = 0;
  let entered = 0;

  function enter(tenant: string, model: string): () => void {
    const key = `${tenant}/${model}`;
    const places = models.get(key) ?? new Map<number, number>();
    const refuse = (limit: AdmissionLimit, status: 429 | 503, detail: string): never => {
      onRefused({ tenant, model }, limit);
      const next = `try again in ${retrySeconds} s, or add gateways`;
      throw new HttpProblem(status, 'Overloaded', detail, next, retrySeconds);
    };
    if (total >= limits.requests)
      refuse('gateway', 503, `${total} requests are already in progress in this gateway`);
    const most = limits.requestsOf[model] ?? limits.requestsPerModel;
    if (places.size >= most)
      refuse('model', 429, `${places.size} requests are already in progress for this model`);
    const waitMs = places.size < limits.requestsBeforeWait ? 0 : now() - oldestOf(places);
    if (waitMs > limits.longestWaitMs)
      refuse('wait', 429, `requests to this model already wait for ${Math.round(waitMs)} ms`);

    const place = (entered += 1);
    places.set(place, now());
    models.set(key, places);
    total += 1;
    return () => {
      if (!places.delete(place)) return;
      total -= 1;
      // Names come from callers, so a model without requests must take no memory.
      if (places.size === 0) models.delete(key);
    };
  }

  return { enter, inProgress: () => total };
}

function oldestOf(places: ReadonlyMap<number, number>): number {
  for (const startedAt of places.values()) return startedAt;
  return Infinity;
}
