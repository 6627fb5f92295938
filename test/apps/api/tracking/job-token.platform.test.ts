import { signJobToken } from '../../../../data/access/job-token';
import type { RunRecord } from '../../../../db/run/repository';
import { tenant } from '../../../db/registry-fixture';
import { openApiWorld, testCommandKeys, type ApiWorld } from '../support/api-world';

let world: ApiWorld;
let run: RunRecord;
let token: string;
/** Ids of the experiments of the lifecycle of the job and of another one. */
let own: string;
let other: string;

beforeAll(async () => {
  world = await openApiWorld();
  await world.apply('churn');
  run = await world.accept('churn');
  token = tokenUntil(Date.now() + 60_000);
  own = await created(token, 'churn');
  other = await created(world.keys.operator, 'fraud');
});
afterAll(() => world.close());

function tokenUntil(time: number): string {
  const expiresAt = new Date(time).toISOString();
  return signJobToken(testCommandKeys, { tenant, runId: run.id, expiresAt });
}

async function created(key: string, name: string): Promise<string> {
  const { body } = await call(key, 'POST', '2.0/mlflow/experiments/create', { name });
  return (body as { experiment_id: string }).experiment_id;
}

async function call(key: string, method: string, path: string, body?: object) {
  const answer = await fetch(`${world.url}/api/${path}`, {
    method,
    headers: {
      authorization: `Bearer ${key}`,
      ...(body && { 'content-type': 'application/json' }),
    },
    ...(body && { body: JSON.stringify(body) }),
  });
  return { status: answer.status, body: (await answer.json()) as object };
}

async function newRun(key: string, experiment: string) {
  const { status, body } = await call(key, 'POST', '2.0/mlflow/runs/create', {
    experiment_id: experiment,
    start_time: 1,
  });
  const { info, data } = (body as { run?: { info: { run_id: string }; data: object } }).run ?? {};
  return { status, id: info?.run_id ?? '', data };
}

test('a job logs to the experiment of its lifecycle, and its runs name the run', async () => {
  const { id, data } = await newRun(token, own);
  expect(data).toMatchObject({
    tags: expect.arrayContaining([
      { key: 'perennial.run', value: run.id },
      { key: 'perennial.lifecycle', value: 'churn' },
    ]) as object,
  });
  const batch = { run_id: id, metrics: [{ key: 'auc', value: 0.75, timestamp: 1, step: 0 }] };
  expect(await call(token, 'POST', '2.0/mlflow/runs/log-batch', batch)).toMatchObject({
    status: 200,
  });
  const files = `2.0/mlflow-artifacts/artifacts/${own}/${id}/artifacts/model.txt`;
  expect(await call(token, 'PUT', files)).toMatchObject({ status: 200 });
  for (const path of [
    `2.0/mlflow/experiments/get-by-name?experiment_name=churn`,
    `2.0/mlflow/experiments/get?experiment_id=${own}`,
    `2.0/mlflow/runs/get?run_id=${id}`,
    `2.0/mlflow/metrics/get-history?run_id=${id}&metric_key=auc`,
    `2.0/mlflow/artifacts/list?run_id=${id}&path=models`,
    `2.0/mlflow-artifacts/artifacts?path=${own}/${id}/artifacts`,
  ])
    expect({ path, ...(await call(token, 'GET', path)) }).toMatchObject({ path, status: 200 });
});

test('a job reaches no other experiment, and no other part of the API', async () => {
  const { id: foreign } = await newRun(world.keys.operator, other);
  const { id: mine } = await newRun(token, own);
  const model = { experiment_id: other, name: 'model' };
  const made = await call(world.keys.operator, 'POST', '2.0/mlflow/logged-models', model);
  const { model_id: id } = (made.body as { model: { info: { model_id: string } } }).model.info;
  const batch = { metrics: [], params: [], tags: [] };
  for (const [method, path, body] of [
    ['POST', '2.0/mlflow/runs/create', { experiment_id: other }],
    ['POST', '2.0/mlflow/runs/log-batch', { run_id: foreign, ...batch }],
    ['POST', '2.0/mlflow/runs/log-batch', { run_uuid: foreign, ...batch }],
    [`POST`, `2.0/mlflow/runs/log-batch?run_id=${mine}`, { run_uuid: foreign, ...batch }],
    ['POST', '2.0/mlflow/runs/search', { experiment_ids: [own, other] }],
    ['POST', '2.0/mlflow/runs/search', { experiment_ids: [] }],
    ['GET', `2.0/mlflow/runs/get?run_id=${foreign}`],
    ['GET', `2.0/mlflow/artifacts/list?run_id=${foreign}`],
    ['GET', `2.0/mlflow-artifacts/artifacts/${other}/${foreign}/artifacts/model.txt`],
    ['PUT', `2.0/mlflow-artifacts/artifacts/${other}/${foreign}/artifacts/model.txt`],
    ['GET', '2.0/mlflow-artifacts/artifacts'],
    ['GET', `2.0/mlflow-artifacts/artifacts?path=${other}&*=${own}`],
    ['POST', '2.0/mlflow/runs/set-tag', { run_id: mine, key: 'perennial.run', value: 'x' }],
    ['POST', '2.0/mlflow/runs/delete-tag', { run_id: mine, key: 'perennial.run' }],
    [
      'POST',
      '2.0/mlflow/runs/log-batch',
      { run_id: mine, ...batch, tags: [{ key: 'perennial.lifecycle', value: 'x' }] },
    ],
    ['GET', `2.0/mlflow/logged-models/${id}`],
    ['POST', '2.0/mlflow/logged-models', { experiment_id: own, source_run_id: foreign }],
    ['GET', '2.0/mlflow/experiments/get-by-name?experiment_name=fraud'],
    ['POST', '2.0/mlflow/experiments/create', { name: 'new' }],
    ['POST', '2.0/mlflow/experiments/update', { experiment_id: own, new_name: 'new' }],
    ['POST', '2.0/mlflow/experiments/delete', { experiment_id: own }],
    ['POST', '2.0/mlflow/experiments/search', { max_results: 10 }],
    ['GET', 'v1/runs'],
    ['GET', 'v1/models'],
  ] as const)
    expect({ method, path, ...(await call(token, method, path, body)) }).toMatchObject({
      method,
      path,
      status: 403,
    });
});

test('a token is refused when it has expired, and when its run has ended', async () => {
  const get = `2.0/mlflow/experiments/get?experiment_id=${own}`;
  expect((await call(tokenUntil(Date.now() - 1), 'GET', get)).status).toBe(401);
  expect((await call(`${token}x`, 'GET', get)).status).toBe(401);
  expect((await call(token, 'GET', get)).status).toBe(200);
  await world.database.sql`
    update runs set status = 'succeeded', ended_at = now() where id = ${run.id}`;
  expect((await call(token, 'GET', get)).status).toBe(401);
});
