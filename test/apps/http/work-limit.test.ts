import { PassThrough } from 'node:stream';
import { openWorkLimit } from '../../../apps/http/limits/rate-limit';

const caller = { id: 'key_1', name: 'a notebook' };

test('a stream keeps its place until it has closed, also when its reader left', async () => {
  const limit = openWorkLimit({ perKey: 1, maxWaiting: 1 });
  const stream = await limit.open(caller, () => Promise.resolve(new PassThrough()));
  let isRunning = false;
  const next = limit.run(caller, () => Promise.resolve((isRunning = true)));
  await expect(limit.run(caller, () => Promise.resolve())).rejects.toMatchObject({
    message: 'the key a notebook already has 2 requests of this kind in progress',
  });
  expect(isRunning).toBe(false);
  stream.destroy();
  expect(await next).toBe(true);
});

test('a stream that cannot be opened frees its place', async () => {
  const limit = openWorkLimit({ perKey: 1, maxWaiting: 0 });
  const fails = () => Promise.reject(new Error('the file is gone'));
  await expect(limit.open(caller, fails)).rejects.toThrow('the file is gone');
  expect(await limit.run(caller, () => Promise.resolve('done'))).toBe('done');
});
