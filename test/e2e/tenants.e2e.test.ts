import type { RunJson } from '../../apps/cli/run/view';
import { readLifecycleFolder } from '../../apps/cli/lifecycle/folder';
import { isFinal } from '../../domain/run/run';
import { startProduct, type Product } from '../support/process/product';
import { until, untilAnswer } from '../support/time/until';
import { writeTinyLifecycle } from '../support/tiny-lifecycle';

jest.setTimeout(240_000);

const model = 'shared';
const patience = { seconds: 30, everyMs: 200 };
let product: Product;
let folder: string;
/** A key of each tenant. */
const keys: Record<string, string> = {};

beforeAll(async () => {
  product = await startProduct();
  folder = writeTinyLifecycle(product.workDir, { name: model });
  keys['default'] = product.apiKey;
});
afterAll(() => product.stop());

const as = <T>(tenant: string, method: string, path: string, body?: unknown) =>
  product.call<T>(method, path, {
    key: keys[tenant] ?? null,
    ...(body === undefined ? {} : { body }),
  });

async function trained(tenant: string): Promise<RunJson> {
  const applied = await as(tenant, 'PUT', `/lifecycles/${model}`, readLifecycleFolder(folder, '.'));
  expect({ tenant, status: applied.status }).toEqual({ tenant, status: 200 });
  const started = await as<RunJson>(tenant, 'POST', `/lifecycles/${model}/runs`, {});
  expect(started.status).toBe(202);
  const { id } = started.body;
  const { body } = await untilAnswer(
    () => as<RunJson>(tenant, 'GET', `/runs/${id}`),
    (answer) => isFinal(answer.body.status),
    { seconds: 150, everyMs: 200 },
  );
  return body;
}

async function infer(tenant: string) {
  const tensor = (name: string, datatype: string, value: unknown) => ({
    name,
    shape: [1],
    datatype,
    data: [value],
  });
  const inputs = [
    tensor('kind', 'BYTES', 'a'),
    tensor('x', 'FP64', 1.5),
    tensor('y', 'FP64', -0.5),
  ];
  const parameters = { entity: 'e1', event_time: '2024-05-01T10:00:00Z' };
  const url = `${product.gatewayUrl}/v2/models/${model}/infer`;
  return as<{ model_version: string; id: string }>(tenant, 'POST', url, { inputs, parameters });
}

describe('two tenants', () => {
  test('train, release and serve a lifecycle of the same name side by side', async () => {
    const made = await product.cli(['tenant', 'create', 'team-b']);
    expect(made).toMatchObject({
      exitCode: 0,
      stderr: expect.stringContaining('team-b') as string,
    });
    keys['team-b'] = made.stdout.trim();
    expect((await infer('team-b')).status).toBe(404);

    const ends = await Promise.all(['default', 'team-b'].map(trained));
    const verdicts = ends.map(({ status, version, verdict }) => ({ status, version, ...verdict }));
    expect(verdicts).toMatchObject([
      { status: 'succeeded', version: 1 },
      { status: 'succeeded', version: 1 },
    ]);
    const [ofDefault, ofTeam] = ends.map(({ id }) => id);

    const lists = ['default', 'team-b'].map((of) =>
      as<{ items: RunJson[] }>(of, 'GET', '/runs').then(({ body }) =>
        body.items.map(({ id }) => id),
      ),
    );
    expect(await Promise.all(lists)).toEqual([[ofDefault], [ofTeam]]);
    expect((await as('team-b', 'GET', `/runs/${ofDefault ?? ''}`)).status).toBe(404);
    // Nothing of the first tenant's work is reused for the second.
    for (const { stages } of ends)
      expect(stages.map((stage) => stage.reusedFrom)).not.toContain(ofDefault);

    for (const tenant of ['default', 'team-b'])
      await until(async () => (await infer(tenant)).status === 200, patience);
    const logged = async (tenant: string) =>
      (await as<{ items: { id: string }[] }>(tenant, 'GET', '/predictions')).body.items;
    await until(async () => (await logged('team-b')).length > 0, patience);
    const [own] = await logged('team-b');
    const path = `/predictions/${own?.id ?? ''}`;
    expect((await as('team-b', 'GET', path)).status).toBe(200);
    expect((await as('default', 'GET', path)).status).toBe(404);
  });
});
