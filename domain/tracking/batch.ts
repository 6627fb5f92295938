import { failure } from '../failure';
import type { KeyedTexts, LoggedModel, MetricPoint, TrackedLink, TrackedRun } from './tracking';

/** What one request adds to a tracked run. */
export interface TrackingBatch {
  readonly metrics?: readonly MetricPoint[];
  readonly params?: KeyedTexts;
  readonly tags?: KeyedTexts;
  readonly datasetInputs?: readonly TrackedLink[];
  readonly modelInputs?: readonly TrackedLink[];
  readonly modelOutputs?: readonly TrackedLink[];
}

/** A row with its params, tags and links must stay small enough to be read as one. */
export const trackingLimits = { keys: 2_000, links: 1_000, bytes: 4 << 20 } as const;

/**
 * The run after a batch. Equal batches may be applied twice. A param never changes, and a metric
 * shows its latest step.
 * @throws InvalidInput
 */
export function applyBatch(run: TrackedRun, batch: TrackingBatch): TrackedRun {
  if (run.stage !== 'active')
    throw failure('InvalidInput', `the run ${run.id} is deleted, so nothing can be logged to it`, {
      next: 'restore the run, or start another one',
    });
  const after: TrackedRun = {
    ...run,
    params: withParams(run, batch.params),
    tags: { ...run.tags, ...batch.tags },
    metrics: withMetrics(run.metrics, batch.metrics),
    datasetInputs: withLinks(run.datasetInputs, batch.datasetInputs),
    modelInputs: withLinks(run.modelInputs, batch.modelInputs),
    modelOutputs: withLinks(run.modelOutputs, batch.modelOutputs),
  };
  checkSize(`the run ${run.id}`, after);
  return after;
}

/** Adds params to a run or a logged model. @throws InvalidInput when one would change */
export function withParams(
  { id, params }: Pick<TrackedRun | LoggedModel, 'id' | 'params'>,
  added: KeyedTexts = {},
): KeyedTexts {
  for (const [key, value] of Object.entries(added)) {
    const before = Object.hasOwn(params, key) ? params[key] : undefined;
    if (before !== undefined && before !== value)
      throw failure(
        'InvalidInput',
        `param \`${key}\` of ${id} is ${JSON.stringify(before)} and cannot change`,
        { next: 'log another key, or start another run' },
      );
  }
  return { ...params, ...added };
}

type SizedHolder = Pick<TrackedRun, 'params' | 'tags'> &
  Partial<Pick<TrackedRun, 'metrics' | 'datasetInputs' | 'modelInputs' | 'modelOutputs'>>;

/** @throws InvalidInput */
export function checkSize(what: string, holder: SizedHolder): void {
  const { params, tags, metrics = {}, datasetInputs, modelInputs, modelOutputs } = holder;
  const { keys, links: maxLinks, bytes } = trackingLimits;
  const maps = [params, tags, metrics];
  const links = [datasetInputs, modelInputs, modelOutputs];
  if (
    maps.some((map) => Object.keys(map).length > keys) ||
    links.some((list) => (list?.length ?? 0) > maxLinks)
  )
    throw failure(
      'InvalidInput',
      `${what} would have more than ${keys} params, tags or metrics, or ${maxLinks} links`,
      { next: 'log large lists as an artifact' },
    );
  if (JSON.stringify(holder).length > bytes)
    throw failure('InvalidInput', `${what} would have more than ${bytes >> 20} MiB of text`, {
      next: 'log large texts as an artifact',
    });
}

function withMetrics(
  latest: TrackedRun['metrics'],
  points: readonly MetricPoint[] = [],
): TrackedRun['metrics'] {
  const after: Record<string, MetricPoint> = { ...latest };
  for (const point of points) {
    const before = Object.hasOwn(after, point.key) ? after[point.key] : undefined;
    if (before === undefined || isLater(point, before)) after[point.key] = point;
  }
  return after;
}

/** By step, then by time, then by value, as MLflow orders them. */
function isLater(a: MetricPoint, b: MetricPoint): boolean {
  if (a.step !== b.step) return a.step > b.step;
  if (a.timestampMs !== b.timestampMs) return a.timestampMs > b.timestampMs;
  return a.value > b.value;
}

function withLinks(
  before: readonly TrackedLink[],
  added: readonly TrackedLink[] = [],
): readonly TrackedLink[] {
  const seen = new Set(before.map((link) => JSON.stringify(link)));
  return [...before, ...added.filter((link) => !seen.has(JSON.stringify(link)))];
}
