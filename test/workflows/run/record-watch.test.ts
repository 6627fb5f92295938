import { eventRecord } from '../../../domain/run/record-name';
import { markChanged, watchRecord, type RecordWatch } from '../../../workflows/run/record-watch';

const [go, stop] = [eventRecord('go'), eventRecord('stop')];
const watch = (record: RecordWatch['record']): RecordWatch => ({ record, hasChanged: false });

test('a change of a record continues the oldest wait for it, and the next change the next one', () => {
  const [first, second, other] = [watch(go), watch(go), watch(stop)];
  const watches = new Set([first, second, other]);
  markChanged(watches, go);
  expect([first, second, other].map(({ hasChanged }) => hasChanged)).toEqual([true, false, false]);
  markChanged(watches, go);
  expect([first, second, other].map(({ hasChanged }) => hasChanged)).toEqual([true, true, false]);
});

test('a change without a name continues all waits', () => {
  const [first, other] = [watch(go), watch(stop)];
  markChanged(new Set([first, other]));
  expect([first.hasChanged, other.hasChanged]).toEqual([true, true]);
});

test('a wait that ends before it looks at a change leaves the change to the next wait', async () => {
  const next = watch(go);
  const watches = new Set<RecordWatch>();
  const ended = watchRecord(watches, go, (own) => {
    watches.add(next);
    markChanged(watches, go);
    expect([own.hasChanged, next.hasChanged]).toEqual([true, false]);
    return Promise.resolve('timeout');
  });
  expect(await ended).toBe('timeout');
  expect(next.hasChanged).toBe(true);
  expect([...watches]).toEqual([next]);
});

test('a wait that fails lets the next wait look again', async () => {
  const next = watch(go);
  const watches = new Set([next]);
  const failed = watchRecord(watches, go, () => Promise.reject(new Error('cancelled')));
  await expect(failed).rejects.toThrow('cancelled');
  expect(next.hasChanged).toBe(true);
});
