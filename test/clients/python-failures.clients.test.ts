/** The Python client against a scripted API that fails. */
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import type { ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { openFakeApi, type FakeApi } from '../apps/cli/fake-api';
import { buildPythonPackage } from './python-package';

jest.setTimeout(120_000);

let folder: string;
let api: FakeApi;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'perennial-python-'));
  api = await openFakeApi();
});
afterAll(async () => {
  await api.close();
  rmSync(folder, { recursive: true, force: true });
});

const page = (_: unknown, response: ServerResponse) =>
  response.writeHead(200, { 'content-type': 'text/html' }).end('<html>');

const events =
  (...messages: readonly string[]) =>
  (_: unknown, response: ServerResponse) =>
    response.writeHead(200, { 'content-type': 'text/event-stream' }).end(messages.join(''));

const started = {
  seq: 1,
  kind: 'stage.started',
  stage: 'train',
  data: {},
  at: '2026-01-01',
  by: 1,
};
const start = `id: 1\nevent: stage.started\ndata: ${JSON.stringify(started)}\n\n`;
const end = 'event: end\ndata: {"status":"succeeded"}\n\n';

const run = (id: string, status = 'running') => ({ id, status, lifecycle: 'churn', version: null });

test('broken responses are errors with the cause and the next step', async () => {
  api.routes.set('GET /runs/page', page);
  api.routes.set('GET /runs/run_page', run('run_page'));
  api.routes.set('GET /runs/run_page/events', page);
  api.routes.set('GET /runs/run_early', run('run_early'));
  api.routes.set('GET /runs/run_early/events', events());
  api.routes.set('GET /runs/run_open', run('run_open'));
  api.routes.set('GET /runs/run_open/events', events(start, end));
  let reads = 0;
  api.routes.set('GET /runs/run_late', (_, response) => {
    reads += 1;
    response.end(JSON.stringify(run('run_late', reads > 2 ? 'failed' : 'running')));
  });
  api.routes.set('GET /runs/run_late/events', events(end));
  api.routes.set('POST /v2/models/churn/infer', { outcome: 'none' });

  const python = await (await buildPythonPackage(folder)).environment('bare', '');
  const script = join(__dirname, 'python_failures.py');
  const { stdout } = await promisify(execFile)(python, [script, api.url]);
  const unexpected = (content: string, process = 'API') => ({
    code: 'UnexpectedResponse',
    message: `the ${process} at ${api.url} responded with 200 and ${content}`,
    next: 'check the address; a proxy may have responded',
  });
  expect(JSON.parse(stdout)).toEqual({
    page: unexpected('no JSON'),
    'page for events': unexpected('no stream of events'),
    'early end': {
      code: 'Unreachable',
      message: `lost the events of run_early from the API at ${api.url} (the stream ended before the run); the run continues`,
      next: 'perennial run watch run_early',
    },
    open: {
      code: 'Conflict',
      message: 'the events of run_open have ended, but the run is running',
      next: 'perennial run show run_open',
    },
    late: ['running', 'failed'],
    events: [[1, 'stage.started']],
    prediction: unexpected('no predictions', 'gateway'),
    label: "label 0 must be a pair of a prediction or its id and the label, not 'p1'",
    'other address': {
      code: 'NotConfigured',
      message: `no API key for ${api.url} is known`,
      next: 'pass key, or set PERENNIAL_API_KEY',
    },
    'own address': null,
    'other gateway': {
      code: 'NotConfigured',
      message: 'the address of the gateway is not known',
      next: 'pass gateway_url to connect, or set PERENNIAL_GATEWAY_URL',
    },
    damaged: {
      code: 'NotConfigured',
      message: expect.stringMatching(/^\S+\/run\/client\.json is damaged$/) as string,
      next: 'delete it and restart `perennial up`, which writes it',
    },
  });
});
