import { randomUUID } from 'node:crypto';
import type { RunJson } from '../../apps/cli/run/view';
import { expectNothingLeft } from '../support/leftovers';
import type { Product } from '../support/process/product';
import { pause, startLocalProduct } from '../support/process/product';
import { lenientGates, writeTinyLifecycle } from '../support/tiny-lifecycle';

jest.setTimeout(300_000);

let product: Product;
let count = 0;

beforeAll(async () => {
  product = await startLocalProduct();
});
afterEach(() => expectNothingLeft(product));
afterAll(() => product.stop());

async function applied(evaluate?: string): Promise<string> {
  const name = `fault-${++count}`;
  const folder = writeTinyLifecycle(product.workDir, {
    name,
    ...(evaluate === undefined ? {} : { evaluate }),
  });
  await product.apply(folder);
  return name;
}

interface EventJson {
  readonly kind: string;
  readonly stage: string | null;
}

async function fetchEvents(id: string): Promise<EventJson[]> {
  const { body } = await product.call<string>('GET', `/runs/${id}/events`);
  return body
    .split('\n')
    .filter((line) => line.startsWith('data: {"seq"'))
    .map((line) => JSON.parse(line.slice(6)) as EventJson);
}

/** I9: the journal shows each stage begun once and ended once. */
async function expectOnce(run: RunJson): Promise<void> {
  const events = await fetchEvents(run.id);
  for (const stage of ['ingest', 'validate', 'train', 'evaluate', 'promote']) {
    const ofStage = events.filter(
      (event) => event.stage === stage && event.kind.startsWith('stage.'),
    );
    expect(ofStage.map((event) => event.kind)).toEqual(['stage.started', 'stage.succeeded']);
  }
}

async function champion(model: string): Promise<number | null> {
  return (
    await product.call<{ version: number | null }>('GET', `/models/${model}/aliases/champion`)
  ).body.version;
}

describe('kill -9', () => {
  test.each(['ingest', 'validate', 'train', 'evaluate', 'promote'])(
    'of the worker in %s: the run continues and repeats no finished stage',
    async (stage) => {
      const model = await applied();
      const { body } = await product.start(model);
      await product.waitForStage(body.id, stage);
      expect(product.kill('main.ts worker')).toHaveLength(1);
      const run = await product.waitForEnd(body.id);
      expect(run).toMatchObject({ status: 'succeeded', version: 1, failure: null });
      await expectOnce(run);
      expect(await champion(model)).toBe(1);
      const { body: versions } = await product.call<{ items: unknown[] }>(
        'GET',
        `/models/${model}/versions`,
      );
      expect(versions.items).toHaveLength(1);
    },
  );

  test('of the API while runs are started: each accepted run is executed once', async () => {
    const model = await applied(lenientGates);
    const key = randomUUID();
    const triggers = Array.from({ length: 20 }, () =>
      product.start(model, {}, key).catch(() => null),
    );
    await pause(15);
    product.kill('main.ts api');
    await Promise.all(triggers);
    let again = await product.start(model, {}, key).catch(() => null);
    while (again?.status !== 202) {
      await pause(200);
      again = await product.start(model, {}, key).catch(() => null);
    }
    expect((await product.waitForEnd(again.body.id)).status).toBe('succeeded');
    const { body } = await product.call<{ items: RunJson[] }>('GET', `/runs?lifecycle=${model}`);
    expect(body.items).toHaveLength(1);
  });

  test.each([
    ['PostgreSQL', 'bin/postgres'],
    ['the Temporal server', 'temporal server'],
    ['the S3 store', 'bin/weed'],
  ])('of %s in the middle of a run', async (_, process) => {
    const model = await applied();
    const { body } = await product.start(model);
    await product.waitForStage(body.id, 'train');
    expect(product.kill(process).length).toBeGreaterThan(0);
    const run = await product.waitForEnd(body.id, 180);
    expect(run).toMatchObject({ status: 'succeeded', failure: null });
    await expectOnce(run);
    expect(await champion(model)).toBe(1);
  });

  test('of the gateway: another takes over and serves the champion', async () => {
    const model = await applied(lenientGates);
    const { body } = await product.start(model);
    await product.waitForEnd(body.id);
    product.kill('main.ts gateway');
    const deadline = Date.now() + 20_000;
    let status = 0;
    while (status !== 200 && Date.now() < deadline) {
      const answer = await product
        .call('GET', `${product.gatewayUrl}/v2/models/${model}/ready`)
        .catch(() => null);
      status = answer?.status ?? 0;
      await pause(100);
    }
    expect(status).toBe(200);
  });
});

describe('kill -9 of everything', () => {
  test('a new start cleans up and finishes the open run', async () => {
    const first = await startLocalProduct();
    const folder = writeTinyLifecycle(first.workDir, { name: 'survivor' });
    await first.apply(folder);
    const { body } = await first.start('survivor');
    await first.waitForStage(body.id, 'train');
    const everything = [...first.pids(''), first.supervisor.pid ?? -1];
    for (const pid of everything) process.kill(pid, 'SIGKILL');
    await pause(1000);
    const second = await startLocalProduct({
      stateDir: first.stateDir,
      env: { PERENNIAL_INGEST_ROOTS: first.workDir },
    });
    try {
      const run = await second.waitForEnd(body.id, 180);
      expect(run).toMatchObject({ status: 'succeeded', version: 1 });
    } finally {
      await second.stop();
      await first.stop();
    }
  });
});
