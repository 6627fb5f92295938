import { Registry as Metrics } from 'prom-client';
import type { OpenIncidents } from '../../../db/incident/repository';
import type { MonitorFigures } from '../../../db/monitoring/records';
import { defaultTenant } from '../../../domain/ids';
import { measureMonitors } from '../../../workers/maintenance/monitor-metrics';

const slice = { n: 90, lower: 0.5, upper: 0.7 };
const figures: MonitorFigures = {
  tenant: defaultTenant,
  model: 'flight-delay',
  version: 3,
  rows: 1200,
  secondsSinceLook: 12,
  quality: {
    ...{ estimate: 0.5, lower: 0.4, upper: 0.6, reference: 0.48, limit: 0.51, bias: -0.02 },
    slices: [
      { ...slice, slice: 'carrier=UA', estimate: 0.6 },
      { ...slice, slice: 'carrier=AA', estimate: 0.55, lower: null, upper: null },
    ],
    tests: [
      {
        ...{ slice: 'score 0.8 … 0.9', measure: 'bias', scale: 'fourWeeks', value: 0.12, rows: 90 },
        ...{ lower: null, upper: null, reference: 0, limit: 0.05, reason: null, since: null },
      },
      {
        ...{ slice: 'carrier=UA', measure: 'loss', scale: 'fourWeeks', value: 0.6, rows: 90 },
        ...{ lower: null, upper: null, reference: 0.5, limit: 0.58, reason: null, since: null },
      },
    ],
  },
  estimatedLoss: 0.49,
  alarms: [{ kind: 'drift' }, { kind: 'drift' }],
  drift: [
    {
      ...{ feature: 'distance', role: 'feature', effect: 0.3, tolerance: 0.1 },
      bins: [
        { bin: 'missing', problem: 'missing', reference: 0.2, current: 0.1 },
        { bin: '0 … 100', problem: null, reference: 0.8, current: 0.4 },
        { bin: 'far below 0', problem: 'out-of-range', reference: 0, current: 0.25 },
        { bin: 'far above 100', problem: 'out-of-range', reference: 0, current: 0.25 },
      ],
    },
  ],
  refused: { rows: 30, requests: 120 },
  maxRefused: 0.05,
  volume: {
    scales: [
      {
        scale: 'hour',
        newest: {
          from: '2024-05-08T14:00:00.000Z',
          until: '2024-05-08T15:00:00.000Z',
          requests: 120,
          lowest: 800,
          highest: 1_000,
          weeks: 4,
          limits: { fewer: 320, more: null },
        },
        alarms: { fewer: null, more: null },
      },
    ],
  },
  skew: { compared: 200, agreeing: 150 },
};
const incidents: readonly OpenIncidents[] = [
  {
    ...{ tenant: defaultTenant, model: 'flight-delay', kind: 'data', severity: 'critical' },
    incidents: 2,
  },
];

async function collectMetrics(read: MonitorFigures): Promise<string> {
  const metrics = new Metrics();
  measureMonitors(
    metrics,
    { figures: () => Promise.resolve([read]) },
    { openCounts: () => Promise.resolve(incidents) },
  );
  return metrics.metrics();
}

const of = 'tenant="default",model="flight-delay"';

test.each([
  `perennial_monitor_requests{${of}} 1200`,
  `perennial_monitor_look_age_seconds{${of}} 12`,
  `perennial_monitor_alarms{${of},kind="drift"} 2`,
  `perennial_monitor_alarms{${of},kind="quality"} 0`,
  `perennial_monitor_drift_effect{${of},feature="distance"} 0.3`,
  `perennial_monitor_drift_tolerance{${of},feature="distance"} 0.1`,
  `perennial_monitor_broken_values{${of},feature="distance",problem="missing"} 0`,
  `perennial_monitor_broken_values{${of},feature="distance",problem="out-of-range"} 0.5`,
  `perennial_monitor_refused_share{${of},bound="estimate"} 0.25`,
  `perennial_monitor_refused_share{${of},bound="limit"} 0.05`,
  `perennial_monitor_loss{${of},bound="estimate"} 0.5`,
  `perennial_monitor_loss{${of},bound="lower"} 0.4`,
  `perennial_monitor_loss{${of},bound="upper"} 0.6`,
  `perennial_monitor_loss{${of},bound="reference"} 0.48`,
  `perennial_monitor_loss{${of},bound="limit"} 0.51`,
  `perennial_monitor_slice_loss{${of},slice="carrier=UA",bound="estimate"} 0.6`,
  `perennial_monitor_slice_loss{${of},slice="carrier=UA",bound="limit"} 0.58`,
  `perennial_monitor_slice_loss{${of},slice="carrier=AA",bound="estimate"} 0.55`,
  `perennial_monitor_bias{${of}} -0.02`,
  `perennial_monitor_calibration{${of},bin="score 0.8 … 0.9"} 0.12`,
  `perennial_monitor_estimated_loss{${of}} 0.49`,
  `perennial_monitor_skew_share{${of}} 0.25`,
  `perennial_monitor_volume{${of},scale="hour",bound="estimate"} 120`,
  `perennial_monitor_volume{${of},scale="hour",bound="lowest"} 800`,
  `perennial_monitor_volume{${of},scale="hour",bound="too-few"} 320`,
  `perennial_incidents_open{${of},kind="data",severity="critical"} 2`,
])('reports %s', async (line) => {
  expect(await collectMetrics(figures)).toContain(line);
});

test('reports no figure that is not known', async () => {
  const text = await collectMetrics({
    ...figures,
    ...{
      quality: null,
      estimatedLoss: null,
      drift: [],
      refused: null,
      maxRefused: null,
      volume: null,
      skew: null,
    },
  });
  expect(text).not.toMatch(
    /^perennial_monitor_(loss|slice_loss|bias|estimated_loss|skew_share)\{/m,
  );
  expect(text).not.toMatch(/NaN|null/);
  // No request was refused.
  expect(text).toContain(`perennial_monitor_refused_share{${of},bound="estimate"} 0`);
  expect(await collectMetrics(figures)).not.toContain('slice="carrier=AA",bound="lower"');
});

test('reports nothing while the registry is unavailable', async () => {
  const metrics = new Metrics();
  const away = () => Promise.reject(new Error('PostgreSQL cannot be reached'));
  measureMonitors(metrics, { figures: away }, { openCounts: away });
  expect(await metrics.metrics()).not.toContain('flight-delay');
});
