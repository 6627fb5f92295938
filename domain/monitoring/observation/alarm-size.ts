/** How large the change of an alarm is: its value with its unit, its band if any, and its limit. */
import { count, figure, interval, percent, formatSigned } from '../../format';
import type { DriftRole, DriftSignal } from '../drift-results';
import type { OpenJump } from '../jump/jump-results';
import type { MonitorSettings } from '../monitor';
import { allRequests } from '../quality/quality-blocks';
import type { QualityResult } from '../quality/quality-results';
import type { ServiceTest, ShareTest } from './monitor-results';
import { mostDiffering, type SkewResult } from './skew';

export function driftSize(
  { kind, scale, effect, rows, tolerance }: DriftSignal,
  role: DriftRole,
): string {
  const of = `in this ${scale} of ${count(rows)} requests`;
  const what = {
    distribution:
      role === 'pair' ? 'total variation distance of the pair' : 'total variation distance',
    missing: 'rise of the share of missing values',
    unusual: 'rise of the share of values that the reference does not hold',
  }[kind];
  return `${what} ${percent(effect)} ${of}${limitText(tolerance, percent)}`;
}

export function jumpSize({ before, after, effect, tolerance }: OpenJump): string {
  return (
    `change of the mean by ${formatSigned(after - before)} in units of the feature` +
    `${limitText(tolerance, figure)}; ${percent(effect)} of the range of the reference`
  );
}

export function qualitySize(
  { slice, measure, scale, value, lower, upper, rows, reference, limit }: QualityResult,
  settings: Pick<MonitorSettings, 'metric' | 'task'>,
): string {
  const of = slice === allRequests ? 'all requests' : slice;
  const block = scale === 'fourWeeks' ? 'four weeks' : `a ${scale}`;
  const band = lower === null ? '' : ` (${interval({ lower, upper }, figure)})`;
  const labels = `in ${block} of ${count(rows)} labels of ${of}`;
  return measure === 'loss'
    ? `${settings.metric} ${figure(value)}${lossUnit(settings)}${band} ${labels}, ` +
        `${figure(reference)} on the holdout${limitText(limit, figure)}`
    : `mean of prediction minus label ${formatSigned(value)}${labelUnit(settings)} ${labels}, ` +
        `${formatSigned(reference)} on the holdout` +
        limitText(limit, (most) => `${figure(most)} away from the holdout`);
}

export function serviceSize(test: ServiceTest): string {
  const { maxMs } = test;
  const what = maxMs === null ? 'failed' : `took over ${figure(maxMs)} ms`;
  return shareSize(test, what);
}

export function refusedSize(test: ShareTest): string {
  return shareSize(test, 'refused');
}

function shareSize(test: ShareTest, what: string): string {
  const { share, lower, limit } = test;
  const bound = lower === null ? '' : ` (at least ${percent(lower)} with confidence)`;
  return `${percent(share ?? 0)} of ${testedTogether(test)} ${what}${bound}${limitText(limit, percent)}`;
}

export function testedTogether({ requests, hours }: Pick<ShareTest, 'requests' | 'hours'>): string {
  return hours === 1
    ? 'the requests of an hour'
    : `${count(requests)} requests in ${hours} different hours`;
}

export function skewSize({ compared, agreeing, maxDifference }: SkewResult): string {
  return (
    `${percent(1 - agreeing / compared)} of ${count(compared)} compared requests, ` +
    `by at most ${figure(maxDifference)}${limitText(mostDiffering, percent)}`
  );
}

function limitText(limit: number | null, show: (limit: number) => string): string {
  return limit === null ? '' : `; limit ${show(limit)}`;
}

function lossUnit({ metric, task }: Pick<MonitorSettings, 'metric' | 'task'>): string {
  if (metric === 'logloss') return ' nats';
  return labelUnit({ task });
}

function labelUnit({ task }: Pick<MonitorSettings, 'task'>): string {
  return task === 'regression' ? ' in units of the label' : '';
}
