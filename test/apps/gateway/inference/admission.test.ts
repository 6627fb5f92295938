import { connect, type AddressInfo } from 'node:net';
import pino from 'pino';
import { gatewayDefaults, type AdmissionLimits } from '../../../../apps/gateway/config';
import { openHttpApp } from '../../../../apps/gateway/http-app';
import { createAdmission, type AdmissionLimit } from '../../../../apps/gateway/inference/admission';
import type { InferenceAnswer } from '../../../../apps/gateway/inference/inference';
import { createGatewayMetrics } from '../../../../apps/gateway/metrics';
import { inferRoutes } from '../../../../apps/gateway/routes/infer';
import type { ApiKeyIdentity } from '../../../../db/access/repository';
import { uncountedRequests } from '../fakes';

let now = 0;
const refused: [string, AdmissionLimit][] = [];
beforeEach(() => {
  now = 0;
  refused.length = 0;
});

function openAdmission(limits: Partial<AdmissionLimits>) {
  return createAdmission({
    limits: { ...gatewayDefaults.admission, ...limits },
    requests: uncountedRequests,
    onRefused: ({ model }, limit) => refused.push([model, limit]),
    now: () => now,
  });
}

describe('admission', () => {
  test('a model with all its requests in progress refuses further ones; another one does not', () => {
    const admission = openAdmission({ requestsPerModel: { usual: 2, of: { small: 1 } } });
    const { leave } = admission.enter('t', 'a');
    admission.enter('t', 'a');
    expect(() => admission.enter('t', 'a')).toThrow(
      expect.objectContaining({ status: 429, code: 'Overloaded', retryAfterSeconds: 1 }) as Error,
    );
    admission.enter('t', 'small');
    expect(() => admission.enter('t', 'small')).toThrow(/1 requests are already in progress/);
    admission.enter('other', 'a');
    expect(refused).toEqual([
      ['a', 'model'],
      ['small', 'model'],
    ]);

    leave();
    leave();
    expect(admission.inProgress()).toBe(3);
    admission.enter('t', 'a');
    expect(() => admission.enter('t', 'a')).toThrow();
  });

  test('the whole gateway refuses with 503', () => {
    const admission = openAdmission({ requests: 2 });
    admission.enter('t', 'a');
    admission.enter('t', 'b');
    expect(() => admission.enter('t', 'c')).toThrow(
      expect.objectContaining({ status: 503, retryAfterSeconds: 1 }) as Error,
    );
    expect(refused).toEqual([['c', 'gateway']]);
  });

  test('a slow model refuses as soon as its oldest request waits too long', () => {
    const admission = openAdmission({ longestWaitMs: 100, requestsBeforeWait: 2 });
    const enter = () => {
      const place = admission.enter('t', 'a');
      place.begin();
      return place;
    };
    const first = enter();
    now = 150;
    // One request is slow, but nothing waits behind it.
    const second = enter();
    expect(enter).toThrow(/already wait for 150 ms/);
    expect(refused).toEqual([['a', 'wait']]);
    first.leave();
    const third = enter();
    now = 240;
    enter();
    now = 260;
    expect(enter).toThrow(/already wait for 110 ms/);
    second.leave();
    third.leave();
    expect(admission.inProgress()).toBe(1);
  });

  test('a request waits only between the upload of its body and the download of its answer', () => {
    const admission = openAdmission({ longestWaitMs: 100, requestsBeforeWait: 2 });
    const [slow, late] = [admission.enter('t', 'a'), admission.enter('t', 'a')];
    now = 10_000;
    admission.enter('t', 'a');
    const end = slow.begin();
    now = 10_101;
    expect(() => admission.enter('t', 'a')).toThrow(/already wait for 101 ms/);
    end();
    admission.enter('t', 'a');
    expect(admission.inProgress()).toBe(4);

    // A client that hung up waits for nothing.
    late.leave();
    late.begin();
    now = 20_000;
    admission.enter('t', 'a');
    expect(refused).toEqual([['a', 'wait']]);
  });

  test('a model may have the name of a property of every object', () => {
    const admission = openAdmission({ requestsPerModel: { usual: 1, of: { small: 1 } } });
    admission.enter('t', 'constructor');
    expect(() => admission.enter('t', 'constructor')).toThrow(/already in progress/);
  });
});

