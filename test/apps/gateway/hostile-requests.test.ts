import { openDetectors } from '../../../data/safety/open-detectors';
import { defaultTenant } from '../../../domain/ids';
import { personalDataTypes, type SafetyPolicy } from '../../../domain/safety/policy';
import { livezDuring } from '../../support/process/livez';
import { putBundle, questionPrompt } from '../../support/language/served-bundles';
import { addKey, fakeArtifacts, fakeRegistry } from './fakes';
import { startGateway, type StartedGateway } from './started-gateway';

const policy: SafetyPolicy = {
  name: 'house',
  detectors: [
    {
      name: 'people',
      kind: 'personalData',
      types: personalDataTypes,
      on: ['input'],
      action: 'block',
      onError: 'block',
    },
  ],
};

let gateway: StartedGateway;
let key: string;
let serviceKey: string;

beforeAll(async () => {
  const registry = fakeRegistry();
  const artifacts = fakeArtifacts();
  const detectors = openDetectors({
    embedders: { get: () => Promise.reject(new Error('no embedder')) },
  });
  gateway = await startGateway({
    registry,
    artifacts,
    detectors,
    config: { requestsPerMinute: 40 },
  });
  key = addKey(registry, 'viewer');
  serviceKey = 'pk_service';
  registry.keys.set(serviceKey, {
    id: 'key_service',
    tenant: defaultTenant,
    name: 'service',
    scope: 'operator',
    isService: true,
    expiresAt: null,
  });
  registry.route('wiki-assistant', [
    {
      alias: 'champion',
      version: 1,
      manifest: await putBundle((bytes) => artifacts.put(bytes), {
        prompt: questionPrompt('Be brief.'),
        policy,
      }),
    },
  ]);
  for (
    let tries = 0;
    tries < 200 && (await send('/v1/chat/completions', chat('hello'), serviceKey)).status !== 200;
    tries += 1
  ) {
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
});
afterAll(() => gateway.stop());

const chat = (content: string) =>
  JSON.stringify({ model: 'wiki-assistant', messages: [{ role: 'user', content }] });
const keys = (count: number) => Array.from({ length: count }, (_, at) => `"k${at}":1`).join(',');

interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Record<string, unknown>;
}

async function send(path: string, body: string, as = key): Promise<Answer> {
  const headers = { authorization: `Bearer ${as}`, 'content-type': 'application/json' };
  const answer = await fetch(`${gateway.url}${path}`, { method: 'POST', headers, body });
  return {
    status: answer.status,
    headers: answer.headers,
    body: (await answer.json()) as Record<string, unknown>,
  };
}

describe('a request that could block the gateway is refused, and /livez responds meanwhile', () => {
  test.each<readonly [string, string, string, number, RegExp]>([
    [
      '750,000 keys',
      '/v1/chat/completions',
      `{${keys(750_000)}}`,
      400,
      /more than 60,000 keys, at line 1/,
    ],
    [
      'the maximum number of keys',
      '/v1/chat/completions',
      `{${keys(50_000)}}`,
      400,
      /`k0` is not supported in this version|model/,
    ],
    [
      'unlimited nesting',
      '/v2/models/wiki-assistant/infer',
      '['.repeat(5_000_000),
      400,
      /nested deeper than 64 levels/,
    ],
    [
      'a million digits',
      '/v1/chat/completions',
      chat('1.'.repeat(500_000)),
      200,
      /"finish_reason":"content_filter"/,
    ],
  ])('%s', async (_what, path, body, status, message) => {
    const { value, pauseMs } = await livezDuring(gateway.url, 1_000, () => send(path, body));
    expect(JSON.stringify(value.body)).toMatch(message);
    expect(value.status).toBe(status);
    expect(pauseMs).toBeLessThan(1_000);
  });
});

test('a key beyond its rate gets 429 with Retry-After; the platform and probes are not limited', async () => {
  const answers = await Promise.all(
    Array.from({ length: 60 }, () => send('/v1/chat/completions', '{}')),
  );
  const refused = answers.filter(({ status }) => status === 429);
  expect(refused.length).toBeGreaterThanOrEqual(20);
  expect(Number(refused[0]?.headers.get('retry-after'))).toBeGreaterThan(0);
  expect(refused[0]?.body).toMatchObject({
    error: { type: 'rate_limit_error', code: 'TooManyRequests' },
  });
  const ofPlatform = await Promise.all(
    Array.from({ length: 60 }, () => send('/v1/chat/completions', '{}', serviceKey)),
  );
  expect(ofPlatform.map(({ status }) => status)).toEqual(Array.from({ length: 60 }, () => 400));
  expect((await fetch(`${gateway.url}/livez`)).status).toBe(200);
});
