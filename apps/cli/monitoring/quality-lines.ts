/** The live quality of a monitor, as text for a terminal. */
import { count, figure, interval, formatSigned } from '../../../domain/format';
import { scoreBins } from '../../../domain/monitoring/quality/quality-blocks';
import type { MonitorJson } from '../../api/monitoring/view';
import { drawSequence, type Frame } from '../rollout/sequence-drawing';
import type { Paint } from '../terminal';
import { alarmTable } from './alarm-table';

const slicesShown = 5;

export function qualityLines(
  { quality, contradicted }: MonitorJson,
  page: Frame,
  paint: Paint,
): readonly string[] {
  if (quality === null) return ['live quality: no label that is due yet'];
  const { metric, n, estimate, lower, upper, reference, limit, bias, history } = quality;
  const against = reference === null ? '' : `; holdout ${figure(reference)}`;
  const band = interval({ lower, upper }, figure);
  const drawing = drawSequence(
    {
      history,
      limit: limit ?? estimate,
      limitName: limit === null ? 'mean' : 'limit',
      unit: 'labels',
    },
    page,
    paint,
  );
  return [
    `live ${metric} ${figure(estimate)} (${band}), ${count(n)} labels of four weeks${against}` +
      (bias === null ? '' : `; bias ${formatSigned(bias)}`),
    ...contradictionLines(contradicted),
    ...drawing,
    ...calibrationLines(quality, paint),
    ...sliceLines(quality, paint),
  ];
}

function contradictionLines(shown: MonitorJson['contradicted']): readonly string[] {
  if (shown === null || shown.contradicted === 0) return [];
  return [
    `${count(shown.contradicted)} of ${count(shown.labels)} due labels since ${shown.since} have contradictory values`,
  ];
}

/** The mean of prediction minus label in each bin of the score, of the last four weeks or so. */
function calibrationLines(
  { tests }: NonNullable<MonitorJson['quality']>,
  paint: Paint,
): readonly string[] {
  const bins = scoreBins.flatMap((bin) => {
    const own = tests.filter((test) => test.slice === bin && test.value !== null);
    const shown = own.find(({ since }) => since !== null) ?? own.at(-1);
    if (shown?.value == null) return [];
    const text = `${bin} ${formatSigned(shown.value)}`;
    return [shown.since === null ? text : paint.red(`${text} ALARM`)];
  });
  return bins.length === 0 ? [] : [`calibration, prediction minus label: ${bins.join(', ')}`];
}

/** Slices with an alarm, and then those with the largest mean loss. */
function sliceLines(
  { metric, slices, tests }: NonNullable<MonitorJson['quality']>,
  paint: Paint,
): readonly string[] {
  const rows = slices.map(({ slice, n, estimate, lower, upper }) => {
    const own = tests.filter((test) => test.slice === slice);
    const limit = own.find(
      ({ measure, scale }) => measure === 'loss' && scale === 'fourWeeks',
    )?.limit;
    const isOpen = own.some(({ since }) => since !== null);
    return [
      slice,
      figure(estimate),
      lower == null || upper == null ? '' : interval({ lower, upper }, figure),
      limit == null ? 'not tested' : figure(limit),
      count(n),
      isOpen ? 'ALARM' : '',
    ];
  });
  if (rows.length === 0) return [];
  const isOpen = (row: readonly string[]) => row.at(-1) !== '';
  const shown = [
    ...rows.filter(isOpen),
    ...rows.filter((row) => !isOpen(row)).slice(0, slicesShown),
  ];
  return alarmTable(['SLICE', metric.toUpperCase(), 'BAND', 'LIMIT', 'LABELS', ''], shown, paint);
}

export function estimateLines({ estimate }: MonitorJson, paint: Paint): readonly string[] {
  if (estimate === null) return [];
  const { metric, loss, rows, from, until } = estimate;
  return [
    paint.dim(
      `estimated ${metric} without labels ${figure(loss)}, ${count(rows)} requests from ${from} to ${until}`,
    ),
  ];
}

/** The mean loss and the bias of the last day, week and four weeks, beside their limits. */
export function testLines({ quality }: MonitorJson, paint: Paint): readonly string[] {
  if (quality === null || quality.tests.length === 0) return [];
  const rows = quality.tests.map(
    ({ slice, measure, scale, value, reference, limit, rows: labels, since, reason }) => [
      slice,
      measure === 'loss' ? quality.metric : 'bias',
      scale === 'fourWeeks' ? 'four weeks' : scale,
      value === null ? '' : figure(value),
      figure(reference),
      limit === null
        ? `not tested: ${reason ?? 'the holdout does not show a limit'}`
        : `${measure === 'loss' ? '' : '± '}${figure(limit)}`,
      count(labels),
      since === null ? '' : 'ALARM',
    ],
  );
  const head = ['QUALITY OF', 'MEASURE', 'BY', 'LAST', 'HOLDOUT', 'LIMIT', 'LABELS', ''];
  return ['', ...alarmTable(head, rows, paint)];
}
