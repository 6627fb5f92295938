/** A batch prediction: a run that scores every row of a dataset version with one model version. */
import { datasetName } from '../dataset/dataset';
import { holdoutRows, requestRows } from '../dataset/dataset';
import { failure } from '../failure';
import type { RunId } from '../ids';
import type { LifecycleSpec } from '../lifecycle/revision';

export const batchKind = 'batch-predict';
/** The stages of every batch prediction, in order. */
export const batchStages = ['resolve', 'score', 'commit'] as const;

/** `fail` ends the run at the first rejected row. */
export const rowErrorPolicies = ['fail', 'quarantine'] as const;
export type RowErrorPolicy = (typeof rowErrorPolicies)[number];

/** What a batch prediction reads, and how. */
export interface BatchRequest {
  /** `dataset://name@latest` or `dataset://name@3`. */
  readonly input: string;
  /** `champion`, `challenger`, `previous`, `candidate` or the number of a version. */
  readonly as: string;
  /** The name of the output without the lifecycle, such as `predictions`. */
  readonly output: string;
  /** Columns of the input that the output repeats; absent for the entity and the time. */
  readonly keys?: readonly string[];
  /** The largest number of rows of one chunk. */
  readonly chunkRows: number;
  /** The largest number of chunks at once, over all workers. */
  readonly parallel: number;
  readonly onRowError: RowErrorPolicy;
  /** Largest share of rejected rows; above it, the run fails. */
  readonly maxErrorShare: number;
}

export const batchDefaults = {
  as: 'champion',
  output: 'predictions',
  chunkRows: 50_000,
  parallel: 4,
  onRowError: 'quarantine',
  maxErrorShare: 0.01,
} as const satisfies Partial<BatchRequest>;

export const batchLimits = {
  /** Bounds the memory of a chunk. */
  chunkRows: 500_000,
  parallel: 64,
  keys: 20,
  /** Chunks of one run. */
  chunks: 100_000,
} as const;

/** `dataset://name@reference`, split. The schema has checked the form. */
export function splitInputRef({ input }: Pick<BatchRequest, 'input'>): {
  readonly dataset: string;
  readonly reference: string;
} {
  const [dataset = '', reference = ''] = input.slice('dataset://'.length).split('@');
  return { dataset, reference };
}

/** Holds the files of a run that no dataset version names yet. */
export function batchHolder(runId: RunId): string {
  return `batch:${runId}`;
}

/**
 * The dataset that the run writes.
 * @throws InvalidInput for a lifecycle that cannot score rows, or a name that it uses itself
 */
export function batchOutput(
  lifecycle: string,
  spec: LifecycleSpec,
  { output }: Pick<BatchRequest, 'output'>,
): string {
  if (spec.kind === 'LlmLifecycle')
    throw failure(
      'InvalidInput',
      `${lifecycle} is a language application; batch predictions score rows with a model`,
      { next: 'name a lifecycle of kind ModelLifecycle: perennial lifecycle list' },
    );
  if (spec.kind === 'DataLifecycle')
    throw failure(
      'InvalidInput',
      `${lifecycle} is a DataLifecycle and has no model to score with`,
      {
        next: 'name a lifecycle of kind ModelLifecycle: perennial lifecycle list',
      },
    );
  const taken = [requestRows, holdoutRows, ...spec.data.sources.map(({ name }) => name)];
  if (taken.includes(output))
    throw failure(
      'InvalidInput',
      `${datasetName(lifecycle, output)} is a dataset that training runs of ${lifecycle} write`,
      { next: 'choose another name for the output: --output NAME' },
    );
  return datasetName(lifecycle, output);
}
