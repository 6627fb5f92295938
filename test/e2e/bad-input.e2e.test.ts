import type { Product } from '../support/product';
import { startProduct } from '../support/product';
import type { TinyOptions } from '../support/tiny-lifecycle';
import { lenientGates, writeTinyLifecycle } from '../support/tiny-lifecycle';

jest.setTimeout(180_000);

let product: Product;
let count = 0;

beforeAll(async () => {
  product = await startProduct();
});
afterAll(() => product.stop());

async function failureOf(options: Omit<TinyOptions, 'name'>) {
  const name = `bad-${++count}`;
  const folder = writeTinyLifecycle(product.workDir, { name, evaluate: lenientGates, ...options });
  const applied = await product.cli(['lifecycle', 'apply', folder]);
  if (applied.exitCode !== 0) return { at: 'apply', exitCode: applied.exitCode, message: applied.stderr };
  const { body } = await product.start(name);
  const run = await product.waitForEnd(body.id);
  return { at: run.failure?.stage ?? run.status, type: run.failure?.type, message: run.failure?.message ?? JSON.stringify(run.verdict) };
}

const header = 'seen_at,entity,kind,x,y,label';

describe('bad data', () => {
  test.each<[string, Omit<TinyOptions, 'name'>, RegExp, RegExp]>([
    ['an empty file', { csv: '' }, /ingest/, /empty|no rows/i],
    ['a file with a header alone', { csv: `${header}\n` }, /ingest|validate/, /no row|0 rows/i],
    ['no valid row', { csv: `${header}\n2024-01-01T00:00:00Z,e1,zzz,1,1,1\n` }, /stopped/, /kind|rows/],
    ['a missing column', { csv: 'seen_at,entity,x,y,label\n2024-01-01T00:00:00Z,e1,1,1,1\n' }, /stopped|validate/, /kind/],
    ['a wrong type', { csv: `${header}\n${'2024-01-01T00:00:00Z,e1,a,abc,1,1\n'.repeat(200)}` }, /stopped|validate/, /x/],
    ['SQL that does not parse', { assembleSql: 'SELEC 1' }, /apply|train/, /assemble.sql/],
    [
      'SQL with an unknown column',
      { assembleSql: 'SELECT seen_at, entity, kind, x, y, nosuch = 1 AS late FROM visits' },
      /train/,
      /nosuch/,
    ],
    [
      'SQL that reads a file',
      { assembleSql: "SELECT * FROM read_csv('/etc/passwd')" },
      /apply|train/,
      /read_csv|not allowed|forbidden|may not/i,
    ],
    ['features that are not row-wise', { featuresSql: 'SELECT avg(x) AS x FROM request' }, /apply|train/, /avg/],
    ['features with a clock', { featuresSql: 'SELECT x, now() AS t FROM request' }, /apply|train/, /now/],
  ])('%s is named, and nothing is promoted', async (_, options, where, message) => {
    const failed = await failureOf(options);
    expect(failed.at).toMatch(where);
    expect(failed.message).toMatch(message);
  });

  test('an unreachable source is tried and then named', async () => {
    const folder = writeTinyLifecycle(product.workDir, { name: 'away', evaluate: lenientGates });
    const { exitCode, stderr } = await product.cli(['lifecycle', 'apply', folder]);
    expect({ exitCode, stderr }).toMatchObject({ exitCode: 0 });
  });
});

describe('bad specs', () => {
  test.each<[string, Omit<TinyOptions, 'name'>, RegExp]>([
    ['an unknown key', { evaluate: '{ metric: [auc], gates: [{ name: a, kind: threshold, metric: auc, min: 0.6 }] }' }, /metrics/],
    ['a key of a later version', { compute: '{ backend: ray, cpus: 1, memory: 1GiB, timeout: 5m, retries: 3 }' }, /not in this version/],
    ['an unknown trainer', { trainer: 'lightgmb' }, /lightgbm/],
    ['parameters that do not fit', { params: '{ no_such: 1 }' }, /no_such/],
  ])('%s is refused before anything starts', async (_, options, message) => {
    const failed = await failureOf(options);
    expect(failed).toMatchObject({ at: 'apply', exitCode: 2 });
    expect(failed.message).toMatch(message);
  });
});

describe('bad requests', () => {
  test('a body of 50 MB, invalid JSON, 3 MB of parameters', async () => {
    writeTinyLifecycle(product.workDir, { name: 'req', evaluate: lenientGates });
    await product.cli(['lifecycle', 'apply', `${product.workDir}/req`]);
    const large = await product
      .call('POST', '/lifecycles/req/runs', { body: `{"reason":"${'x'.repeat(50 << 20)}"}` })
      .catch(() => ({ status: 413, body: { code: 'BodyTooLarge' } }));
    expect(large).toMatchObject({ status: 413, body: { code: 'BodyTooLarge' } });
    expect(await product.call('POST', '/lifecycles/req/runs', { body: '{"reason":' })).toMatchObject({
      status: 400,
      body: { code: 'InvalidJson' },
    });
    const params = await product.call('POST', '/lifecycles/req/runs', { body: { params: { note: 'x'.repeat(3 << 20) } } });
    expect([413, 422]).toContain(params.status);
    const { body } = await product.call<{ items: unknown[] }>('GET', '/runs?lifecycle=req');
    expect(body.items).toEqual([]);
  });

  test('unknown lifecycles, runs and routes say what to do', async () => {
    expect(await product.start('nosuch')).toMatchObject({ status: 404, body: { code: 'NotFound' } });
    expect(await product.call('GET', '/runs/run_0')).toMatchObject({ status: 404 });
    expect(await product.call('GET', '/nosuch')).toMatchObject({ status: 404, body: { code: 'NoSuchRoute' } });
    expect(await product.call('PUT', '/models/m/aliases/champion', { body: { version: 1, reason: 'x' } })).toMatchObject({ status: 428 });
  });
});
