/**
 * Numbers known to every version of this program; they never change. Locks per tenant add the
 * tenant's hash.
 */
export const advisoryLocks = {
  migrations: 7_018_001,
  predictionPartitions: 7_018_002,
  auditSealer: 7_018_003,
  holdoutAttempts: 7_018_004,
  apiKeyNames: 7_018_014,
} as const;