describe('the route of an inference', () => {
  const waiting: ((error: Error) => void)[] = [];
  beforeEach(() => (waiting.length = 0));

  async function openRoute(
    isService: boolean,
    {
      checkKey = () => Promise.resolve(),
      limits = { requestsPerModel: { usual: 1, of: {} } },
    }: {
      readonly checkKey?: () => Promise<void>;
      readonly limits?: Partial<AdmissionLimits>;
    } = {},
  ) {
    const app = openHttpApp(gatewayDefaults, pino({ level: 'silent' }));
    app.addHook('onRequest', checkKey);
    app.addHook('onRequest', (request, _reply, done) => {
      request.caller = { tenant: 'default', scope: 'viewer', isService } as ApiKeyIdentity;
      done();
    });
    const admission = openAdmission(limits);
    inferRoutes(app, {
      infer: () => new Promise<InferenceAnswer>((_, reject) => waiting.push(reject)),
      admission,
      metrics: createGatewayMetrics(),
    });
    await app.listen({ host: '127.0.0.1', port: 0 });
    const { port } = app.server.address() as AddressInfo;
    const url = `http://127.0.0.1:${port}`;
    const ask = (model: string, signal: AbortSignal | null = null) =>
      fetch(`${url}/v2/models/${model}/infer`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: '{}',
        signal,
      });
    return { app, admission, ask, port };
  }

  const until = async (condition: () => boolean): Promise<void> => {
    for (const end = Date.now() + 30_000; !condition() && Date.now() < end;)
      await new Promise((resolve) => setTimeout(resolve, 5));
  };

  test('answers 429 with Retry-After, and frees the place after an answer and after a hang-up', async () => {
    const { app, admission, ask } = await openRoute(false);
    const hangUp = new AbortController();
    const first = ask('a', hangUp.signal).catch(() => null);
    await until(() => waiting.length === 1);
    // A version of the model counts for the model.
    const refusal = await ask('a@7');
    expect(refusal.status).toBe(429);
    expect(refusal.headers.get('retry-after')).toBe('1');
    expect(await refusal.json()).toMatchObject({ code: 'Overloaded' });

    hangUp.abort();
    await first;
    await until(() => admission.inProgress() === 0);
    const second = ask('a');
    await until(() => waiting.length === 2);
    waiting[1]?.(new Error('the model failed'));
    expect((await second).status).toBe(500);
    await until(() => admission.inProgress() === 0);
    waiting[0]?.(new Error('the client hung up'));
    await app.close();
  });

  test('a client that hangs up while its key is checked keeps no place', async () => {
    let checks = 0;
    let checked: () => void = () => undefined;
    const { app, admission, ask } = await openRoute(false, {
      checkKey: () => new Promise((resolve) => ((checks += 1), (checked = resolve))),
    });
    const closed = new Promise((resolve) =>
      app.server.once('connection', (socket) => socket.once('close', resolve)),
    );
    const hangUp = new AbortController();
    const first = ask('a', hangUp.signal).catch(() => null);
    await until(() => checks === 1);
    hangUp.abort();
    await first;
    await closed;
    checked();
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(admission.inProgress()).toBe(0);

    const second = ask('a');
    await until(() => checks === 2);
    checked();
    await until(() => waiting.length > 0);
    for (const reject of waiting) reject(new Error('the model failed'));
    expect((await second).status).toBe(500);
    await app.close();
  });

  test('pipelined requests keep no place after a hang-up', async () => {
    const { app, admission, port } = await openRoute(false, { limits: {} });
    const socket = connect(port, '127.0.0.1');
    const request =
      'POST /v2/models/a/infer HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}';
    socket.write(request.repeat(3));
    await until(() => waiting.length === 3);
    expect(admission.inProgress()).toBe(3);
    socket.destroy();
    await until(() => admission.inProgress() === 0);
    expect(admission.inProgress()).toBe(0);
    for (const reject of waiting) reject(new Error('the client hung up'));
    await app.close();
  });

  test('a client that uploads slowly makes no other wait', async () => {
    const limits = { requestsBeforeWait: 1, longestWaitMs: 100 };
    const { app, admission, ask, port } = await openRoute(false, { limits });
    const socket = connect(port, '127.0.0.1');
    socket.write(
      'POST /v2/models/a/infer HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{',
    );
    await until(() => admission.inProgress() === 1);
    now = 1_000;
    const answer = ask('a');
    await until(() => waiting.length === 1);
    // That one waits for the model.
    now = 1_101;
    expect((await ask('a')).status).toBe(429);
    waiting[0]?.(new Error('the model failed'));
    expect((await answer).status).toBe(500);
    socket.destroy();
    await until(() => admission.inProgress() === 0);
    await app.close();
  });

  test("the platform's own requests are not refused", async () => {
    const { app, admission, ask } = await openRoute(true);
    const both = [ask('a'), ask('a')];
    await until(() => waiting.length === 2);
    expect(admission.inProgress()).toBe(0);
    for (const reject of waiting) reject(new Error('the model failed'));
    expect((await Promise.all(both)).map(({ status }) => status)).toEqual([500, 500]);
    await app.close();
  });
});
