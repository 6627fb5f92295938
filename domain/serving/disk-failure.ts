/** What a gateway reports if it could not write predictions to its disk. */
export interface DiskFailure {
  readonly folder: string;
  readonly error: string;
  /** RFC 3339, by the clock of the gateway: the first write that failed. */
  readonly since: string;
  /** Whether a write failed after the last one that succeeded. */
  readonly isFailing: boolean;
  /** Predictions that are neither stored nor on disk, so that a kill of the gateway loses them. */
  readonly rowsInMemory: number;
  /** Predictions that were lost since then, because memory was full as well. */
  readonly rowsLost: number;
}
