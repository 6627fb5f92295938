import fastify from 'fastify';
import { watchMethods } from '../../../apps/http/allowed-methods';
import { problemHandler } from '../../../apps/http/problem';
import { queueChanges } from '../../../apps/http/limits/rate-limit';

test('changes are queued while reads pass, and get 429 with Retry-After if the queue is full or slow', async () => {
  const app = fastify();
  app.decorateRequest('traceId', '');
  app.setErrorHandler(problemHandler());
  queueChanges(app, { maxRunning: 2, maxWaiting: 3, maxWaitMs: 200 });
  let end: () => void = () => undefined;
  const ended = new Promise<void>((resolve) => (end = resolve));
  let begun = 0;
  app.post('/change', async () => {
    begun += 1;
    await ended;
    return {};
  });
  app.post('/ask', { config: { scope: 'viewer' } }, () => ({}));
  app.get('/read', () => ({}));
  const url = await app.listen({ host: '127.0.0.1', port: 0 });
  const send = (method: string, path: string) => fetch(url + path, { method });
  const all = Array.from({ length: 6 }, () => send('POST', '/change'));
  const refused = await Promise.race(all);
  expect(refused.status).toBe(429);
  expect(refused.headers.get('retry-after')).toBe('2');
  expect(await refused.json()).toMatchObject({
    code: 'TooManyRequests',
    detail: '2 changes are in progress in this API and 3 are waiting',
    retryAfter: 2,
  });
  expect(begun).toBe(2);
  for (const [method, path] of [
    ['GET', '/read'],
    ['POST', '/ask'],
  ] as const)
    expect((await send(method, path)).status).toBe(200);
  await new Promise((resolve) => setTimeout(resolve, 250));
  end();
  expect((await Promise.all(all)).map(({ status }) => status).sort()).toEqual([
    200, 200, 429, 429, 429, 429,
  ]);
  expect((await send('POST', '/change')).status).toBe(200);
  await app.close();
});

test('distinguishes an unknown path from a wrong method by its pattern', async () => {
  const app = fastify();
  const methods = watchMethods(app);
  app.get('/models/:model', () => ({}));
  app.put('/models/:model', () => ({}));
  app.get('/files/*', () => ({}));
  await app.ready();
  expect(methods('/models/a.b')).toEqual(['GET', 'HEAD', 'PUT']);
  expect(methods('/files/a/b')).toEqual(['GET', 'HEAD']);
  expect(methods('/models/a/b')).toBeUndefined();
  await app.close();
});
