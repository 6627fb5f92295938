import { execFileSync } from 'node:child_process';
import { appendFileSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { defaultTenant as tenant, type PredictionId } from '../../../domain/ids';
import { openDatabase } from '../../../db/connection';
import { openDeathWatch } from '../../../infra/death-watch';
import { findPostgres } from '../../../infra/embedded/binaries';
import { startPostgres, type EmbeddedPostgres } from '../../../infra/embedded/postgres';
import { freePort } from '../../../infra/ports';
import type { GatewayProcess } from '../../support/process/gateway-process';
import { testBucket } from '../../support/platform';
import { distanceModel, distanceRequest } from '../../support/serving/served-models';
import { openServingWorld, type ServingWorld } from '../../support/serving/serving-world';
import { until } from '../../support/time/until';
import { measureFastest, timed } from '../../support/time/fastest-of';

const root = resolve(__dirname, '..', '..', '..');
const watch = openDeathWatch();
let folder: string;
let postgres: EmbeddedPostgres;
let restartPostgres: () => Promise<EmbeddedPostgres>;
let world: ServingWorld;
let gateway: GatewayProcess;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'perennial-outage-'));
  const options = {
    home: findPostgres({ environment: process.env, cacheDir: join(root, '.perennial', 'bin') }),
    stateDir: join(folder, 'postgres'),
    logFile: join(folder, 'postgres.log'),
    port: await freePort(),
    user: 'perennial',
    password: 'test',
    database: 'perennial',
    durability: 'on',
    guard: watch,
  } as const;
  restartPostgres = () => startPostgres(options);
  postgres = await restartPostgres();
  world = await openServingWorld(postgres.url('perennial'), testBucket());
  await world.promote(await world.register(distanceModel(1)));
  gateway = await world.startGateway(folder);
});

afterAll(async () => {
  await gateway.stop();
  await world.close();
  await postgres.stop();
  await watch.close();
  rmSync(folder, { recursive: true, force: true });
});

async function kill(server: EmbeddedPostgres): Promise<void> {
  process.kill(server.pid, 'SIGKILL');
  await server.exited;
}

