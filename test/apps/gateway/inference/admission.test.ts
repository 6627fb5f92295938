import type { AddressInfo } from 'node:net';
import pino from 'pino';
import { gatewayDefaults, type AdmissionLimits } from '../../../../apps/gateway/config';
import { openHttpApp } from '../../../../apps/gateway/http-app';
import { createAdmission, type AdmissionLimit } from '../../../../apps/gateway/inference/admission';
import type { InferenceAnswer } from '../../../../apps/gateway/inference/inference';
import { createGatewayMetrics } from '../../../../apps/gateway/metrics';
import { inferRoutes } from '../../../../apps/gateway/routes/infer';
import type { ApiKeyIdentity } from '../../../../db/access/repository';

let now = 0;
const refused: [string, AdmissionLimit][] = [];
beforeEach(() => {
  now = 0;
  refused.length = 0;
});

function admissionOf(limits: Partial<AdmissionLimits>) {
  return createAdmission({
    limits: { ...gatewayDefaults.admission, ...limits },
    onRefused: ({ model }, limit) => refused.push([model, limit]),
    now: () => now,
  });
}

describe('admission', () => {
  test('a model with all its requests in progress refuses further ones; another one does not', () => {
    const admission = admissionOf({ requestsPerModel: 2, requestsOf: { small: 1 } });
    const leave = admission.enter('t', 'a');
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
    const admission = admissionOf({ requests: 2 });
    admission.enter('t', 'a');
    admission.enter('t', 'b');
    expect(() => admission.enter('t', 'c')).toThrow(
      expect.objectContaining({ status: 503, retryAfterSeconds: 1 }) as Error,
    );
    expect(refused).toEqual([['c', 'gateway']]);
  });

  test('a slow model refuses as soon as its oldest request waits too long', () => {
    const admission = admissionOf({ longestWaitMs: 100, requestsBeforeWait: 2 });
    const first = admission.enter('t', 'a');
    now = 150;
    // One request is slow, but nothing waits behind it.
    const second = admission.enter('t', 'a');
    expect(() => admission.enter('t', 'a')).toThrow(/already wait for 150 ms/);
    expect(refused).toEqual([['a', 'wait']]);
    first();
    const third = admission.enter('t', 'a');
    now = 240;
    admission.enter('t', 'a');
    now = 260;
    expect(() => admission.enter('t', 'a')).toThrow(/already wait for 110 ms/);
    second();
    third();
    expect(admission.inProgress()).toBe(1);
  });
});

describe('the route of an inference', () => {
  const waiting: ((error: Error) => void)[] = [];
  beforeEach(() => (waiting.length = 0));

  async function openRoute(isService: boolean) {
    const app = openHttpApp(gatewayDefaults, pino({ level: 'silent' }));
    app.addHook('onRequest', (request, _reply, done) => {
      request.caller = { tenant: 'default', scope: 'viewer', isService } as ApiKeyIdentity;
      done();
    });
    const admission = admissionOf({ requestsPerModel: 1 });
    inferRoutes(app, {
      infer: () => new Promise<InferenceAnswer>((_, reject) => waiting.push(reject)),
      admission,
      metrics: createGatewayMetrics(),
    });
    await app.listen({ host: '127.0.0.1', port: 0 });
    const url = `http://127.0.0.1:${(app.server.address() as AddressInfo).port}`;
    const ask = (model: string, signal: AbortSignal | null = null) =>
      fetch(`${url}/v2/models/${model}/infer`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: '{}',
        signal,
      });
    return { app, admission, ask };
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
