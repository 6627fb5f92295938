import { Registry as Metrics } from 'prom-client';
import type { MonitorFigures } from '../../../db/monitoring/records';
import { defaultTenant } from '../../../domain/ids';
import { measureMaintenance, measureMonitors } from '../../../workers/maintenance/metrics';

test('reports the labels given up, and the last figure while the registry is unavailable', async () => {
  const metrics = new Metrics();
  let answer: () => Promise<number> = () => Promise.resolve(7);
  measureMaintenance(metrics, { givenUp: () => answer() });
  const reported = async () =>
    /^perennial_worker_labels_given_up_total (\d+)$/m.exec(await metrics.metrics())?.[1];
  expect(await reported()).toBe('7');
  answer = () => Promise.reject(new Error('PostgreSQL cannot be reached'));
  expect(await reported()).toBe('7');
  answer = () => Promise.resolve(9);
  expect(await reported()).toBe('9');
});

test('reports the alarms, the drift and the loss of each monitor, and none while the registry is unavailable', async () => {
  const metrics = new Metrics();
  const figures: MonitorFigures = {
    tenant: defaultTenant,
    model: 'flight-delay',
    version: 3,
    rows: 1200,
    secondsSinceLook: 12,
    loss: 0.5,
    lossLower: null,
    lossUpper: 0.6,
    alarms: [{ kind: 'drift' }, { kind: 'drift' }],
    effects: { distance: 0.3 },
  };
  let answer: () => Promise<readonly MonitorFigures[]> = () => Promise.resolve([figures]);
  measureMonitors(metrics, { figures: () => answer() });
  const of = 'tenant="default",model="flight-delay"';
  const text = await metrics.metrics();
  for (const line of [
    `perennial_monitor_requests{${of}} 1200`,
    `perennial_monitor_look_age_seconds{${of}} 12`,
    `perennial_monitor_alarms{${of},kind="drift"} 2`,
    `perennial_monitor_alarms{${of},kind="quality"} 0`,
    `perennial_monitor_drift_effect{${of},feature="distance"} 0.3`,
    `perennial_monitor_loss{${of},bound="estimate"} 0.5`,
    `perennial_monitor_loss{${of},bound="upper"} 0.6`,
  ])
    expect(text).toContain(line);
  expect(text).not.toContain('bound="lower"');
  answer = () => Promise.reject(new Error('PostgreSQL cannot be reached'));
  expect(await metrics.metrics()).not.toContain('flight-delay');
});
