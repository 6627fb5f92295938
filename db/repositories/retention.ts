import type { Tenant } from '../../domain/ids';

export interface RetentionSettings {
  readonly predictionDays: number;
  readonly feedbackDays: number;
  /** Events and effects of runs that ended; the run, its stages, decisions and audit rows stay. */
  readonly runDetailDays: number;
  readonly idempotencyDays: number;
  readonly artifactIdleDays: number;
}

export interface RetentionRepository {
  get(input: { readonly tenant: Tenant }): Promise<RetentionSettings>;
  /** Sets what is given, with an audit row. */
  set(input: {
    readonly tenant: Tenant;
    readonly settings: Partial<RetentionSettings>;
    readonly actor: string;
  }): Promise<RetentionSettings>;
  /** Deletes what is over its time, for all tenants; predictions go by whole days, kept for the longest time that any tenant asks. Rows and partitions deleted. */
  apply(): Promise<Readonly<Record<keyof Omit<RetentionSettings, 'artifactIdleDays'>, number>>>;
}
