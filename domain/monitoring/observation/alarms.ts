import { figure, percent, formatSigned } from '../../format';
import type { DriftSignal, FeatureDrift } from '../drift-results';
import type { OpenJump } from '../jump/jump-results';
import type { MonitorSettings } from '../monitor';
import { allRequests } from '../quality/quality-blocks';
import type { QualityResult } from '../quality/quality-results';
import {
  driftSize,
  jumpSize,
  qualitySize,
  refusedSize,
  serviceSize,
  skewSize,
  testedTogether,
} from './alarm-size';
import {
  alarmKinds,
  type MonitorAlarm,
  type MonitorResults,
  type RefusedRequests,
  type ServiceTest,
} from './monitor-results';
import { labelAlarms } from '../labels/label-alarm';
import { causesText } from '../service/refused-requests';
import { isSkewed } from './skew';
import { volumeAlarms } from '../volume/volume-alarms';

/** Open alarms, the most severe kind first. */
export function listAlarms(
  {
    drift,
    quality,
    service,
    refused,
    skew,
    volume,
    labelFeed,
  }: Pick<
    MonitorResults,
    'drift' | 'quality' | 'service' | 'refused' | 'skew' | 'volume' | 'labelFeed'
  >,
  settings: MonitorSettings,
): readonly MonitorAlarm[] {
  const alarms: MonitorAlarm[] = drift.flatMap((each) => {
    const { feature, alarm, jump } = each;
    return [
      ...(alarm === null ? [] : [driftAlarm(each, alarm, feature)]),
      ...(jump?.alarm == null ? [] : [jumpAlarm(feature, jump.alarm)]),
    ];
  });
  for (const test of quality?.tests ?? [])
    if (test.since !== null) alarms.push(qualityAlarm(test, test.since, settings));
  for (const test of service.tests)
    if (test.since !== null) alarms.push(serviceAlarm(test, test.since));
  if (refused?.test.since != null) alarms.push(refusedAlarm(refused, refused.test.since));
  if (skew && isSkewed(skew)) {
    const share = 1 - skew.agreeing / skew.compared;
    alarms.push({
      key: 'skew',
      kind: 'skew',
      feature: null,
      title: `${percent(share)} of the served scores differ from those that training computes`,
      since: skew.measuredAt,
      effect: share,
      size: skewSize(skew),
      slice: null,
    });
  }
  if (volume !== null) alarms.push(...volumeAlarms(volume, settings.timezone));
  if (labelFeed) alarms.push(...labelAlarms(labelFeed, settings));
  return alarms.sort(
    (a, b) => alarmKinds.indexOf(a.kind) - alarmKinds.indexOf(b.kind) || b.effect - a.effect,
  );
}

function driftAlarm({ role }: FeatureDrift, signal: DriftSignal, feature: string): MonitorAlarm {
  const { kind, scale, effect, since } = signal;
  const what = {
    distribution: {
      feature: `\`${feature}\` has shifted`,
      score: 'the predictions have shifted',
      pair: `values of \`${feature}\` do not belong together as before; their score has shifted`,
    }[role],
    missing: `\`${feature}\` is missing more often`,
    unusual: `\`${feature}\` has values that the reference does not hold`,
  }[kind];
  const of = kind === 'distribution' ? 'drift' : 'data';
  return {
    key: `${of}:${role === 'score' ? 'score' : feature}:${kind}`,
    kind: of,
    feature: role === 'score' ? null : feature,
    title: `${what} by ${percent(effect)} in this ${scale}`,
    since: since ?? '',
    effect,
    size: driftSize(signal, role),
    slice: null,
  };
}

function jumpAlarm(feature: string, jump: OpenJump): MonitorAlarm {
  const { since, effect } = jump;
  return {
    key: `drift:${feature}:jump`,
    kind: 'drift',
    feature,
    title: jumpText(feature, jump),
    since,
    effect,
    size: jumpSize(jump),
    slice: null,
  };
}

export function jumpText(
  feature: string,
  { before, after, hours, largest }: Pick<OpenJump, 'before' | 'after' | 'hours' | 'largest'>,
): string {
  const within = hours === 1 ? 'an hour' : `${hours} hours`;
  const usual =
    largest === null ? '' : `; the largest change in the reference is ${figure(largest)}`;
  return `the mean of \`${feature}\` went from ${figure(before)} to ${figure(after)} within ${within}${usual}`;
}

function qualityAlarm(test: QualityResult, since: string, settings: MonitorSettings): MonitorAlarm {
  const { slice, measure, scale, value, reference, limit } = test;
  const of = slice === allRequests ? '' : ` of ${slice}`;
  const block = scale === 'fourWeeks' ? 'four weeks' : `a ${scale}`;
  const text =
    measure === 'loss'
      ? `${settings.metric}${of} is ${figure(value)} in ${block}, with a limit of ${figure(limit)}`
      : `the mean of prediction minus label${of} is ${formatSigned(value)} in ${block} and ` +
        `${formatSigned(reference)} on the holdout, with a limit of ${figure(limit)} for the difference`;
  return {
    key: `quality:${slice}:${measure}:${scale}`,
    kind: 'quality',
    feature: null,
    title: text,
    since,
    effect: value === null ? 0 : Math.abs(value - reference),
    size: qualitySize(test, settings),
    slice: slice === allRequests ? null : slice,
  };
}

function serviceAlarm(test: ServiceTest, since: string): MonitorAlarm {
  const { measure, share, limit, maxMs } = test;
  const what = measure === 'failed' ? 'failed' : `took over ${figure(maxMs)} ms`;
  return {
    key: `service:${measure}`,
    kind: 'service',
    feature: null,
    title: `${percent(share ?? 0)} of ${testedTogether(test)} ${what}, with a limit of ${percent(limit)}`,
    since,
    effect: share ?? 0,
    size: serviceSize(test),
    slice: null,
  };
}

/** The requests were not answered, so this alarm says nothing of the drift of its feature. */
export const refusedKey = 'data:refused';

function refusedAlarm(refused: RefusedRequests, since: string): MonitorAlarm {
  const { test, causes } = refused;
  const share = test.share ?? 0;
  return {
    key: refusedKey,
    kind: 'data',
    feature: causes.find(({ column }) => column !== null)?.column ?? null,
    title:
      `${percent(share)} of ${testedTogether(test)} were refused, ` +
      `with a limit of ${percent(test.limit)}: ${causesText(refused)}`,
    since,
    effect: share,
    size: refusedSize(test),
    slice: null,
  };
}
