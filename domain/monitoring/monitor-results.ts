/** What a monitor shows of a version. Plain JSON, stored with the state from which it follows. */
export interface MonitorResults {
  readonly service: ServiceResult;
  /** What the monitor cannot tell, why, and when it will. */
  readonly unknown: readonly UnknownResult[];
}

export interface ServiceResult {
  /** Requests of the last 24 hours of wall-clock time with requests. */
  readonly rows: number;
  readonly p50Ms: number | null;
  readonly p97Ms: number | null;
  readonly lastReceivedAt: string | null;
  readonly hours: readonly { readonly hour: string; readonly rows: number }[];
}

export interface UnknownResult {
  readonly what: string;
  readonly why: string;
  /** When it will be known; null if that cannot be said. */
  readonly until: string | null;
}
