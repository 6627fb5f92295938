/** What MLflow's tracking API records: experiments, tracked runs and logged models. */

/** A deleted one is hidden from searches and can be restored. */
export const trackingStages = ['active', 'deleted'] as const;
export type TrackingStage = (typeof trackingStages)[number];

export const trackedRunStatuses = ['RUNNING', 'SCHEDULED', 'FINISHED', 'FAILED', 'KILLED'] as const;
export type TrackedRunStatus = (typeof trackedRunStatuses)[number];

export const loggedModelStatuses = [
  'LOGGED_MODEL_PENDING',
  'LOGGED_MODEL_READY',
  'LOGGED_MODEL_UPLOAD_FAILED',
] as const;
export type LoggedModelStatus = (typeof loggedModelStatuses)[number];

export type KeyedTexts = Readonly<Record<string, string>>;

/** The experiment of scripts that name none. It always exists. */
export const defaultExperiment = { id: '0', name: 'Default' } as const;

export interface Experiment {
  readonly id: string;
  readonly name: string;
  readonly stage: TrackingStage;
  readonly tags: KeyedTexts;
  readonly createdAtMs: number;
  readonly updatedAtMs: number;
}

/** One value of a metric at one step. */
export interface MetricPoint {
  readonly key: string;
  readonly value: number;
  readonly timestampMs: number;
  readonly step: number;
}

/** The dataset and the models that a run read or wrote, as the client sent them. */
export type TrackedLink = Readonly<Record<string, unknown>>;

export interface TrackedRun {
  readonly id: string;
  readonly experimentId: string;
  readonly name: string;
  readonly userId: string;
  readonly status: TrackedRunStatus;
  readonly startTimeMs: number;
  readonly endTimeMs: number | null;
  readonly stage: TrackingStage;
  readonly params: KeyedTexts;
  readonly tags: KeyedTexts;
  /** The value of each metric at its latest step. */
  readonly metrics: Readonly<Record<string, MetricPoint>>;
  readonly datasetInputs: readonly TrackedLink[];
  readonly modelInputs: readonly TrackedLink[];
  readonly modelOutputs: readonly TrackedLink[];
}

export interface LoggedModel {
  readonly id: string;
  readonly experimentId: string;
  readonly sourceRunId: string | null;
  readonly name: string;
  readonly type: string | null;
  readonly status: LoggedModelStatus;
  readonly params: KeyedTexts;
  readonly tags: KeyedTexts;
  readonly createdAtMs: number;
  readonly updatedAtMs: number;
}

/** A file that a tracked run or a logged model stored. */
export interface TrackedArtifact {
  /** Path below the tenant, `<experiment>/<run>/artifacts/<path>`. */
  readonly path: string;
  readonly bytes: number;
}

/** The client sends files below this URI to the artifact routes of the API. */
export function runArtifactUri({
  experimentId,
  id,
}: Pick<TrackedRun, 'experimentId' | 'id'>): string {
  return `mlflow-artifacts:/${experimentId}/${id}/artifacts`;
}

export function modelArtifactUri({
  experimentId,
  id,
}: Pick<LoggedModel, 'experimentId' | 'id'>): string {
  return `mlflow-artifacts:/${experimentId}/models/${id}/artifacts`;
}

export function experimentArtifactUri({ id }: Pick<Experiment, 'id'>): string {
  return `mlflow-artifacts:/${id}`;
}
