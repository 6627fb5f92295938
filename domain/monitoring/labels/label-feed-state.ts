/** Predictions and labels of days that are not due yet, and the test of the days that were. */
import { emptyLabelTest, judgeLabelDay } from './label-feed';
import type { LabelDay, LabelFeedSettings, LabelTest } from './label-feed';

/** A day of event time whose labels are not all due. */
export interface PendingLabelDay {
  /** A UTC day, such as 2024-05-08. */
  readonly day: string;
  /** By version, because labels of a champion may be due when another version serves. */
  readonly predictions: Readonly<Record<string, number>>;
  /** Labels that the monitor counted; those of other versions are counted when the day is due. */
  readonly labelled: number;
}

/** What a monitor keeps of the labels of its model, over all champions. Plain JSON. */
export interface LabelFeedState {
  /** Setting of the lifecycle; a change makes other labels late, so the test restarts. */
  readonly availableAfterSeconds: number;
  /** The oldest first. */
  readonly pending: readonly PendingLabelDay[];
  readonly test: LabelTest;
  /** The newest judged day; null before it. Its predictions that come later do not count. */
  readonly newest: LabelDay | null;
}

/** A label that is late by less is no news: batches come once a day. */
export const labelGraceSeconds = 86_400;
const dayMs = 86_400_000;
/** Maximum days that are kept; with a label delay of years, the oldest are dropped. */
const maxPending = 1_000;

export function openLabelFeed(
  known: LabelFeedState | null,
  availableAfterSeconds: number,
): LabelFeedState {
  if (known?.availableAfterSeconds === availableAfterSeconds) return known;
  return {
    availableAfterSeconds,
    pending: known?.pending ?? [],
    test: emptyLabelTest,
    newest: known?.newest ?? null,
  };
}

/** Adds predictions that the monitor read and labels that it counted, each once. */
export function addToLabelFeed(
  state: LabelFeedState,
  {
    predictions,
    labels,
  }: {
    readonly predictions: readonly { readonly version: number; readonly at: string }[];
    /** Event times of their predictions. */
    readonly labels: readonly string[];
  },
): LabelFeedState {
  const pending = new Map(state.pending.map((each) => [each.day, each]));
  const update = (at: string, change: (day: PendingLabelDay) => PendingLabelDay) => {
    const day = toDay(at);
    if (state.newest !== null && day <= state.newest.day) return;
    pending.set(day, change(pending.get(day) ?? { day, predictions: {}, labelled: 0 }));
  };
  for (const { version, at } of predictions)
    update(at, (each) => ({
      ...each,
      predictions: { ...each.predictions, [version]: (each.predictions[version] ?? 0) + 1 },
    }));
  for (const at of labels) update(at, (each) => ({ ...each, labelled: each.labelled + 1 }));
  const sorted = [...pending.values()].sort((a, b) => (a.day < b.day ? -1 : 1));
  return { ...state, pending: sorted.slice(-maxPending) };
}

/** Days of which every label should be there by now, the oldest first. */
export function dueLabelDays(
  { pending }: Pick<LabelFeedState, 'pending'>,
  dueUntil: string | null,
): readonly PendingLabelDay[] {
  if (dueUntil === null) return [];
  const until = Date.parse(dueUntil) - labelGraceSeconds * 1000;
  return pending.filter(({ day }) => Date.parse(day) + dayMs <= until);
}

/** Judges the oldest pending day. `labelled` counts its labels of all versions. */
export function judgeOldestDay(
  state: LabelFeedState,
  { labelled }: { readonly labelled: number },
  settings: LabelFeedSettings,
): LabelFeedState {
  const [oldest, ...pending] = state.pending;
  if (oldest === undefined) return state;
  const predictions = Object.values(oldest.predictions).reduce((sum, each) => sum + each, 0);
  const day = { day: oldest.day, predictions, labelled: Math.min(labelled, predictions) };
  return { ...state, pending, newest: day, test: judgeLabelDay(state.test, day, settings) };
}

function toDay(at: string): string {
  return new Date(at).toISOString().slice(0, 10);
}
