import { formatSeconds } from '../../duration';
import { count, percent } from '../../format';
import { blockScales } from '../blocks';
import type { DriftState } from '../drift-state';
import { isVaryingNumber } from '../jump/value-sums';
import { unknownLabelFeed } from '../labels/label-alarm';
import { minLabels } from '../quality/quality';
import { allRequests, daysOf, isScoreBin } from '../quality/quality-blocks';
import type { MonitorResults, UnknownResult } from './monitor-results';
import type { MonitorState } from './monitor-state';
import { smallHours } from '../service/hour-groups';
import { unknownVolume } from '../volume/volume-unknown';
import { minBlockRows } from '../tolerance';
import type { ObservedVersion } from './champion-reference';

/** What a monitor cannot tell yet, or never. */
export function unknownResults(
  state: MonitorState,
  results: Pick<MonitorResults, 'drift' | 'quality'>,
  version: ObservedVersion,
): readonly UnknownResult[] {
  const { reference, settings } = version;
  return [
    ...(reference?.traffic == null ? [withoutReference(version)] : []),
    ...fewRequests(state, results, version),
    ...slowService(state, version),
    ...(settings.volume.enabled ? unknownVolume(state.volume) : []),
    ...withoutLabels(state, results, version),
    ...unknownLabelFeed(state.labelFeed ?? null),
    ...(settings.task === 'chat' ? [] : unmeasuredSkew(state)),
    ...untestedQuality(results),
    ...fewLabels(state, results, version),
    ...untestedCalibration(results, version),
    ...listUntested(results),
    ...untestedJumps(version),
    ...hoursTooSmallForJumps(state, version),
    ...(reference?.skipped ?? []).map(({ name, why }) => ({
      what: `drift of \`${name}\``,
      why,
      until: null,
    })),
  ];
}

function withoutReference({ settings, reference }: ObservedVersion): UnknownResult {
  if (settings.task === 'chat')
    return { what: 'drift', why: 'questions to an application are not compared', until: null };
  const isThere = reference !== null;
  return {
    what: 'drift',
    why: isThere
      ? 'the rows of the version have no time, so hours, days and weeks cannot be compared'
      : 'the rows on which the version was trained are not available',
    until: isThere ? null : 'the next version is promoted',
  };
}

/** Rows of a week and the smallest shift beyond the tolerance that they can show. */
function fewRequests(
  { rows, firstEvent, eventNow }: MonitorState,
  { drift }: Pick<MonitorResults, 'drift'>,
  { reference }: ObservedVersion,
): readonly UnknownResult[] {
  if (!reference?.traffic) return [];
  if (rows === 0 || firstEvent === null)
    return [{ what: 'drift', why: 'no request has arrived', until: 'requests arrive' }];
  const threshold = Math.max(0, ...drift.flatMap(({ signals }) => signals.map((s) => s.threshold)));
  const needed = Math.ceil(threshold / (2 * showsWell ** 2));
  const perDay = rowsPerDay({ rows, firstEvent, eventNow });
  if (perDay === null) {
    const until = new Date(Date.parse(firstEvent) + daySeconds * 1000).toISOString();
    const why = 'requests have arrived for less than a day';
    return rows >= needed / 7 ? [] : [{ what: 'which shifts the requests can show', why, until }];
  }
  const weekly = Math.max(1, Math.round(7 * perDay));
  // Pinsker's inequality: a row adds at least 2δ² of log-evidence on average.
  const smallest = Math.sqrt(threshold / (2 * weekly));
  if (smallest < showsWell) return [];
  const whole = Math.ceil(threshold / 2);
  const sooner =
    whole > weekly
      ? ''
      : `; a shift of ${percent(smallest)} shows within 7 days, and one of all requests within ${timeFor(whole, perDay)}`;
  return [
    {
      what: `shifts of less than ${percent(Math.min(1, smallest))} beyond the tolerance`,
      why: `about ${count(weekly)} requests arrive in a week`,
      until: `a week has ${count(needed)} requests, which is never at this rate${sooner}`,
    },
  ];
}

/** Null before a day of event time has passed. */
function rowsPerDay({
  rows,
  firstEvent,
  eventNow,
}: Pick<MonitorState, 'rows' | 'firstEvent' | 'eventNow'>): number | null {
  if (firstEvent === null) return null;
  const seconds = (Date.parse(eventNow ?? firstEvent) - Date.parse(firstEvent)) / 1000;
  return seconds < daySeconds ? null : (rows / seconds) * daySeconds;
}

