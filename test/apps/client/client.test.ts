/** The client of the package against a scripted API. */
import type { ServerResponse } from 'node:http';
import { createClient, type PerennialClient } from '../../../apps/client/client';
import type { RunEventMessage } from '../../../apps/client/run-events';
import { perennialVersion } from '../../../domain/version';
import { openFakeApi, refuse, type FakeApi } from '../cli/fake-api';

let api: FakeApi;
let client: PerennialClient;
beforeEach(async () => {
  api = await openFakeApi();
  client = createClient({ url: `${api.url}/`, key: 'pk_test', reason: 'a trial — of ours' });
});
afterEach(() => api.close());

const ended = { id: 'run_1', status: 'succeeded', stages: [] };

function streaming(response: ServerResponse): void {
  response.writeHead(200, { 'content-type': 'text/event-stream' });
}

function event(seq: number): string {
  const data = {
    seq,
    kind: 'stage.started',
    stage: `s${seq}`,
    data: {},
    at: '2026-01-01T00:00:00Z',
  };
  return `id: ${seq}\nevent: stage.started\ndata: ${JSON.stringify(data)}\n\n`;
}
const end = 'event: end\ndata: {"status":"succeeded"}\n\n';

test('sends the key, its version and the reason with each request', async () => {
  api.routes.set('GET /runs/run_1', ended);
  expect(await client.runs.get('run_1')).toEqual(ended);
  expect(api.asked[0]?.headers).toMatchObject({
    authorization: 'Bearer pk_test',
    'x-perennial-client-version': perennialVersion,
    'x-perennial-reason': encodeURIComponent('a trial — of ours'),
  });
});

test('starts a run with parameters, once for one key', async () => {
  api.routes.set('POST /lifecycles/churn/runs', { id: 'run_1' });
  await client.runs.start('churn', { params: { region: 'north' }, idempotencyKey: 'monday' });
  await client.runs.start('churn');
  expect(api.asked.map(({ body }) => body)).toEqual([{ params: { region: 'north' } }, {}]);
  const keys = api.asked.map(({ headers }) => headers['idempotency-key']);
  expect(keys).toEqual(['monday', expect.stringMatching(/^[0-9a-f-]{36}$/)]);
});

describe('an error', () => {
  test('has the code, the message, the places and the next step of the API', async () => {
    const issue = { pointer: '/params', detail: 'region must be north or south' };
    api.routes.set('POST /lifecycles/churn/runs', (_, response) =>
      refuse(response, 422, {
        code: 'InvalidInput',
        detail: 'the request has 1 error',
        next: 'perennial lifecycle show churn',
        errors: [issue],
      }),
    );
    await expect(client.runs.start('churn', { params: { region: 'x' } })).rejects.toMatchObject({
      name: 'ApiError',
      code: 'InvalidInput',
      status: 422,
      message: 'the request has 1 error\n  region must be north or south',
      next: 'perennial lifecycle show churn',
      issues: [issue],
    });
  });

  test('of a proxy names the status', async () => {
    api.routes.set('GET /runs/run_1', (_, response) => response.writeHead(502).end('<html>'));
    await expect(client.runs.get('run_1')).rejects.toMatchObject({
      code: 'UnexpectedResponse',
      status: 502,
      message: 'the API responded with 502',
    });
  });

  test('names the address of an API that does not respond', async () => {
    const nowhere = createClient({ url: 'http://127.0.0.1:9', key: 'pk_test' });
    await expect(nowhere.runs.get('run_1')).rejects.toMatchObject({
      code: 'Unreachable',
      message: expect.stringContaining('the API at http://127.0.0.1:9 is not reachable') as string,
      next: 'perennial up',
    });
  });
});

describe('a response', () => {
  test('that is a page of a proxy is an error with the next step', async () => {
    api.routes.set('GET /runs/run_1', (_, response) =>
      response.writeHead(200, { 'content-type': 'text/html' }).end('<html>'),
    );
    await expect(client.runs.get('run_1')).rejects.toMatchObject({
      name: 'ApiError',
      code: 'UnexpectedResponse',
      status: 200,
      message: `the API at ${api.url} responded with no JSON`,
      next: 'check the address; a proxy may have responded',
    });
  });

  test('that breaks off is an error of the connection', async () => {
    const breaking = (status: number) => (_: unknown, response: ServerResponse) => {
      response.writeHead(status, { 'content-length': '100' });
      response.write('{"id":');
      setTimeout(() => response.destroy(), 20);
    };
    api.routes.set('GET /runs/run_1', breaking(200));
    const brokenOff = {
      name: 'ApiError',
      code: 'Unreachable',
      message: expect.stringContaining(`the response of the API at ${api.url} broke off`) as string,
    };
    await expect(client.runs.get('run_1')).rejects.toMatchObject(brokenOff);
    api.routes.set('GET /runs', breaking(200));
    await expect(client.list('GET /runs')).rejects.toMatchObject(brokenOff);
    api.routes.set('GET /runs/run_1', breaking(409));
    await expect(client.runs.get('run_1')).rejects.toMatchObject({ name: 'ApiError', status: 409 });
  });
});

test('an upload without its file is refused before anything is sent', async () => {
  const upload = client.call('POST /models/{model}/imports', {
    path: { model: 'churn' },
    query: { fileName: 'model.onnx' },
    headers: { 'idempotency-key': 'one' },
    file: '/nowhere/model.onnx',
  });
  await expect(upload).rejects.toMatchObject({
    name: 'ApiError',
    code: 'InvalidInput',
    message: expect.stringContaining('/nowhere/model.onnx cannot be read') as string,
  });
  expect(api.asked).toEqual([]);
});

