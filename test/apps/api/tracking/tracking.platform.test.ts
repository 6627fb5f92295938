import { randomUUID } from 'node:crypto';
import { sha256 } from '../../../../data/digest';
import type { Tenant } from '../../../../domain/ids';
import { tenant } from '../../../db/registry-fixture';
import type { ApiWorld } from '../support/api-world';
import { openApiWorld } from '../support/api-world';

let world: ApiWorld;
beforeAll(async () => {
  world = await openApiWorld();
});
afterAll(() => world.close());

interface FoundRuns {
  readonly runs: readonly { readonly info: { readonly start_time: number } }[];
  readonly next_page_token?: string;
}

interface MlflowAnswer<T> {
  readonly status: number;
  readonly body: T;
  readonly text: string;
}

interface Sent {
  readonly key?: string;
  readonly body?: unknown;
  readonly bytes?: Uint8Array;
}

async function mlflow<T = Record<string, unknown>>(
  method: string,
  path: string,
  sent: Sent = {},
): Promise<MlflowAnswer<T>> {
  const { key = world.keys.operator, body, bytes } = sent;
  const answer = await fetch(`${world.url}/api/2.0/${path}`, {
    method,
    headers: {
      authorization: `Bearer ${key}`,
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    ...(bytes === undefined ? {} : { body: Buffer.from(bytes) }),
  });
  const text = await answer.text();
  const json = text.startsWith('{') ? (JSON.parse(text) as T) : ({} as T);
  return { status: answer.status, body: json, text };
}

async function newRun(): Promise<string> {
  const { body } = await mlflow<{ run: { info: { run_id: string } } }>(
    'POST',
    'mlflow/runs/create',
    {
      body: { experiment_id: '0', start_time: 1 },
    },
  );
  return body.run.info.run_id;
}

function log(run: string, path: string, body: object) {
  return mlflow('POST', `mlflow/runs/${path}`, { body: { run_id: run, ...body } });
}

test('a request sent twice counts once', async () => {
  const run = await newRun();
  const points = [1, 2].map((step) => ({ key: 'loss', value: step, timestamp: 5, step }));
  const batch = { metrics: points, params: [{ key: 'C', value: '1' }], tags: [] };
  for (let times = 0; times < 2; times += 1)
    expect((await log(run, 'log-batch', batch)).status).toBe(200);
  const { body } = await mlflow<{ metrics: object[] }>(
    'GET',
    `mlflow/metrics/get-history?run_id=${run}&metric_key=loss`,
  );
  expect(body.metrics).toEqual(points);
});

test('concurrent batches of one run lose nothing', async () => {
  const run = await newRun();
  const keys = Array.from({ length: 20 }, (_, index) => `p${index}`);
  const answers = await Promise.all(
    keys.map((key) => log(run, 'log-batch', { params: [{ key, value: '1' }] })),
  );
  expect(answers.map(({ status }) => status)).toEqual(keys.map(() => 200));
  const { body } = await mlflow<{ run: { data: { params: { key: string }[] } } }>(
    'GET',
    `mlflow/runs/get?run_id=${run}`,
  );
  expect(body.run.data.params.map(({ key }) => key).sort()).toEqual([...keys].sort());
});

test('pages of a search continue where the last one ended', async () => {
  const created = await mlflow<{ experiment_id: string }>('POST', 'mlflow/experiments/create', {
    body: { name: 'paged' },
  });
  const of = created.body.experiment_id;
  for (let start = 1; start <= 5; start += 1)
    await mlflow('POST', 'mlflow/runs/create', { body: { experiment_id: of, start_time: start } });
  const times: number[] = [];
  for (let token: string | undefined = ''; token !== undefined;) {
    const { body: found }: { readonly body: FoundRuns } = await mlflow<FoundRuns>(
      'POST',
      'mlflow/runs/search',
      { body: { experiment_ids: [of], max_results: 2, page_token: token } },
    );
    times.push(...found.runs.map(({ info }) => info.start_time));
    token = found.next_page_token;
  }
  expect(times).toEqual([5, 4, 3, 2, 1]);
});

test.each([
  ['an unknown experiment', 'mlflow/runs/create', { experiment_id: 'x' }, 404, /no experiment x/],
  [
    'a missing id',
    'mlflow/runs/log-metric',
    { key: 'a', value: 1, timestamp: 1 },
    400,
    /run_id is missing/,
  ],
  [
    'a text as metric',
    'mlflow/runs/log-metric',
    { key: 'a', value: 'b', timestamp: 1 },
    400,
    /value/,
  ],
  ['a strange run id', 'mlflow/runs/update', { run_id: '../x' }, 400, /run_id/],
  [
    'an unclear filter',
    'mlflow/runs/search',
    { experiment_ids: ['0'], filter: 'metrics.a >' },
    400,
    /filter is not understood/,
  ],
  [
    'a number against a text',
    'mlflow/runs/search',
    { experiment_ids: ['0'], filter: "metrics.a > 'b'" },
    400,
    /is a number/,
  ],
  ['an unknown route', 'mlflow/scorers/register', {}, 404, /no POST/],
])('%s gets an error in the form of MLflow', async (_, path, body, status, message) => {
  const answer = await mlflow<{ error_code: string; message: string }>('POST', path, { body });
  expect(answer.body.message).toMatch(message);
  expect({ status: answer.status, code: answer.body.error_code }).toEqual({
    status,
    code: expect.stringMatching(
      status === 400
        ? /^INVALID_PARAMETER_VALUE$/
        : /^(RESOURCE_DOES_NOT_EXIST|ENDPOINT_NOT_FOUND)$/,
    ) as string,
  });
});

test('too many at once, and too much in one run, are refused', async () => {
  const run = await newRun();
  const params = Array.from({ length: 101 }, (_, index) => ({ key: `k${index}`, value: '' }));
  expect(await log(run, 'log-batch', { params })).toMatchObject({
    status: 400,
    body: { error_code: 'INVALID_PARAMETER_VALUE' },
  });
  expect((await log(run, 'log-parameter', { key: 'a', value: 'x'.repeat(6_001) })).status).toBe(
    400,
  );
});

test('an artifact is replaced, listed, read, deleted, and held by its path alone', async () => {
  const path = `0/${randomUUID()}/artifacts/a/b.txt`;
  const url = `mlflow-artifacts/artifacts/${path}`;
  const [first, second] = ['first', 'second'].map((text) => Buffer.from(`${text} ${path}`));
  const held = async () =>
    (await world.registry.artifacts.heldBy({ tenant, by: `tracking:${path}` })).map(
      ({ digest }) => digest,
    );
  expect((await mlflow('PUT', url, { bytes: first as Buffer })).status).toBe(200);
  expect((await mlflow('PUT', url, { bytes: second as Buffer })).status).toBe(200);
  expect((await mlflow('GET', url)).text).toBe(String(second));
  expect(await held()).toEqual([sha256(second as Buffer)]);
  expect((await mlflow('DELETE', url)).status).toBe(200);
  expect(await held()).toEqual([]);
  expect(await mlflow('GET', url)).toMatchObject({
    status: 404,
    body: { error_code: 'RESOURCE_DOES_NOT_EXIST' },
  });
});

test('a path out of the folder is refused', async () => {
  for (const path of ['0/..%2fx', '%2fetc/x', 'a%00b', '0//x'])
    expect(
      (await mlflow('PUT', `mlflow-artifacts/artifacts/${path}`, { bytes: Buffer.from('x') }))
        .status,
    ).toBe(400);
});

test('another tenant sees nothing, and a viewer changes nothing', async () => {
  const run = await newRun();
  const other = 'other-tenant' as Tenant;
  await world.database.sql`insert into tenants (id) values (${other}) on conflict do nothing`;
  const { key } = await world.registry.apiKeys.create({
    tenant: other,
    name: 'theirs',
    scope: 'operator',
    actor: 'test',
  });
  expect(await mlflow('GET', `mlflow/runs/get?run_id=${run}`, { key })).toMatchObject({
    status: 404,
  });
  expect(
    await mlflow('POST', 'mlflow/runs/create', {
      key: world.keys.viewer,
      body: { experiment_id: '0' },
    }),
  ).toMatchObject({ status: 403, body: { error_code: 'PERMISSION_DENIED' } });
});
