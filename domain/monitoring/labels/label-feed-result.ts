import type { LabelDay, LabelReference } from './label-feed';
import type { LabelFeedState } from './label-feed-state';

/** The labels of the newest judged day, beside what is expected. */
export interface LabelFeedResult {
  readonly newest: LabelDay;
  /** Null while no day can be tested. */
  readonly reference: LabelReference | null;
  /** Values since the alarm began; null without an alarm. */
  readonly alarm: {
    readonly since: string;
    readonly until: string;
    readonly predictions: number;
    readonly labelled: number;
  } | null;
}

export function labelFeedResult({ newest, test }: LabelFeedState): LabelFeedResult | null {
  if (newest === null) return null;
  const { alarm, reference } = test;
  const [first, last] = [alarm?.days[0], alarm?.days.at(-1)];
  if (alarm === null || first === undefined || last === undefined)
    return { newest, reference, alarm: null };
  const sum = (part: 'predictions' | 'labelled') =>
    alarm.days.reduce((total, day) => total + day[part], 0);
  return {
    newest,
    reference: alarm.reference,
    alarm: {
      since: alarm.since,
      until: last.day,
      predictions: sum('predictions'),
      labelled: sum('labelled'),
    },
  };
}