describe('the events of a run', () => {
  test('are refused when the response is not a stream of events', async () => {
    api.routes.set('GET /runs/run_1/events', (_, response) =>
      response.writeHead(200, { 'content-type': 'text/html' }).end('<html>'),
    );
    const events = client.runs.events('run_1');
    await expect(events[Symbol.asyncIterator]().next()).rejects.toMatchObject({
      code: 'UnexpectedResponse',
      message: `the API at ${api.url} sent no stream of events`,
    });
    expect(api.asked).toHaveLength(1);
  });

  test('end with an error when streams end without a message for longer than the patience', async () => {
    api.routes.set('GET /runs/run_1/events', (_, response) => {
      streaming(response);
      response.end();
    });
    const events = client.runs.events('run_1', { patienceSeconds: 1 });
    await expect(events[Symbol.asyncIterator]().next()).rejects.toMatchObject({
      code: 'Unreachable',
      message: expect.stringContaining('lost the events of run_1') as string,
      next: 'perennial run watch run_1',
    });
  });

  test('continue after a lost connection, each in order and once', async () => {
    const asked: unknown[] = [];
    api.routes.set('GET /runs/run_1/events', ({ headers }, response) => {
      asked.push(headers['last-event-id']);
      streaming(response);
      if (asked.length === 1) {
        response.write(event(1) + event(2) + event(3).slice(0, 30));
        setTimeout(() => response.destroy(), 20);
      } else if (asked.length === 2) response.destroy();
      else response.end(event(3) + end);
    });
    const seen: RunEventMessage[] = [];
    for await (const each of client.runs.events('run_1')) seen.push(each);
    expect(seen.map(({ seq }) => seq)).toEqual([1, 2, 3]);
    expect(asked).toEqual(['0', '2', '2']);
  });

  test('continue when the connection is lost after a silence longer than the patience', async () => {
    let connections = 0;
    api.routes.set('GET /runs/run_1/events', (_, response) => {
      connections += 1;
      streaming(response);
      if (connections > 1) return void response.end(event(1) + end);
      const timer = setInterval(() => response.write(': keep-alive\n\n'), 20);
      setTimeout(() => {
        clearInterval(timer);
        response.destroy();
      }, 1500);
    });
    const seen: number[] = [];
    const events = client.runs.events('run_1', { patienceSeconds: 1 });
    for await (const { seq } of events) seen.push(seq);
    expect(seen).toEqual([1]);
  });

  test('end with an error when the API is gone for longer than the patience', async () => {
    api.routes.set('GET /runs/run_1/events', (_, response) => response.destroy());
    const events = client.runs.events('run_1', { patienceSeconds: 1 });
    await expect(events[Symbol.asyncIterator]().next()).rejects.toMatchObject({
      code: 'Unreachable',
      message: expect.stringContaining('the run continues') as string,
    });
  });

  test('close the connection when the reader stops', async () => {
    const closed = new Promise<void>((settle) =>
      api.routes.set('GET /runs/run_1/events', (_, response) => {
        streaming(response);
        response.write(event(1) + event(2));
        response.once('close', settle);
      }),
    );
    for await (const { seq } of client.runs.events('run_1')) if (seq === 1) break;
    await closed;
  });
});

describe('a wait', () => {
  test('returns the ended run and passes each event on', async () => {
    api.routes.set('GET /runs/run_1/events', (_, response) => {
      streaming(response);
      response.end(event(1) + event(2) + end);
    });
    api.routes.set('GET /runs/run_1', ended);
    const stages: unknown[] = [];
    const run = await client.runs.wait('run_1', { onEvent: ({ stage }) => stages.push(stage) });
    expect(run).toEqual(ended);
    expect(stages).toEqual(['s1', 's2']);
  });

  test('reads the ended run again when the API restarts at that moment', async () => {
    api.routes.set('GET /runs/run_1/events', (_, response) => {
      streaming(response);
      response.end(end);
    });
    let reads = 0;
    api.routes.set('GET /runs/run_1', (_, response) => {
      reads += 1;
      if (reads === 1) response.destroy();
      else response.writeHead(200).end(JSON.stringify(ended));
    });
    expect(await client.runs.wait('run_1')).toEqual(ended);
  });

  test('ends at its timeout with the next step, and at the signal with its reason', async () => {
    api.routes.set('GET /runs/run_1/events', (_, response) => {
      streaming(response);
      response.write(event(1));
    });
    await expect(client.runs.wait('run_1', { timeout: '1s' })).rejects.toMatchObject({
      code: 'WaitTimeout',
      message: 'run_1 has not ended within 1s; the run continues',
      next: 'wait again, or perennial run watch run_1',
    });
    const stop = new AbortController();
    const onEvent = () => stop.abort(new Error('closed by its user'));
    await expect(client.runs.wait('run_1', { signal: stop.signal, onEvent })).rejects.toThrow(
      'closed by its user',
    );
  });

  test.each(['soon', '10 minutes', '1mo', '0s', '40d'])(
    'refuses the timeout %s',
    async (timeout) => {
      await expect(client.runs.wait('run_1', { timeout })).rejects.toMatchObject({
        code: 'InvalidInput',
        message: `timeout is not a duration between 1s and 24d: ${timeout}`,
      });
      expect(api.asked).toEqual([]);
    },
  );

  test('of an unknown run fails at once', async () => {
    await expect(client.runs.wait('run_9')).rejects.toMatchObject({
      code: 'NotFound',
      status: 404,
    });
  });
});
