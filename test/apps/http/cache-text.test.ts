import { cacheText } from '../../../apps/http/cache-text';

test('computes a text some times a second and then repeats the latest', async () => {
  jest.useFakeTimers();
  let computed = 0;
  const text = cacheText({ perSecond: 3 }, () => Promise.resolve(String((computed += 1))));
  const many: string[] = [];
  for (let at = 0; at < 100; at += 1) many.push(await text());
  expect(many.slice(0, 4)).toEqual(['1', '2', '3', '3']);
  expect(new Set(many).size).toBe(3);
  jest.advanceTimersByTime(1_000);
  expect(await text()).toBe('4');
  jest.useRealTimers();
});

test('does not repeat a failure', async () => {
  let fails = true;
  const text = cacheText({ perSecond: 1 }, () =>
    fails ? Promise.reject(new Error('away')) : Promise.resolve('back'),
  );
  await expect(text()).rejects.toThrow('away');
  fails = false;
  expect(await text()).toBe('back');
});
