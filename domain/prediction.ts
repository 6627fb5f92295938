/** Why a version answered: its alias in the routing table, a caller that named the version (`direct`), or a test by the platform itself (`probe`). */
export const predictionArms = ['champion', 'challenger', 'previous', 'direct', 'probe'] as const;
export type PredictionArm = (typeof predictionArms)[number];

/** Marks a request that the platform sends to test a version, so that the prediction log can tell it from traffic. */
export const probeHeader = 'x-perennial-probe';
