export interface GatewayRecord {
  readonly id: string;
  readonly url: string;
  /** The routing epoch that it serves by. */
  readonly epoch: number;
  readonly startedAt: string;
  readonly beatAt: string;
  readonly leaseUntil: string;
}

/** Gateways serve every tenant, so these rows belong to none. */
export interface GatewayRepository {
  /** Renews the lease, by the database's clock. Answers with the current epoch, so that a beat is also a poll. */
  beat(input: {
    readonly id: string;
    readonly url: string;
    readonly epoch: number;
    readonly leaseSeconds: number;
  }): Promise<{ readonly epoch: number }>;
  /** Those whose lease has not run out. */
  live(): Promise<readonly GatewayRecord[]>;
  leave(input: { readonly id: string }): Promise<void>;
}
