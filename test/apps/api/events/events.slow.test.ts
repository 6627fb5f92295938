import { connect, type Socket } from 'node:net';
import { runEvents } from '../../../../apps/client/run-events';
import type { RunId } from '../../../../domain/ids';
import { tenant } from '../../../db/registry-fixture';
import type { ApiWorld } from '../support/api-world';
import { openApiWorld } from '../support/api-world';
import { until as untilWith } from '../../../support/time/until';
import { measureFastest, timed } from '../../../support/time/fastest-of';

let world: ApiWorld;
const serverSockets = new Set<Socket>();
beforeAll(async () => {
  world = await openApiWorld();
  world.api.server.on('connection', (socket: Socket) => {
    serverSockets.add(socket);
    socket.once('close', () => serverSockets.delete(socket));
  });
  await world.apply('flight-delay');
});
afterAll(() => world.close());

const target = () => ({ apiUrl: world.url, apiKey: world.keys.viewer });
const append = (runId: RunId, n: number, text = '') =>
  world.registry.events.append({
    tenant,
    runId,
    kind: 'train.metrics',
    stage: 'train',
    data: { n, text },
  });
const finish = (id: RunId) => world.registry.runs.update({ tenant, id, status: 'succeeded' });

async function seqs(runId: RunId): Promise<number[]> {
  const seen: number[] = [];
  for await (const event of runEvents(target(), runId)) seen.push(event.seq);
  return seen;
}

const upTo = (n: number): number[] => Array.from({ length: n }, (_, i) => i + 1);

interface Stream {
  text(): string;
  until(pattern: RegExp, milliseconds?: number): Promise<string>;
  readonly socket: Socket;
}

/** The raw bytes of the stream as they arrive. */
async function open(runId: RunId, headers: Readonly<Record<string, string>> = {}): Promise<Stream> {
  const socket = connect(Number(new URL(world.url).port), '127.0.0.1');
  let text = '';
  socket.on('data', (chunk) => (text += chunk.toString()));
  const lines = Object.entries({
    host: 'a',
    authorization: `Bearer ${world.keys.viewer}`,
    ...headers,
  }).map(([name, value]) => `${name}: ${value}`);
  socket.write(`GET /api/v1/runs/${runId}/events HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n`);
  const until: Stream['until'] = async (pattern, milliseconds = 60_000) => {
    await untilWith(() => pattern.test(text), {
      seconds: milliseconds / 1000,
      everyMs: 5,
      detail: () => `${String(pattern)} in ${text.slice(-500)}`,
    });
    return text;
  };
  await until(/^HTTP\/1\.1 \d+/);
  return { text: () => text, until, socket };
}

