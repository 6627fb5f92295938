import { Registry as Metrics } from 'prom-client';
import { measureMaintenance } from '../../../workers/maintenance/metrics';

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