/** Time until a number of requests, at a rate above 0. */
function timeFor(requests: number, perDay: number): string {
  const hours = Math.ceil((24 * requests) / perDay);
  if (hours === 1) return 'an hour';
  return hours < 48 ? `${hours} hours` : `${count(Math.ceil(hours / 24))} days`;
}

/** Failed and slow answers, if no hour has enough requests for a test of its own. */
function slowService(
  { hours }: Pick<MonitorState, 'hours'>,
  { settings }: ObservedVersion,
): readonly UnknownResult[] {
  const small = smallHours(hours, settings);
  if (small === null) return [];
  const { perDay, isMeasured, together, missing, smallestShare, allFailed } = small;
  const rate = Math.max(1, Math.round(perDay));
  const why = isMeasured
    ? `about ${count(rate)} requests arrive in a day, so ${together} of them are tested together`
    : `no hour has ${together} requests, so ${together} of them are tested together`;
  if (smallestShare === null) {
    const what = `whether more than ${percent(settings.service.maxFailed)} of the requests fail`;
    return [{ what, why: `${why}, and ${together} cannot show it`, until: null }];
  }
  const inTime = (requests: number) =>
    isMeasured ? `, in about ${timeFor(requests, perDay)} at this rate` : '';
  const sooner =
    allFailed === null
      ? ''
      : `; if all requests fail, ${count(allFailed)} of them show it${inTime(allFailed)}`;
  return [
    {
      what: `whether ${percent(smallestShare)} or more of the requests fail`,
      why,
      until: `${count(missing)} more requests have arrived${inTime(missing)}${sooner}`,
    },
  ];
}

const daySeconds = 86_400;
/** A shift that a monitor with enough requests shows within a week. */
const showsWell = 0.1;

function withoutLabels(
  { firstEvent, labels, rows }: MonitorState,
  { quality }: Pick<MonitorResults, 'quality'>,
  { settings, reference }: ObservedVersion,
): readonly UnknownResult[] {
  const what = 'live quality';
  if (quality !== null) {
    return quality.limit === null
      ? [
          {
            what: 'whether live quality is too low',
            ...(settings.task === 'chat'
              ? { why: 'callers give no feedback before the release', until: null }
              : {
                  why: 'the loss on the holdout is not known',
                  until: reference === null ? 'the next version is promoted' : null,
                }),
          },
        ]
      : [];
  }
  if (labels > 0)
    return [{ what, why: `none of ${count(labels)} labels fits ${settings.metric}`, until: null }];
  if (rows === 0 || firstEvent === null)
    return [{ what, why: 'no request has arrived', until: 'requests and their labels arrive' }];
  const { availableAfterSeconds } = settings;
  const due = new Date(Date.parse(firstEvent) + availableAfterSeconds * 1000).toISOString();
  return [
    {
      what,
      why: 'no label that is due has arrived',
      until: `labels arrive; the first is due at ${due}, ${formatSeconds(availableAfterSeconds)} after its request`,
    },
  ];
}

function unmeasuredSkew({ skew, rows }: MonitorState): readonly UnknownResult[] {
  const what = 'training-serving skew';
  if (skew?.failure != null) return [{ what, why: skew.failure, until: null }];
  if (skew !== null) return [];
  const why = rows === 0 ? 'no request has arrived' : 'it was not measured yet';
  return [{ what, why, until: 'it is measured, once an hour while requests arrive' }];
}

function untestedQuality({ quality }: Pick<MonitorResults, 'quality'>): readonly UnknownResult[] {
  const off = quality?.tests.find(
    ({ slice, measure, limit }) => slice === allRequests && measure === 'loss' && limit === null,
  );
  if (off?.reason == null) return [];
  return [{ what: 'whether live quality is too low', why: off.reason, until: null }];
}