describe('the events of a run', () => {
  test('arrive in order and end with `end` after the run has ended', async () => {
    const { id } = await world.accept('flight-delay');
    await append(id, 1);
    const stream = await open(id);
    await stream.until(/id: 2\n/);
    expect(stream.text()).toMatch(/content-type: text\/event-stream/i);
    expect(stream.text()).toMatch(
      /id: 1\nevent: run.accepted\ndata: \{"seq":1,"kind":"run.accepted","stage":null,"data":\{.*\},"at":"[^"]+"\}\n\n/,
    );
    await finish(id);
    expect(await stream.until(/event: end\n/)).toMatch(
      /id: 3\nevent: run.status\n[^]*event: end\ndata: \{"status":"succeeded"\}\n\n/,
    );
  });

  test('of an ended run arrive at once', async () => {
    const { id } = await world.accept('flight-delay');
    for (let n = 0; n < 1200; n += 1) await append(id, n);
    await finish(id);
    expect(await seqs(id)).toEqual(upTo(1202));
  });

  test('have the output of jobs only while the run is open', async () => {
    const { id } = await world.accept('flight-delay');
    const output = (text: string) =>
      world.registry.events.append({
        tenant,
        runId: id,
        kind: 'job.output',
        stage: 'train',
        data: { job: `${id}/train/model`, text, begins: true },
      });
    await output('epoch 1\n');
    const stream = await open(id);
    await stream.until(/event: job.output\n.*epoch 1/);
    // A whole page of output at the end of the run is passed over as well.
    for (let n = 0; n < 1_100; n += 1) await output(`epoch ${n}\n`);
    await append(id, 1);
    await finish(id);
    const ended = await (await open(id)).until(/event: end\n/);
    expect(ended).not.toContain('job.output');
    expect([...ended.matchAll(/^event: (.+)$/gm)].map(([, kind]) => kind)).toEqual([
      'run.accepted',
      'train.metrics',
      'run.status',
      'end',
    ]);
  });

  test('arrive within moments, also those written while others are read', async () => {
    const { value, milliseconds } = await measureFastest(3, 10_000, async () => {
      const { id } = await world.accept('flight-delay');
      const watching = seqs(id);
      for (let n = 0; n < 300; n += 1) await append(id, n);
      await finish(id);
      return timed(() => watching);
    });
    expect(value).toEqual(upTo(302));
    // A lost wake-up would cost the 15 s of a keep-alive. The time for writing is not measured.
    expect(milliseconds).toBeLessThan(10_000);
  });

  test('continue after Last-Event-ID without gap or repetition', async () => {
    const { id } = await world.accept('flight-delay');
    for (let n = 0; n < 20; n += 1) await append(id, n);
    const stream = await open(id, { 'last-event-id': '7' });
    await stream.until(/id: 21\n/);
    expect([...stream.text().matchAll(/^id: (\d+)$/gm)].map(([, seq]) => Number(seq))).toEqual(
      upTo(21).slice(7),
    );
    for (const odd of ['-1', 'x', '1e99'])
      expect(await (await open(id, { 'last-event-id': odd })).until(/id: 21\n/)).toContain(
        'id: 1\n',
      );
    await finish(id);
  });

  test('survive connections that break at any moment', async () => {
    const { id } = await world.accept('flight-delay');
    const breakUp = setInterval(() => {
      for (const socket of serverSockets) socket.destroy();
    }, 40);
    const watching = seqs(id);
    for (let n = 0; n < 100; n += 1) {
      await append(id, n);
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    clearInterval(breakUp);
    await finish(id);
    expect(await watching).toEqual(upTo(102));
  });

  test('wait for a slow reader instead of filling the server’s memory', async () => {
    const { id } = await world.accept('flight-delay');
    const text = 'x'.repeat(50_000);
    for (let n = 0; n < 400; n += 1) await append(id, n, text);
    await finish(id);
    const stream = await open(id);
    stream.socket.pause();
    await new Promise((resolve) => setTimeout(resolve, 500));
    const held = [...serverSockets].map((socket) => socket.writableLength);
    expect(Math.max(...held)).toBeLessThan(1 << 20);
    stream.socket.resume();
    await stream.until(/event: end\n/);
    expect([...stream.text().matchAll(/^id: (\d+)$/gm)]).toHaveLength(402);
  });

  test('reach many readers at once, each complete', async () => {
    const { id } = await world.accept('flight-delay');
    const readers = Array.from({ length: 100 }, () => seqs(id));
    for (let n = 0; n < 50; n += 1) await append(id, n);
    await finish(id);
    for (const seen of await Promise.all(readers)) expect(seen).toEqual(upTo(52));
    const { body } = await world.call<string>('GET', '/metrics', { as: null });
    expect(body).toContain('perennial_api_event_streams 0');
  });

  test('get an ordinary error response if they are not available', async () => {
    expect(await world.call('GET', '/runs/run_0/events', { as: 'viewer' })).toMatchObject({
      status: 404,
      body: { code: 'NotFound' },
    });
    // A HEAD request has no stream.
    expect((await world.call('HEAD', '/runs/run_0/events')).status).toBe(405);
  });
});

test('a closing server ends its streams at once, and a client continues on the next server', async () => {
  const other = await openApiWorld();
  await other.apply('flight-delay');
  const { id } = await other.accept('flight-delay');
  const reader = runEvents({ apiUrl: other.url, apiKey: other.keys.viewer }, id, {
    patienceSeconds: 1,
  });
  expect((await reader.next()).value).toMatchObject({ seq: 1, kind: 'run.accepted' });
  const pending = reader.next();
  pending.catch(() => undefined);
  // Not with the next keep-alive, which would be 15 s later.
  expect((await timed(() => other.close())).milliseconds).toBeLessThan(3_000);
  await expect(pending).rejects.toThrow();
});

test.each([
  ['revoked', (id: string) => world.registry.apiKeys.revoke({ tenant, id, actor: 'test' })],
  [
    'expired',
    (id: string) => world.database.sql`update api_keys set expires_at = now() where id = ${id}`,
  ],
])(
  'a stream ends within seconds if its key is %s, and the stream of another key continues',
  async (how, end) => {
    const run = await world.accept('flight-delay');
    const other = await open(run.id);
    let tries = 0;
    const { milliseconds } = await measureFastest(3, 8_000, async () => {
      const name = `eyes ${how} ${(tries += 1)}`;
      const made = await world.registry.apiKeys.create({
        tenant,
        name,
        scope: 'viewer',
        actor: 'test',
      });
      const ending = await open(run.id, { authorization: `Bearer ${made.key}` });
      await ending.until(/run\.accepted/);
      await end(made.id);
      // The last chunk of the response.
      const ended = await timed(() => ending.until(/\r\n0\r\n\r\n$/));
      expect(ending.text()).not.toContain('event: end');
      ending.socket.destroy();
      return ended;
    });
    expect(milliseconds).toBeLessThan(8_000);
    await append(run.id, 1);
    await other.until(/train\.metrics/);
    other.socket.destroy();
  },
);
