import { trimEnd } from '../../domain/text';
import { createApiClient, type ApiClient } from './api-client';
import { openRuns, type RunsClient } from './runs';

export interface ClientOptions {
  /** The address of the API, such as `http://127.0.0.1:8700`. */
  readonly url: string;
  /** An API key: `pk_…`. */
  readonly key: string;
  /** Reason of changes, for the audit log. */
  readonly reason?: string;
}

/** Every operation of the API by name, and helpers for runs. */
export interface PerennialClient extends Omit<ApiClient, 'target'> {
  readonly runs: RunsClient;
}

/** A client of one platform. It holds no connection that must be closed. */
export function createClient({ url, key, reason }: ClientOptions): PerennialClient {
  const api = createApiClient({ apiUrl: trimEnd(url, '/'), apiKey: key, reason });
  const { target: _, ...operations } = api;
  return { ...operations, runs: openRuns(api) };
}
