import { openRunProgress } from '../../../activities/run/progress';
import type { RunId } from '../../../domain/ids';
import { tenant } from '../../support/provider/model-access';

const of = {
  tenant,
  runId: 'run_1' as RunId,
  stage: 'evaluate',
  kind: 'evaluation.progress',
} as const;

beforeEach(() => jest.useFakeTimers());
afterEach(() => jest.useRealTimers());

test('progress events are at least two seconds apart and show the latest state', () => {
  const told: unknown[] = [];
  const tell = openRunProgress({ append: (event) => Promise.resolve(told.push(event)) }, of);
  for (let asked = 1; asked <= 50; asked += 1) {
    jest.advanceTimersByTime(100);
    tell({ asked, of: 50 });
  }
  // Short work reports no progress, because its end is reported anyway.
  expect(told).toEqual([
    { ...of, data: { asked: 20, of: 50 } },
    { ...of, data: { asked: 40, of: 50 } },
  ]);
});

test('a failed progress event does not stop the activity', async () => {
  const tell = openRunProgress(
    { append: () => Promise.reject(new Error('the registry is away')) },
    of,
  );
  jest.advanceTimersByTime(5_000);
  tell({ asked: 1 });
  await Promise.resolve();
});
