/**
 * Keys of PostgreSQL advisory locks. They never change, because older versions use them too. Locks
 * per tenant add the hash of the tenant.
 */
export const advisoryLocks = {
  migrations: 7_018_001,
  predictionPartitions: 7_018_002,
  auditSealer: 7_018_003,
  holdoutAttempts: 7_018_004,
  apiKeyNames: 7_018_014,
} as const;
