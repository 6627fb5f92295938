import { connect } from 'node:net';
import { Readable } from 'node:stream';
import { request } from 'undici';
import type { ApiWorld, CallOptions } from './support/api-world';
import { lifecycleBody, openApiWorld } from './support/api-world';

let world: ApiWorld;
beforeAll(async () => {
  world = await openApiWorld();
  await world.apply('flight-delay');
});
afterAll(() => world.close());

const runs = '/lifecycles/flight-delay/runs';
const runCount = async (): Promise<number> =>
  (await world.call<{ items: unknown[] }>('GET', '/runs')).body.items.length;

interface Problem {
  readonly status: number;
  readonly code: string;
  readonly detail: string;
  readonly errors?: readonly {
    readonly pointer: string;
    readonly detail: string;
    readonly didYouMean?: string;
  }[];
  readonly next?: string;
  readonly traceId: string;
}

describe('an error response', () => {
  test('is a problem of RFC 9457 with code, places, next step and trace', async () => {
    const headers = { traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01' };
    const answer = await world.call<Problem>('POST', runs, {
      headers,
      body: { reson: 'a typo', until: 'yesterday' },
    });
    expect(answer.headers.get('content-type')).toMatch(/^application\/problem\+json/);
    expect(answer.headers.get('traceparent')).toMatch(
      /^00-0af7651916cd43dd8448eb211c80319c-[0-9a-f]{16}-01$/,
    );
    expect(answer.body).toEqual({
      type: 'https://perennial.dev/problems/InvalidInput',
      title: 'Invalid input',
      status: 422,
      code: 'InvalidInput',
      detail:
        'body: unknown key reson; did you mean reason?; until cannot be "yesterday"; expected the end of the window: latest, or a time with its offset such as 2013-07-01T00:00:00Z',
      errors: [
        { pointer: '/reson', detail: 'unknown key reson', didYouMean: 'reason' },
        {
          pointer: '/until',
          detail: 'until cannot be "yesterday"',
          expected:
            'the end of the window: latest, or a time with its offset such as 2013-07-01T00:00:00Z',
        },
      ],
      traceId: '0af7651916cd43dd8448eb211c80319c',
    });
  });

  const notUtf8 = Buffer.concat([
    Buffer.from('{"reason":"'),
    Buffer.from([0xc3, 0x28]),
    Buffer.from('"}'),
  ]);
  const json = { 'content-type': 'application/json' };
  test.each<[string, string, string, CallOptions, number, string, RegExp]>([
    ['invalid JSON', 'POST', runs, { body: '{"reason":' }, 400, 'InvalidJson', /not valid JSON/],
    [
      'bytes that are not UTF-8',
      'POST',
      runs,
      { body: notUtf8 },
      400,
      'InvalidUtf8',
      /not valid UTF-8/,
    ],
    [
      'an unknown content encoding',
      'POST',
      runs,
      { body: '{}', headers: { 'content-encoding': 'br' } },
      415,
      'UnsupportedEncoding',
      /in br is not supported/,
    ],
    ['null as body', 'POST', runs, { body: 'null' }, 422, 'InvalidInput', /must be a map/],
    [
      'a list as body',
      'POST',
      runs,
      { body: '[]' },
      422,
      'InvalidInput',
      /must be a map, not a list/,
    ],
    [
      'a text as body',
      'POST',
      runs,
      { body: 'hello', headers: { 'content-type': 'text/plain' } },
      415,
      'UnsupportedMediaType',
      /JSON/,
    ],
    [
      'a form',
      'POST',
      runs,
      { body: 'a=1', headers: { 'content-type': 'application/x-www-form-urlencoded' } },
      415,
      'UnsupportedMediaType',
      /JSON/,
    ],
    [
      'a value that JSON does not have',
      'POST',
      runs,
      { body: '{"params":{"num_leaves":1e999}}' },
      422,
      'InvalidInput',
      /Infinity/,
    ],
    ['a NUL in a text', 'POST', runs, { body: { reason: 'a\u0000b' } }, 422, 'InvalidInput', /NUL/],
    [
      'a lone surrogate',
      'POST',
      runs,
      { body: '{"reason":"\\ud800"}' },
      422,
      'InvalidInput',
      /surrogate/,
    ],
    [
      'unlimited nesting',
      'POST',
      runs,
      { body: `{"params":{"a":${'['.repeat(200)}${']'.repeat(200)}}}` },
      422,
      'InvalidInput',
      /nested deeper/,
    ],
    [
      'a key named __proto__',
      'POST',
      runs,
      { body: '{"__proto__":{"a":1}}' },
      422,
      'InvalidInput',
      /__proto__/,
    ],
    [
      'an unknown stage',
      'POST',
      runs,
      { body: { fromStage: 'evalute', reuseRun: 'run_0' } },
      422,
      'InvalidInput',
      /did you mean evaluate/,
    ],
    [
      'an unknown kind of run',
      'POST',
      runs,
      { body: { kind: 'canary' } },
      422,
      'InvalidInput',
      /kind cannot be "canary"; expected batch-predict/,
    ],
    [
      'a parameter that the trainer does not know',
      'POST',
      runs,
      { body: { params: { num_leavs: 3 } } },
      422,
      'InvalidInput',
      /did you mean num_leaves/,
    ],
    [
      'an unknown lifecycle',
      'POST',
      '/lifecycles/nosuch/runs',
      { body: {} },
      404,
      'NotFound',
      /no lifecycle nosuch/,
    ],
    [
      'an invalid name',
      'GET',
      '/lifecycles/No%20Such',
      {},
      422,
      'InvalidInput',
      /lower-case letters/,
    ],
    ['an invalid run id', 'GET', '/runs/1', {}, 422, 'InvalidInput', /run_…/],
    ['an unknown run', 'GET', '/runs/run_0', {}, 404, 'NotFound', /no run run_0/],
    ['an unknown model', 'GET', '/models/nosuch', {}, 404, 'NotFound', /no model nosuch/],
    [
      'the history of an unknown model',
      'GET',
      '/models/nosuch/history',
      {},
      404,
      'NotFound',
      /no model nosuch/,
    ],
    ['an unknown version', 'GET', '/models/nosuch/versions/7', {}, 404, 'NotFound', /nosuch@7/],
    [
      'a version that is not a number',
      'GET',
      '/models/nosuch/versions/seven',
      {},
      422,
      'InvalidInput',
      /version/,
    ],
    [
      'a version beyond the largest',
      'GET',
      '/models/nosuch/versions/3000000000',
      {},
      422,
      'InvalidInput',
      /2147483647/,
    ],
    [
      'an unknown dataset',
      'GET',
      '/datasets/nosuch/versions',
      {},
      404,
      'NotFound',
      /no dataset nosuch/,
    ],
    ['an unknown decision', 'GET', '/decisions/dec_0', {}, 404, 'NotFound', /dec_0/],
    ['a page too large', 'GET', '/runs?pageSize=1000', {}, 422, 'InvalidInput', /at most 200/],
    [
      'a page token of another list',
      'GET',
      '/runs?pageToken=zzz',
      {},
      422,
      'InvalidInput',
      /page token/,
    ],
    [
      'an unknown filter',
      'GET',
      '/runs?lifecyle=a',
      {},
      422,
      'InvalidInput',
      /did you mean lifecycle/,
    ],
    ['an unknown status', 'GET', '/runs?status=done', {}, 422, 'InvalidInput', /one of pending/],
    ['one run to compare', 'GET', '/runs/compare?ids=run_1', {}, 422, 'InvalidInput', /2 to 20/],
    [
      'a node without a kind',
      'GET',
      '/lineage?of=table:a',
      {},
      422,
      'InvalidInput',
      /model:flight-delay@7/,
    ],
    ['an unknown route', 'GET', '/nosuch', {}, 404, 'NoSuchRoute', /no GET \/api\/v1\/nosuch/],
    [
      'a wrong method',
      'POST',
      '/models',
      { headers: json, body: '{}' },
      405,
      'MethodNotAllowed',
      /POST is not allowed for .*models/,
    ],
    ['a path that cannot be decoded', 'GET', '/runs/%ff', {}, 400, 'BadRequest', /url component/],
    [
      'a name of 5,000 letters',
      'GET',
      `/datasets/${'a'.repeat(5000)}/versions`,
      {},
      414,
      'BadRequest',
      /./,
    ],
  ])('explains the refusal of %s', async (_, method, path, options, status, code, detail) => {
    const answer = await world.call<Problem>(method, path, options);
    expect(answer).toMatchObject({
      status,
      body: { status, code, detail: expect.stringMatching(detail) as string },
    });
    expect(answer.headers.get('content-type')).toMatch(/^application\/problem\+json/);
    expect(answer.body.traceId).toMatch(/^[0-9a-f]{32}$/);
    expect(await runCount()).toBe(0);
  });

  test('leaves nothing behind: no row, no audit, no workflow', async () => {
    const before = (await world.call<{ items: unknown[] }>('GET', '/audit')).body.items.length;
    await world.call('POST', runs, { body: { reason: 3 } });
    expect((await world.call<{ items: unknown[] }>('GET', '/audit')).body.items).toHaveLength(
      before,
    );
    expect(world.lifecycles.started.size).toBe(0);
  });

  test('is 503 with Retry-After and no details if the database is unavailable', async () => {
    const get = jest
      .spyOn(world.registry.runs, 'get')
      .mockRejectedValueOnce(new Error('password=secret'));
    const answer = await world.call<Problem>('GET', '/runs/run_0');
    expect(answer).toMatchObject({ status: 500, body: { code: 'Unexpected' } });
    expect(JSON.stringify(answer.body)).not.toContain('secret');
    expect(world.log.at(-2)).toMatchObject({ level: 50, traceId: answer.body.traceId });
    get.mockRestore();
  });
});

test.each([
  ['invalid HTTP', 'NONSENSE\r\n\r\n', 400, 'InvalidHttp'],
  [
    'headers of 20 KB',
    `GET /livez HTTP/1.1\r\nhost: a\r\nx-much: ${'x'.repeat(20_000)}\r\n\r\n`,
    431,
    'HeadersTooLarge',
  ],
])(
  'a request that the HTTP parser refuses gets a problem: %s',
  async (_name, text, status, code) => {
    const answer = await sendRaw(world, text);
    const [head = '', body = ''] = answer.split('\r\n\r\n');
    expect(head).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
    expect(head).toMatch(/content-type: application\/problem\+json/);
    expect(head).toMatch(/x-content-type-options: nosniff/);
    expect(JSON.parse(body)).toMatchObject({
      status,
      code,
      traceId: expect.stringMatching(/^[0-9a-f]{32}$/) as string,
    });
  },
);

function sendRaw({ url }: ApiWorld, text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let answer = '';
    const socket = connect(Number(new URL(url).port), '127.0.0.1');
    socket
      .on('error', reject)
      .on('data', (chunk) => (answer += chunk.toString()))
      .on('end', () => resolve(answer));
    socket.write(text);
  });
}