async function infer(): Promise<{
  readonly status: number;
  readonly version: string | null;
  readonly stale: string | null;
  readonly id: PredictionId;
}> {
  const answer = await fetch(`${gateway.url}/v2/models/flight-delay/infer`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${world.keys.viewer}` },
    body: JSON.stringify(distanceRequest([{ carrier: 'AA', distance: 0 }])),
  });
  await answer.arrayBuffer();
  const id = answer.headers.get('x-perennial-prediction-id') as PredictionId;
  return {
    status: answer.status,
    version: answer.headers.get('x-perennial-model-version'),
    stale: answer.headers.get('x-perennial-stale'),
    id,
  };
}

async function inferFor(seconds: number): Promise<Awaited<ReturnType<typeof infer>>[]> {
  const answers = [];
  for (const end = Date.now() + seconds * 1000; Date.now() < end;) {
    answers.push(await infer());
    await new Promise((pause) => setTimeout(pause, 20));
  }
  return answers;
}

async function readiness(): Promise<{
  readonly status: string;
  readonly spilledBytes: number;
  readonly spillFails: boolean;
  readonly leaseSeconds: number;
}> {
  return (await (await fetch(`${gateway.url}/readyz`)).json()) as Awaited<
    ReturnType<typeof readiness>
  >;
}

async function metric(name: string): Promise<number | null> {
  const headers = { authorization: `Bearer ${world.keys.viewer}` };
  const text = await (await fetch(`${gateway.url}/metrics`, { headers })).text();
  const line = text.split('\n').find((each) => each.startsWith(`perennial_gateway_${name} `));
  return line === undefined ? null : Number(line.split(' ').at(-1));
}

const inTime = (condition: () => Promise<boolean>, seconds = 20) =>
  until(() => condition().catch(() => false), {
    seconds,
    everyMs: 50,
    detail: () => gateway.log(),
  });

async function stored(ids: readonly PredictionId[]): Promise<number> {
  let count = 0;
  for (const id of ids)
    if ((await world.registry.predictions.get({ tenant, id })) !== null) count += 1;
  return count;
}

test('without PostgreSQL the champion serves alone after the lease, and all predictions arrive later', async () => {
  const { id } = await world.openRollout(await world.register(distanceModel(2)));
  await world.registry.rollouts.setStep({
    tenant,
    id,
    step: 1,
    weight: 1,
    actor: 'test',
    cause: 'test',
  });
  await inTime(async () => (await infer()).version === 'flight-delay@2');
  const before = await inferFor(0.5);
  await kill(postgres);
  // Longer than the cache of keys, and longer than the lease.
  const during = await inferFor(13);
  expect(during.filter(({ status }) => status !== 200)).toEqual([]);
  expect(during[0]).toMatchObject({ version: 'flight-delay@2', stale: null });
  const alone = during.filter(({ stale }) => stale !== null);
  expect(new Set(alone.map(({ version, stale }) => `${version} ${stale}`))).toEqual(
    new Set(['flight-delay@1 lease']),
  );
  expect(during.slice(-alone.length)).toEqual(alone);
  const { status, spilledBytes, leaseSeconds } = await readiness();
  expect({ status, leaseSeconds }).toEqual({ status: 'ready', leaseSeconds: 0 });
  expect(spilledBytes).toBeGreaterThan(0);

  postgres = await restartPostgres();
  await inTime(
    async () => (await readiness()).spilledBytes === 0 && (await infer()).stale === null,
  );
  const after = await inferFor(0.3);
  const ids = [...before, ...during, ...after].map(({ id }) => id);
  await inTime(async () => (await stored(ids)) === ids.length);

  // Notifications work again, too.
  expect((await infer()).version).toBe('flight-delay@2');
  const { milliseconds } = await measureFastest(3, 1_000, async () => {
    const next = await world.register(distanceModel(3));
    await world.promote(next);
    return timed(() =>
      inTime(async () => (await infer()).version === `flight-delay@${next.version}`),
    );
  });
  expect(milliseconds).toBeLessThan(1_000);
});

test('a killed gateway loses no predictions on disk: the next one stores them', async () => {
  await kill(postgres);
  const answers = await inferFor(1);
  await inTime(async () => (await readiness()).spilledBytes > 0);
  await gateway.kill('SIGKILL');
  postgres = await restartPostgres();
  gateway = await world.startGateway(folder);
  const ids = answers.map(({ id }) => id);
  await inTime(async () => (await stored(ids)) === ids.length, 45);
});

test('a gateway says with its heartbeat that predictions wait on its disk', async () => {
  const database = openDatabase({ url: postgres.url('perennial') });
  const holding = async () => {
    const rows = await database.sql<{ holdsPredictions: boolean }[]>`
      select holds_predictions from gateways where lease_until > now()`;
    return rows.some(({ holdsPredictions }) => holdsPredictions);
  };
  let id: PredictionId | undefined;
  try {
    await database.sql.begin(async (tx) => {
      // Heartbeats pass, and no prediction is stored.
      await tx`lock table predictions in share mode`;
      ({ id } = await infer());
      await inTime(holding);
    });
    await inTime(async () => !(await holding()));
    expect(await stored(id === undefined ? [] : [id])).toBe(1);
  } finally {
    await database.close();
  }
});

async function sendFeedback(
  labels: readonly { readonly predictionId: PredictionId; readonly label: unknown }[],
): Promise<{ readonly status: number; readonly counts: unknown }> {
  const answer = await fetch(`${gateway.url}/v1/feedback`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${world.keys.operator}` },
    body: JSON.stringify(labels),
  });
  return { status: answer.status, counts: await answer.json() };
}

const readLabel = async (id: PredictionId): Promise<unknown> =>
  (await world.registry.predictions.get({ tenant, id }))?.label;

test('feedback without PostgreSQL is kept by a gateway that is killed; a label that does not fit is reported', async () => {
  // The gateway must know the key.
  const { id: known } = await infer();
  expect((await sendFeedback([{ predictionId: known, label: 1 }])).status).toBe(200);
  await kill(postgres);
  const ids = (await inferFor(1)).map(({ id }) => id);
  const [wrong, ...right] = ids;
  if (wrong === undefined) throw new Error('no request was answered');
  for (const [number, predictionId] of right.entries())
    expect(await sendFeedback([{ predictionId, label: number }])).toEqual({
      status: 202,
      counts: {
        accepted: 1,
        joined: 0,
        waiting: 0,
        stored: 1,
        unknown: 0,
        contradictory: 0,
      },
    });
  // Both models are regressions.
  expect((await sendFeedback([{ predictionId: wrong, label: true }])).status).toBe(202);
  await gateway.kill('SIGKILL');
  postgres = await restartPostgres();
  gateway = await world.startGateway(folder);
  const last = right.at(-1) ?? wrong;
  await inTime(async () => (await readLabel(last)) === right.length - 1, 60);
  for (const [number, id] of right.entries()) expect(await readLabel(id)).toBe(number);
  await inTime(async () => (await metric('feedback_bytes')) === 0);
  expect(await readLabel(wrong)).toBeNull();
  expect(await metric('feedback_labels_total{outcome="refused"}')).toBe(1);
  expect(await metric('feedback_replayed_total')).toBe(ids.length);
  expect(gateway.log()).toContain(
    `${wrong} is a prediction of flight-delay@3: the label of a regression must be a number`,
  );
});

