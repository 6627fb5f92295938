/**
 * Keys of PostgreSQL advisory locks. They never change, because two releases may use one database
 * during an upgrade. Locks per tenant add the hash of the tenant.
 */
export const advisoryLocks = {
  migrations: 7_018_001,
  predictionPartitions: 7_018_002,
  auditSealer: 7_018_003,
  holdoutAttempts: 7_018_004,
  apiKeyNames: 7_018_014,
} as const;
