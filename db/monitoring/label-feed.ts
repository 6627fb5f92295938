/** Predictions and labels of a model by day of event time, over all its champions. */
import { allowedFalseAlarms } from '../../domain/monitoring/alarm-budget';
import {
  addToLabelFeed,
  dueLabelDays,
  judgeOldestDay,
  openLabelFeed,
  type LabelFeedState,
  type PendingLabelDay,
} from '../../domain/monitoring/labels/label-feed-state';
import type { MonitorSettings } from '../../domain/monitoring/monitor';
import type { Query } from '../connection';
import type { Statement } from '../sql';
import type { MonitorKey } from './schema';

/** One look may be far behind; the next one goes on. */
const maxDaysPerLook = 40;

/** Counts what the cursor passed in this transaction, and judges the days that are due. */
export async function followLabelFeed(
  tx: Query,
  {
    row,
    settings,
    known,
    predictions,
    labels,
    dueUntil,
    isDrained,
  }: {
    readonly row: MonitorKey;
    readonly settings: MonitorSettings;
    readonly known: LabelFeedState | null;
    /** Predictions of all versions, without probes and requests for a version. */
    readonly predictions: readonly { readonly version: number; readonly at: string }[];
    /** Event times of labels of the watched version. */
    readonly labels: readonly string[];
    readonly dueUntil: string | null;
    /** Whether this look read all predictions and due labels that it may. */
    readonly isDrained: boolean;
  },
): Promise<LabelFeedState> {
  const opened = openLabelFeed(known, settings.availableAfterSeconds);
  let state = addToLabelFeed(opened, { predictions, labels });
  if (!isDrained) return state;
  for (const day of dueLabelDays(state, dueUntil).slice(0, maxDaysPerLook)) {
    const [others] = await selectUnmonitored(tx, row, day);
    state = judgeOldestDay(
      state,
      { labelled: day.labelled + (others?.labels ?? 0) },
      {
        maxMissing: settings.maxMissing ?? null,
        falseAlarmsPerYear: allowedFalseAlarms('labels', settings),
      },
    );
  }
  return state;
}

/**
 * Labels of versions that answered on this day, other than those that the monitor has counted. The
 * few of requests for a version are not told apart, because that reads each prediction.
 */
function selectUnmonitored(
  tx: Query,
  { tenantId: tenant, model }: MonitorKey,
  { day, predictions }: Pick<PendingLabelDay, 'day' | 'predictions'>,
): Statement<{ readonly labels: number }[]> {
  return tx<{ labels: number }[]>`
    select count(*)::float8 as labels from feedback
    where tenant_id = ${tenant} and model = ${model} and version = any(${Object.keys(predictions).map(Number)}::int[])
      and model is not null and monitored_at is null
      and event_time >= ${day}::date::timestamp at time zone 'UTC' and event_time < (${day}::date + 1)::timestamp at time zone 'UTC'`;
}
