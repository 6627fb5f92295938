export const incidentKinds = [
  'drift',
  'quality',
  'data',
  'service',
  'skew',
  'volume',
  'labels',
  'artifact',
  'retraining',
  'approval',
  'gateway',
] as const;
export type IncidentKind = (typeof incidentKinds)[number];

export const incidentSeverities = ['warning', 'critical'] as const;
export type IncidentSeverity = (typeof incidentSeverities)[number];

export const incidentStatuses = ['open', 'acknowledged', 'resolved'] as const;
export type IncidentStatus = (typeof incidentStatuses)[number];

/** Everything that a person needs to decide what to do, in whole sentences. */
export interface IncidentStory {
  /** What changed. */
  readonly what: string;
  /** RFC 3339: the first time that shows the change; null if unknown. */
  readonly since: string | null;
  /** The size of the change with its unit; null if it has none. */
  readonly howLarge: string | null;
  /** The affected features, the largest effect first. */
  readonly features: readonly AffectedFeature[];
  /** The slice of the traffic; null for all of it. */
  readonly slice: string | null;
  /** Dataset versions, such as `trained on flights@3; newest: flights@5`; null if none is known. */
  readonly dataVersion: string | null;
  /** What Perennial has done. */
  readonly engineDid: string;
  /** What a person must do; null if nothing waits for a person. */
  readonly waitsFor: string | null;
}

export interface AffectedFeature {
  readonly name: string;
  /** Total variation distance from the reference, 0 to 1; null if it was not measured. */
  readonly effect: number | null;
}

/**
 * One incident of a model, or of the whole installation. At most one of a model with the same key is
 * not resolved.
 */
export interface Incident {
  readonly id: string;
  /** Null for an incident of the installation, which belongs to the tenant of its administrators. */
  readonly model: string | null;
  /** The model version that it concerns; null if it concerns none. */
  readonly version: number | null;
  readonly kind: IncidentKind;
  readonly key: string;
  readonly severity: IncidentSeverity;
  readonly status: IncidentStatus;
  readonly title: string;
  readonly story: IncidentStory;
  /** How often the story was updated. */
  readonly updates: number;
  readonly openedAt: string;
  readonly updatedAt: string;
  readonly acknowledgedBy: string | null;
  readonly acknowledgedAt: string | null;
  readonly resolvedBy: string | null;
  readonly resolvedAt: string | null;
  /** Why it was resolved; null before that. */
  readonly because: string | null;
  /** The longest waiting time after which it was escalated; 0 if it was not. */
  readonly escalatedSeconds: number;
}

/** The key of the incident for the missing approval of a run. */
export function approvalIncidentKey(runId: string): string {
  return `approval-${runId}`;
}