/** Sends requests whose bodies never end, and resolves once they are in progress. */
async function holdRequests(requests: number): Promise<() => void> {
  const { hostname, port } = new URL(gateway.url);
  const sockets = Array.from({ length: requests }, () => connect(Number(port), hostname));
  for (const socket of sockets) {
    socket.on('error', () => undefined);
    socket.write(
      'POST /v2/models/flight-delay/infer HTTP/1.1\r\n' +
        `host: gateway\r\nauthorization: Bearer ${world.keys.viewer}\r\n` +
        'content-type: application/json\r\ncontent-length: 1000\r\n\r\n{',
    );
  }
  await inTime(async () => (await metric('requests_in_progress')) === requests);
  return () => {
    for (const socket of sockets) socket.destroy();
  };
}

test('a gateway that is killed under load loses no answered prediction, and counts the requests in progress', async () => {
  const held = 5;
  const release = await holdRequests(held);
  const answered: PredictionId[] = [];
  let going = true;
  const connections = 4;
  const asking = Array.from({ length: connections }, async () => {
    while (going) {
      const answer = await infer().catch(() => null);
      if (answer?.status === 200) answered.push(answer.id);
      else going = false;
    }
  });
  await inTime(() => Promise.resolve(answered.length > 200));
  await gateway.kill('SIGKILL');
  await Promise.all(asking);
  release();
  gateway = await world.startGateway(folder);
  await inTime(async () => (await stored(answered)) === answered.length, 60);
  const interrupted = () =>
    metric('requests_interrupted_total{tenant="default",model="flight-delay"}');
  await inTime(async () => (await interrupted()) !== null, 60);
  expect(await interrupted()).toBeGreaterThanOrEqual(held);
  expect(await interrupted()).toBeLessThanOrEqual(held + connections);
  expect(gateway.log()).toContain('requests were in progress in a gateway that was killed');
});

/** What the workers find when they look. */
async function diskIncident() {
  const { incidents } = world.registry;
  await incidents.followDiskFailures({ startSeconds: 0 });
  return incidents.open({ tenant, model: null, key: 'gateway-disk' });
}

/** A file system of its own needs root. */
const canMount = process.platform === 'linux' && process.getuid?.() === 0;

(canMount ? test : test.skip)(
  'without PostgreSQL and with a full disk the gateway answers, reports it, and loses nothing once there is space',
  async () => {
    await gateway.stop();
    const small = join(folder, 'small');
    mkdirSync(small);
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', small]);
    try {
      gateway = await world.startGateway(small);
      const filler = join(small, 'filler');
      expect(() => {
        for (;;) appendFileSync(filler, Buffer.alloc(4096));
      }).toThrow(/ENOSPC/);
      // It loads the model and checks the key, which it can do only with PostgreSQL.
      await inTime(async () => (await inferFor(1)).every(({ status }) => status === 200));
      // Predictions are stored, but a kill would lose those that are not stored yet.
      await inTime(async () => (await diskIncident()) !== null);
      expect(await diskIncident()).toMatchObject({
        severity: 'warning',
        title: 'A gateway cannot write predictions to disk',
        story: {
          what: `The gateway ${gateway.url} cannot write to ${join(small, 'gateway', 'state', 'spool', 'predictions')}: ENOSPC: no space left on device, write.`,
          howLarge: expect.stringMatching(/^predictions lost: 0; /) as string,
        },
      });
      await kill(postgres);
      const answers = await inferFor(6);
      expect(answers.filter(({ status }) => status !== 200)).toEqual([]);
      await inTime(async () => (await readiness()).spillFails);
      const metrics = await (await fetch(`${gateway.url}/metrics`)).text();
      expect(metrics).toContain('\nperennial_gateway_spill_failing 1\n');

      rmSync(filler);
      await inTime(async () => !(await readiness()).spillFails);
      postgres = await restartPostgres();
      const ids = answers.map(({ id }) => id);
      await inTime(async () => (await stored(ids)) === ids.length, 45);
      await inTime(async () =>
        String((await diskIncident())?.story.what).includes('could not write for a time'),
      );
      await gateway.stop();
    } finally {
      execFileSync('umount', ['--lazy', small]);
    }
    gateway = await world.startGateway(folder);
  },
);
