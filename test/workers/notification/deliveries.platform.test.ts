import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { join, resolve } from 'node:path';
import pino from 'pino';
import type { NotifySpec } from '../../../domain/notification/notification';
import type { SecretRef } from '../../../domain/access/secret-access';
import type { WebhookDelivery } from '../../../db/webhook/repository';
import { notify } from '../../../db/notification/notification';
import { lifecycleSecrets } from '../../../workers/access/secret-refs';
import { sendDeliveries, type DeliveryDeps } from '../../../workers/notification/deliveries';
import {
  toDigest,
  empty,
  openTestRegistry,
  refTo,
  spec,
  tenant,
  unique,
  type TestRegistry,
} from '../../db/registry-fixture';
import {
  startReceiver,
  verified,
  type WebhookReceiver,
} from '../../support/process/webhook-receiver';

const root = resolve(__dirname, '..', '..', '..');
const secret = `whsec_${randomBytes(24).toString('base64')}`;

describe('delivery of webhooks', () => {
  let test_: TestRegistry;
  let receiver: WebhookReceiver;
  let environment: Record<string, string>;
  let logged: string;
  beforeAll(async () => {
    test_ = await openTestRegistry();
  });
  afterAll(() => test_.close());
  beforeEach(async () => {
    await empty(test_, ['webhook_deliveries']);
    receiver = await startReceiver();
    environment = { SECRET: secret };
    logged = '';
  });
  afterEach(() => receiver.close());

  const running = new AbortController().signal;
  const deliver = (over: Partial<DeliveryDeps> = {}, stopped = running) =>
    sendDeliveries(
      {
        webhooks: test_.registry.webhooks,
        readSecret: lifecycleSecrets(environment, {
          variables: ['SECRET', 'NOT_SET'],
          folder: '/nowhere',
        }),
        allowPrivateAddresses: true,
        mailServer: null,
        pagesUrl: null,
        timeoutMs: 400,
        log: pino({ level: 'debug' }, { write: (line: string) => void (logged += line) }),
        ...over,
      },
      stopped,
    );
  /** One event for a lifecycle with one webhook for each address. */
  const tell = async (
    urls: readonly string[] = [`${receiver.url}/in`],
    from: SecretRef = { env: 'SECRET' },
  ): Promise<string> => {
    const lifecycle = unique('flights');
    const hooks: readonly NotifySpec[] = urls.map((webhook) => ({
      webhook,
      secret: from,
      events: ['run.failed', 'incident.opened'],
    }));
    const stored = { ...spec, name: lifecycle, notify: hooks };
    const revision = {
      lifecycle,
      digest: toDigest(lifecycle),
      spec: stored,
      files: { 'a.sql': refTo('a') },
      contracts: {},
    };
    await test_.registry.lifecycles.apply({ tenant, revision, actor: 'key:test' });
    await tellAgain(lifecycle);
    return lifecycle;
  };
  const tellAgain = (lifecycle: string) =>
    notify(test_.database.sql, {
      tenant,
      lifecycle,
      event: 'run.failed',
      subject: 'run_1',
      data: { runId: 'run_1', why: 'größer' },
    });
  /** In the order of the spec's `notify`. */
  const log = async (lifecycle: string): Promise<readonly WebhookDelivery[]> =>
    [...(await test_.registry.webhooks.list({ tenant, lifecycle, pageSize: 50 })).items].reverse();
  const only = async (lifecycle: string): Promise<WebhookDelivery> => {
    const [delivery, ...others] = await log(lifecycle);
    if (!delivery || others.length > 0) throw new Error('not one delivery');
    return delivery;
  };
  const makeDue = () =>
    test_.database.sql`update webhook_deliveries set due_at = now() where status = 'pending'`;
  /**
   * Delivers and returns the bounds in seconds until the next attempt, because the attempt was made
   * between two readings of the clock.
   */
  const dueAfter = async (
    lifecycle: string,
  ): Promise<{ readonly least: number; readonly most: number }> => {
    const before = Date.now();
    await deliver();
    const after = Date.now();
    const dueAt = Date.parse((await only(lifecycle)).dueAt);
    return { least: (dueAt - after) / 1000, most: (dueAt - before) / 1000 };
  };

  test('sends the link of an incident in its CloudEvent', async () => {
    const lifecycle = await tell();
    await empty(test_, ['webhook_deliveries']);
    const incident = { id: 'inc_1', model: lifecycle, kind: 'approval', key: 'approval-run_1' };
    await notify(test_.database.sql, {
      tenant,
      lifecycle,
      event: 'incident.opened',
      subject: 'inc_1',
      data: { incident },
    });
    await deliver({ pagesUrl: 'https://pages.example' });
    expect(JSON.parse(receiver.calls[0]?.body ?? '')).toMatchObject({
      data: { incident: { ...incident, link: 'https://pages.example/runs/run_1' } },
    });
  });

  test('sends a signed CloudEvent that the library of the standard verifies', async () => {
    const lifecycle = await tell();
    expect(await deliver()).toBe(1);
    const [call] = receiver.calls;
    if (!call) throw new Error('not called');
    const { id, createdAt } = await only(lifecycle);
    expect(verified(call, secret)).toEqual({
      specversion: '1.0',
      id,
      source: `/tenants/default/lifecycles/${lifecycle}`,
      type: 'dev.perennial.run.failed',
      subject: 'run_1',
      time: new Date(createdAt).toISOString(),
      datacontenttype: 'application/json',
      data: { lifecycle, runId: 'run_1', why: 'größer' },
    });
    expect(call.headers).toMatchObject({
      'webhook-id': id,
      'content-type': 'application/cloudevents+json; charset=utf-8',
    });
    expect(await only(lifecycle)).toMatchObject({
      status: 'delivered',
      attempts: [{ status: 204, error: null }],
    });
    expect(() => verified({ ...call, body: call.body.replace('run_1', 'run_2') }, secret)).toThrow(
      'No matching signature',
    );
    expect(await deliver()).toBe(0);
  });

  test('uses a secret without the prefix whsec_ as the key', async () => {
    environment['SECRET'] = 'a plain pass phrase';
    await tell();
    await deliver();
    const [call] = receiver.calls;
    if (!call) throw new Error('not called');
    expect(verified(call, 'a plain pass phrase')).toMatchObject({
      type: 'dev.perennial.run.failed',
    });
  });

  test.each([
    [500, 'the receiver responded with status 500'],
    [404, 'the receiver responded with status 404'],
    [302, 'the receiver responded with status 302; redirects are not followed'],
  ])('retries after status %i with the same id and a new signature', async (status, error) => {
    receiver.answer(
      (response) =>
        void response.writeHead(status, { location: `${receiver.url}/elsewhere` }).end(),
    );
    const lifecycle = await tell();
    const due = await dueAfter(lifecycle);
    const waiting = await only(lifecycle);
    expect(waiting).toMatchObject({
      status: 'pending',
      attempts: [{ status, error }],
      endedAt: null,
    });
    expect(due.most).toBeGreaterThan(3);
    expect(due.least).toBeLessThanOrEqual(5.5);
    expect(await deliver()).toBe(0);

    receiver.answer((response) => void response.writeHead(200).end('taken'));
    await makeDue();
    await deliver();
    expect(await only(lifecycle)).toMatchObject({
      status: 'delivered',
      attempts: [{ status }, { status: 200, error: null }],
    });
    expect(receiver.calls.map(({ path }) => path)).toEqual(['/in', '/in']);
    expect(new Set(receiver.calls.map(({ headers }) => headers['webhook-id']))).toEqual(
      new Set([waiting.id]),
    );
    for (const call of receiver.calls) verified(call, secret);
  });

  test('fails after the tenth attempt, and starts again on request', async () => {
    receiver.answer((response) => void response.writeHead(503).end());
    const lifecycle = await tell();
    for (let n = 0; n < 12; n++) {
      await makeDue();
      await deliver();
    }
    const ended = await only(lifecycle);
    expect(ended).toMatchObject({ status: 'failed' });
    expect(ended.attempts).toHaveLength(10);
    await test_.registry.webhooks.redeliver({
      tenant,
      id: ended.id,
      target: null,
      actor: 'key:ann',
    });
    await deliver();
    const again = await only(lifecycle);
    expect(again.status).toBe('pending');
    expect(again.attempts).toHaveLength(11);
    expect(new Set(receiver.calls.map(({ headers }) => headers['webhook-id'])).size).toBe(1);
  });

  test.each([
    ['seconds', () => '120'],
    ['a date', () => new Date(Date.now() + 120_000).toUTCString()],
  ])('waits as long as the receiver requests, with Retry-After as %s', async (_, retryAfter) => {
    receiver.answer(
      (response) => void response.writeHead(429, { 'retry-after': retryAfter() }).end(),
    );
    const lifecycle = await tell();
    const due = await dueAfter(lifecycle);
    expect(due.most).toBeGreaterThan(115);
    expect(due.least).toBeLessThan(122);
  });

  test.each(['86400000', 'soon', '-5', ''])(
    'waits at most a day and at least its own delay if Retry-After is %j',
    async (value) => {
      receiver.answer((response) => void response.writeHead(429, { 'retry-after': value }).end());
      const lifecycle = await tell();
      const due = await dueAfter(lifecycle);
      expect(due.most).toBeGreaterThan(3);
      expect(due.least).toBeLessThanOrEqual(86_400);
    },
  );

  test('ends all pending deliveries of a webhook after status 410', async () => {
    receiver.answer((response) => void response.writeHead(410).end());
    const lifecycle = await tell();
    await tellAgain(lifecycle);
    await deliver({
      webhooks: {
        ...test_.registry.webhooks,
        claim: (input) => test_.registry.webhooks.claim({ ...input, limit: 1 }),
      },
    });
    await tellAgain(lifecycle);
    await makeDue();
    expect(await deliver()).toBe(0);
    expect((await log(lifecycle)).map(({ status }) => status)).toEqual([
      'gone',
      'failed',
      'failed',
    ]);
    expect(receiver.calls).toHaveLength(1);
  });

  test('retries after a timeout, a broken response or a refused connection', async () => {
    receiver.answer((response, { path }) => {
      if (path === '/silent') return;
      response.flushHeaders();
      response.destroy();
    });
    const dead = await unused();
    const lifecycle = await tell([`${receiver.url}/silent`, `${receiver.url}/breaks`, dead]);
    await deliver();
    const rows = await log(lifecycle);
    expect(rows.map(({ status }) => status)).not.toContain('failed');
    expect(rows[0]).toMatchObject({
      status: 'pending',
      attempts: [{ status: null, error: 'no response within 0.4 s' }],
    });
    expect(rows[2]).toMatchObject({
      status: 'pending',
      attempts: [{ status: null, error: expect.stringContaining('ECONNREFUSED') as string }],
    });
  });

  test('reads only the status, so that an endless body does no harm', async () => {
    let sent = 0;
    const ended = new Promise<void>((end) => {
      receiver.answer((response) => {
        response.writeHead(200);
        const chunk = Buffer.alloc(65_536);
        const more = (): void => {
          while (!response.destroyed && response.write(chunk)) sent += chunk.length;
        };
        response.on('drain', more).on('close', end);
        more();
      });
    });
    const lifecycle = await tell();
    await deliver();
    await ended;
    expect(await only(lifecycle)).toMatchObject({
      status: 'delivered',
      attempts: [{ status: 200 }],
    });
    // The buffers of both sockets hold this much.
    expect(sent).toBeLessThan(32 * 1024 * 1024);
  });

  test('delivers to others while one receiver hangs, and drops that request on stop', async () => {
    receiver.answer((response, { path }) => {
      if (path === '/in') response.writeHead(204).end();
    });
    const lifecycle = await tell([`${receiver.url}/hangs`, `${receiver.url}/in`]);
    const stop = new AbortController();
    const round = deliver({ timeoutMs: 30_000 }, stop.signal);
    for (const deadline = Date.now() + 60_000; (await log(lifecycle))[1]?.status !== 'delivered';) {
      if (Date.now() > deadline) throw new Error('the other delivery is still pending');
      await new Promise((done) => setTimeout(done, 20));
    }
    stop.abort();
    await round;
    expect((await log(lifecycle))[0]).toMatchObject({
      status: 'pending',
      attempts: [{ status: null, error: 'the worker was stopped before a response arrived' }],
    });
  });

  test('calls private addresses and http:// only if the settings allow it', async () => {
    let connections = 0;
    const server = createServer((socket) => {
      connections += 1;
      socket.destroy();
    });
    await once(server.listen(0, '127.0.0.1'), 'listening');
    const { port } = server.address() as AddressInfo;
    const hosts = [
      '127.0.0.1',
      'localhost',
      '[::1]',
      '[::ffff:127.0.0.1]',
      '2130706433',
      '10.0.0.1',
      '169.254.169.254',
    ];
    const lifecycle = await tell([
      ...hosts.map((host) => `https://${host}:${port}/`),
      `http://127.0.0.1:${port}/`,
    ]);
    await deliver({ allowPrivateAddresses: false, timeoutMs: 10_000 });
    const errors = (await log(lifecycle)).map(({ attempts }) => attempts[0]?.error ?? '');
    const hint = 'PERENNIAL_NOTIFY_PRIVATE_ADDRESSES=true';
    for (const error of errors) expect(error).toContain(hint);
    for (const error of errors.slice(0, -1)) expect(error).toContain('is not a public address');
    expect(errors.at(-1)).toContain('only https:// addresses are allowed');
    expect(connections).toBe(0);
    await makeDue();
    await deliver({ timeoutMs: 1_000 });
    expect(connections).toBeGreaterThan(0);
    server.close();
  });

  test.each<[string, SecretRef, string]>([
    [
      'a variable that is not set',
      { env: 'NOT_SET' },
      'the environment variable NOT_SET is not set in this process; ' +
        'set NOT_SET and restart the process',
    ],
    [
      'a variable that lifecycles may not read',
      { env: 'AWS_SECRET_ACCESS_KEY' },
      'lifecycles may not read the variable AWS_SECRET_ACCESS_KEY',
    ],
    [
      'a missing file',
      { file: '/nowhere/secret' },
      "the secret's file /nowhere/secret cannot be read",
    ],
  ])(
    'does not call the receiver while the secret is %s, and delivers once it exists',
    async (_, missing, words) => {
      const lifecycle = await tell(undefined, missing);
      await deliver();
      const waiting = await only(lifecycle);
      expect(waiting.status).toBe('pending');
      expect(waiting.attempts[0]?.error).toContain(words);
      expect(receiver.calls).toEqual([]);
      await makeDue();
      await deliver({ readSecret: () => Promise.resolve(secret) });
      expect(await only(lifecycle)).toMatchObject({ status: 'delivered' });
    },
  );

  test('writes no secret to logs or tables, whether it is valid or not', async () => {
    const broken = 'whsec_notbase64§';
    await tell();
    await deliver();
    environment['SECRET'] = broken;
    const lifecycle = await tell([`${receiver.url}/path-as-secret`]);
    await deliver();
    expect((await only(lifecycle)).attempts[0]?.error).toBe(
      'the secret begins with whsec_ but the rest is not base64',
    );
    const rows = await test_.database.sql<
      { row: string }[]
    >`select d::text as row from webhook_deliveries d`;
    for (const text of [
      logged,
      JSON.stringify(rows),
      receiver.calls.map((call) => JSON.stringify(call)).join(),
    ]) {
      expect(text).not.toBe('');
      for (const each of [secret, secret.slice('whsec_'.length), broken])
        expect(text).not.toContain(each);
    }
    expect(logged).not.toContain('path-as-secret');
    expect(logged).toContain('notification not delivered');
  });

  test('sends again with the same id after a crash between request and record', async () => {
    const lifecycle = await tell();
    const sender = spawn(
      process.execPath,
      ['-r', 'tsx/cjs', join(root, 'test', 'support', 'process', 'webhook-sender.ts'), test_.url],
      {
        cwd: root,
        env: { ...process.env, SECRET: secret },
        stdio: 'ignore',
      },
    );
    receiver.answer(() => void sender.kill('SIGKILL'));
    const [, signal] = (await once(sender, 'exit')) as [number | null, string | null];
    expect(signal).toBe('SIGKILL');
    expect(await only(lifecycle)).toMatchObject({ status: 'pending', tries: 1, attempts: [] });
    expect(await deliver()).toBe(0);

    receiver.answer((response) => void response.writeHead(204).end());
    await makeDue();
    expect(await deliver()).toBe(1);
    expect(await only(lifecycle)).toMatchObject({
      status: 'delivered',
      tries: 2,
      attempts: [{ status: 204 }],
    });
    expect(receiver.calls).toHaveLength(2);
    expect(receiver.calls[0]?.headers['webhook-id']).toBe(receiver.calls[1]?.headers['webhook-id']);
    expect(receiver.calls[0]?.body).toBe(receiver.calls[1]?.body);
  });
});

/** An address with a closed port. */
async function unused(): Promise<string> {
  const server = createServer();
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const { port } = server.address() as AddressInfo;
  await new Promise((closed) => server.close(closed));
  return `http://127.0.0.1:${port}/`;
}
