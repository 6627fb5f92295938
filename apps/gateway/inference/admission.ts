import { HttpProblem } from '../../http/problem';
import { findLimit, type AdmissionLimits } from '../config';
import type { RequestsInProgress } from '../prediction-log/requests-in-progress';

/**
 * Limits the inference requests in progress, so that an overloaded gateway refuses some requests at
 * once instead of answering all of them late.
 */
export interface RequestAdmission {
  /**
   * Take a place. Throws 429 when this model has too many requests in progress or its oldest one
   * waits too long, and 503 when the whole gateway has too many.
   */
  enter(tenant: string, model: string): AdmittedRequest;
  /** The number of requests in progress. */
  inProgress(): number;
}

/** The place of one request. */
export interface AdmittedRequest {
  /**
   * The body is read: the request waits for the model until the function is called that this
   * returns. A slow client is no sign of a slow model, so neither upload nor download counts.
   */
  readonly begin: () => () => void;
  /** Free the place. */
  readonly leave: () => void;
}

/** Which limit refused a request. */
export type AdmissionLimit = 'model' | 'wait' | 'gateway';

export interface AdmissionOptions {
  readonly limits: AdmissionLimits;
  /** Counts them for the case that this process is killed. */
  readonly requests: Pick<RequestsInProgress, 'begin' | 'end'>;
  readonly onRefused: (
    request: { readonly tenant: string; readonly model: string },
    limit: AdmissionLimit,
  ) => void;
  readonly now?: () => number;
}

/** The requests to one model. */
interface ModelRequests {
  readonly places: Set<number>;
  /** When each request began to wait for the model, by its place, oldest first. */
  readonly begun: Map<number, number>;
}

/** Seconds until the requests that were in progress have ended or are late themselves. */
const retrySeconds = 1;

export function createAdmission({
  limits,
  requests,
  onRefused,
  now = () => performance.now(),
}: AdmissionOptions): RequestAdmission {
  const models = new Map<string, ModelRequests>();
  let total = 0;
  let entered = 0;

  function enter(tenant: string, model: string): AdmittedRequest {
    const key = `${tenant}/${model}`;
    const { places, begun }: ModelRequests = models.get(key) ?? {
      places: new Set(),
      begun: new Map(),
    };
    const refuse = (limit: AdmissionLimit, status: 429 | 503, detail: string): never => {
      onRefused({ tenant, model }, limit);
      const next = `try again in ${retrySeconds} s, or add gateways`;
      throw new HttpProblem(status, 'Overloaded', detail, next, retrySeconds);
    };
    if (total >= limits.requests)
      refuse('gateway', 503, `${total} requests are already in progress in this gateway`);
    if (places.size >= findLimit(limits.requestsPerModel, model))
      refuse('model', 429, `${places.size} requests are already in progress for this model`);
    const waitMs = places.size < limits.requestsBeforeWait ? 0 : now() - findOldest(begun);
    if (waitMs > limits.longestWaitMs)
      refuse('wait', 429, `requests to this model already wait for ${Math.round(waitMs)} ms`);

    const place = (entered += 1);
    places.add(place);
    models.set(key, { places, begun });
    total += 1;
    const counted = requests.begin(tenant, model);
    return {
      begin() {
        if (places.has(place)) begun.set(place, now());
        return () => void begun.delete(place);
      },
      leave() {
        begun.delete(place);
        if (!places.delete(place)) return;
        total -= 1;
        requests.end(counted);
        // Names come from callers, so a model without requests must take no memory.
        if (places.size === 0) models.delete(key);
      },
    };
  }

  return { enter, inProgress: () => total };
}

function findOldest(begun: ReadonlyMap<number, number>): number {
  for (const startedAt of begun.values()) return startedAt;
  return Infinity;
}