test('a wrong method gets 405 with the allowed methods', async () => {
  expect((await world.call('DELETE', '/runs')).headers.get('allow')).toBe('GET, HEAD');
  expect((await world.call('POST', '/runs/run_0')).headers.get('allow')).toBe('GET, HEAD');
  expect((await world.call('DELETE', '/models/nosuch/aliases/champion')).headers.get('allow')).toBe(
    'GET, HEAD, PUT',
  );
});

describe('a request that is too large', () => {
  const large = `{"reason":"${'x'.repeat(50 << 20)}"}`;

  test('with 3 MB of parameters is refused and starts nothing', async () => {
    const answer = await world.call<Problem>('POST', runs, {
      body: { params: { note: 'x'.repeat(3 << 20) } },
    });
    expect(answer).toMatchObject({
      status: 413,
      body: { code: 'BodyTooLarge', detail: expect.stringContaining('1048576 bytes') as string },
    });
    const many = {
      params: Object.fromEntries(Array.from({ length: 60_000 }, (_, i) => [`p${i}`, i])),
    };
    expect(await world.call('POST', runs, { body: many })).toMatchObject({
      status: 422,
      body: { code: 'InvalidInput' },
    });
    expect(await runCount()).toBe(0);
  });

  test('a lifecycle may be larger than a run request, with at most 1 MiB per file', async () => {
    const body = lifecycleBody('large');
    const padded = (sqlBytes: number) =>
      Object.fromEntries(
        Object.entries(body.files).map(([path, text]) => [
          path,
          path.endsWith('.sql')
            ? `-- ${'x'.repeat(sqlBytes)}\n${text}`
            : `# ${'x'.repeat(900_000)}\n${text}`,
        ]),
      );
    const files = padded(200_000);
    expect(JSON.stringify(files).length).toBeGreaterThan(1 << 20);
    expect(
      await world.call('PUT', '/lifecycles/large', { body: { ...body, files } }),
    ).toMatchObject({ status: 200 });
    // SQL has a separate limit, which a run would exceed later.
    const long = await world.call<Problem>('PUT', '/lifecycles/large', {
      body: { ...body, files: padded(900_000) },
    });
    expect(long).toMatchObject({ status: 422, body: { code: 'InvalidInput' } });
    expect(long.body.errors?.map((issue) => issue.detail)).toEqual([
      'is larger than 256 KiB',
      'is larger than 256 KiB',
    ]);
    const tooMuch = { ...body, files: { ...files, 'sql/assemble.sql': 'x'.repeat(1_100_000) } };
    expect(await world.call('PUT', '/lifecycles/large', { body: tooMuch })).toMatchObject({
      status: 422,
      body: { code: 'InvalidInput' },
    });
  });

  test('of 50 MB gets a response at once, not a reset connection', async () => {
    for (let round = 0; round < 5; round += 1) {
      const answer = await world.call<Problem>('POST', runs, { body: large });
      expect(answer).toMatchObject({ status: 413, body: { code: 'BodyTooLarge' } });
    }
    const asked = await request(`${world.url}/api/v1${runs}`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${world.keys.operator}`,
        'content-type': 'application/json',
      },
      body: Readable.from(Array.from({ length: 50 }, () => Buffer.alloc(1 << 20, 'x'))),
    });
    expect(asked.statusCode).toBe(413);
    await asked.body.dump();
  });

  test('gets a response even if the client sends everything before it reads', async () => {
    const answer = await sendThenRead(world, large);
    expect(answer).toMatch(/^HTTP\/1\.1 413 /);
    expect(answer).toContain('BodyTooLarge');
  });

  test('without a key gets a response before its 50 MB have arrived', async () => {
    const answer = await sendThenRead(world, large, null);
    expect(answer).toMatch(/^HTTP\/1\.1 401 /);
  });
});

/** As simple clients do: writes the whole request, then reads. */
function sendThenRead(
  { url, keys }: ApiWorld,
  body: string,
  key: string | null = keys.operator,
): Promise<string> {
  const { port } = new URL(url);
  return new Promise((resolve, reject) => {
    const socket = connect(Number(port), '127.0.0.1');
    socket.on('error', reject);
    const head = [
      `POST /api/v1${runs} HTTP/1.1`,
      'host: api.test',
      'content-type: application/json',
      ...(key === null ? [] : [`authorization: Bearer ${key}`]),
      `content-length: ${body.length}`,
    ];
    socket.write(`${head.join('\r\n')}\r\n\r\n`);
    socket.write(body, () => {
      let text = '';
      socket.on('data', (chunk) => {
        text += chunk.toString();
        if (!/\}\s*$/.test(text)) return;
        socket.destroy();
        resolve(text);
      });
    });
  });
}

describe('a trace', () => {
  test('connects the request with the run, its workflow and the log', async () => {
    const traceId = '4bf92f3577b34da6a3ce929d0e0e4736';
    const headers = { traceparent: `00-${traceId}-00f067aa0ba902b7-01` };
    const { body } = await world.call<{ id: string; traceId: string }>('POST', runs, {
      headers,
      body: {},
    });
    expect(body.traceId).toBe(traceId);
    expect([...world.lifecycles.started.values()].map((input) => input.traceId)).toContain(traceId);
    expect(
      world.log.filter((line) => line['traceId'] === traceId).map((line) => line['msg']),
    ).toContain('run accepted');
  });

  test('is created if the caller sent none or an invalid one', async () => {
    for (const headers of [
      undefined,
      { traceparent: 'nonsense' },
      { traceparent: `00-${'0'.repeat(32)}-00f067aa0ba902b7-01` },
    ]) {
      const answer = await world.call('GET', '/runs', headers === undefined ? {} : { headers });
      expect(answer.headers.get('traceparent')).toMatch(
        /^00-(?!0{32})[0-9a-f]{32}-[0-9a-f]{16}-01$/,
      );
    }
  });
});

test('a missing body counts as an empty one', async () => {
  expect((await world.call('POST', runs)).status).toBe(202);
  expect(
    (await world.call('POST', runs, { headers: { 'content-type': 'application/json' } })).status,
  ).toBe(202);
});
