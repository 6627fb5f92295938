import { formatSeconds } from '../../duration';
import { count, percent } from '../../format';
import { blockScales } from '../blocks';
import { isVaryingNumber } from '../jump/value-sums';
import { allRequests } from '../quality/quality-blocks';
import type { MonitorResults, UnknownResult } from './monitor-results';
import type { MonitorState } from './monitor-state';
import type { ObservedVersion } from './champion-reference';

/** What a monitor cannot tell yet, or never. */
export function unknownResults(
  state: MonitorState,
  results: Pick<MonitorResults, 'drift' | 'quality'>,
  version: ObservedVersion,
): readonly UnknownResult[] {
  const { reference } = version;
  return [
    ...(reference?.traffic == null ? [withoutReference(version)] : []),
    ...fewRequests(state, results, version),
    ...withoutLabels(state, results, version),
    ...(version.settings.task === 'chat' ? [] : unmeasuredSkew(state)),
    ...untestedQuality(results),
    ...untested(results),
    ...untestedJumps(version),
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
  const seconds = (Date.parse(eventNow ?? firstEvent) - Date.parse(firstEvent)) / 1000;
  if (seconds < daySeconds) return [];
  const weekly = Math.max(1, Math.round((rows / seconds) * 7 * daySeconds));
  const threshold = Math.max(0, ...drift.flatMap(({ signals }) => signals.map((s) => s.threshold)));
  // Pinsker's inequality: a row adds at least 2δ² of log-evidence on average.
  const smallest = Math.sqrt(threshold / (2 * weekly));
  if (smallest < showsWell) return [];
  const needed = Math.ceil(threshold / (2 * showsWell ** 2));
  return [
    {
      what: `shifts of less than ${percent(Math.min(1, smallest))} beyond the tolerance`,
      why: `about ${count(weekly)} requests arrive in a week`,
      until: `a week has ${count(needed)} requests`,
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

/** Features of which no scale can be tested. */
function untested({ drift }: Pick<MonitorResults, 'drift'>): readonly UnknownResult[] {
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

/** Of a reference that was stored without the means of its hours. */
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