/** Says that calibration is not tested: the holdout has too few days in every score bin. */
function untestedCalibration(
  { quality }: Pick<MonitorResults, 'quality'>,
  { settings: { task } }: ObservedVersion,
): readonly UnknownResult[] {
  if (quality === null || quality.tests.length === 0 || task !== 'classification') return [];
  if (quality.tests.some(({ slice }) => isScoreBin(slice))) return [];
  return [
    {
      what: 'calibration by score',
      why: 'in no bin of the score, the holdout has enough days with enough labels',
      until: 'the next version is promoted, if its holdout has them',
    },
  ];
}

/** Blocks of days that have too few labels to be judged at the present rate. */
function fewLabels(
  { labels, firstEvent, eventNow }: MonitorState,
  { quality }: Pick<MonitorResults, 'quality'>,
  { settings: { availableAfterSeconds } }: ObservedVersion,
): readonly UnknownResult[] {
  if (quality === null || labels === 0 || firstEvent === null) return [];
  const due = Date.parse(eventNow ?? firstEvent) - 1000 * availableAfterSeconds;
  const days = (due - Date.parse(firstEvent)) / (1000 * daySeconds);
  if (days < 1) return [];
  const perDay = labels / days;
  return quality.tests.flatMap(({ slice, measure, scale, limit }) => {
    const needed = minLabels(scale);
    const found = perDay * daysOf[scale];
    if (slice !== allRequests || measure !== 'loss' || limit === null) return [];
    // A day is watched from its first label on.
    if (scale === 'day' || found >= needed) return [];
    const block = scale === 'week' ? 'a week' : 'four weeks';
    return [
      {
        what: `live quality by the mean of ${block}`,
        why: `about ${count(Math.max(1, Math.round(found)))} labels are due in ${block}`,
        until: `there are ${count(needed)} labels in ${block}, which is never at this rate`,
      },
    ];
  });
}

/** Features of which no scale can be tested. */
function listUntested({ drift }: Pick<MonitorResults, 'drift'>): readonly UnknownResult[] {
  return drift.flatMap(({ feature, signals, jump }) => {
    const tests = signals.filter(({ kind }) => kind === 'distribution');
    if (tests.some(({ tolerance }) => tolerance !== null)) return [];
    const reasons = blockScales.flatMap(
      (scale) => tests.find((each) => each.scale === scale)?.reason ?? [],
    );
    const isForJumps = jump?.limits.some(({ tolerance }) => tolerance !== null) ?? false;
    const why = [...reasons, ...(isForJumps ? ['only its jumps are tested'] : [])].join('; ');
    return [{ what: `drift of \`${feature}\``, why, until: null }];
  });
}

/** Says that jumps are not tested: the reference was stored without the means of its hours. */
function untestedJumps({ reference }: ObservedVersion): readonly UnknownResult[] {
  const features = reference?.traffic?.features ?? [];
  if (!features.some(({ bins, jump }) => isVaryingNumber(bins) && jump === undefined)) return [];
  return [
    {
      what: 'jumps of numbers',
      why: 'the reference of this version has no means by hour',
      until: 'the next version is promoted',
    },
  ];
}

/** The test of jumps compares hours with enough requests only. */
function hoursTooSmallForJumps(
  { rows, firstEvent, eventNow, drift }: MonitorState,
  { reference }: ObservedVersion,
): readonly UnknownResult[] {
  const isTested = (reference?.traffic?.features ?? []).some(({ jump }) => jump !== undefined);
  if (!isTested || drift === null || rows === 0 || hasLargeHour(drift)) return [];
  const perDay = rowsPerDay({ rows, firstEvent, eventNow });
  const rate = perDay === null ? 0 : Math.max(1, Math.round(perDay));
  const pair = `two hours, at most twelve apart, have ${minBlockRows} requests each`;
  return [
    {
      what: 'jumps of numbers',
      why: `no hour of the last week has had ${minBlockRows} numbers, and smaller hours are not compared`,
      until:
        perDay === null
          ? pair
          : `${pair}, which is never if about ${count(rate)} requests a day arrive evenly`,
    },
  ];
}

/** Within a week before the newest hour. */
function hasLargeHour({ features }: DriftState): boolean {
  return features.some(({ jump }) => {
    if (jump === undefined) return false;
    const { newest, earlier } = jump;
    const since = (newest ?? earlier.at(-1))?.hour ?? 0;
    return [...earlier, ...(newest === null ? [] : [newest])].some(
      ({ hour, rows }) => rows >= minBlockRows && since - hour <= 7 * 24,
    );
  });
}
