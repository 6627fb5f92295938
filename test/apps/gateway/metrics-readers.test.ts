import type { Tenant } from '../../../domain/ids';
import { distanceModel, distanceRequest, putModel } from '../../support/serving/served-models';
import { until } from '../../support/time/until';
import { metricsToken as token } from '../../support/serving/scrape';
import { addKey, fakeArtifacts, fakeRegistry } from './fakes';
import { startGateway, type StartedGateway } from './started-gateway';

const acme = 'acme' as Tenant;
let gateway: StartedGateway;
let keys: Readonly<Record<'admin' | 'viewer' | 'acme' | 'service', string>>;

beforeAll(async () => {
  const registry = fakeRegistry();
  const artifacts = fakeArtifacts();
  keys = {
    admin: addKey(registry, 'admin'),
    viewer: addKey(registry, 'viewer'),
    acme: addKey(registry, 'admin', null, acme),
    service: addKey(registry, 'operator'),
  };
  const service = registry.keys.get(keys.service);
  if (service) registry.keys.set(keys.service, { ...service, isService: true });
  const put = (bytes: Uint8Array) => artifacts.put(bytes);
  const manifest = await putModel(put, distanceModel(10));
  registry.route('flight-delay', [{ alias: 'champion', version: 1, manifest }]);
  registry.route('flight-delay', [{ alias: 'champion', version: 2, manifest }], { tenant: acme });
  const missing = { ...manifest, model: 'secret-project', digest: 'sha256:00' as const };
  registry.route('secret-project', [{ alias: 'champion', version: 3, manifest: missing }], {
    tenant: acme,
  });
  gateway = await startGateway({ registry, artifacts });
  for (const key of [keys.viewer, keys.acme, keys.acme]) {
    const answer = await fetch(`${gateway.url}/v2/models/flight-delay/infer`, {
      method: 'POST',
      headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
      body: JSON.stringify(distanceRequest([{ carrier: 'AA', distance: 100 }])),
    });
    expect(answer.status).toBe(200);
  }
  await until(async () => /requests_total\{[^}]*\} 2/.test(await fetchMetrics(token)));
});
afterAll(() => gateway.stop());

function read(path: string, credential: string | null): Promise<Response> {
  const headers = credential === null ? {} : { authorization: `Bearer ${credential}` };
  return fetch(`${gateway.url}${path}`, { headers });
}

async function fetchMetrics(credential: string | null): Promise<string> {
  const answer = await read('/metrics', credential);
  expect(answer.status).toBe(200);
  return answer.text();
}

const requests = (text: string): readonly string[] =>
  text.split('\n').filter((line) => line.startsWith('perennial_gateway_requests_total'));

const series = (tenant: string, version: number, count: number): string =>
  `perennial_gateway_requests_total{tenant="${tenant}",model="flight-delay",` +
  `version="${version}",arm="champion",status="200"} ${count}`;

describe('/metrics of a gateway with two tenants', () => {
  test('names no tenant and no model to a caller without a key, and adds their series up', async () => {
    const text = await fetchMetrics(null);
    expect(text).not.toMatch(/flight-delay|secret-project|acme|tenant=|model=|version="\d"/);
    expect(requests(text)).toEqual([
      'perennial_gateway_requests_total{arm="champion",status="200"} 3',
    ]);
    expect(text).toContain('perennial_gateway_request_duration_seconds_count{arm="champion"} 3');
    expect(text).toContain('\nperennial_metrics_without_names 1\n');
    expect(text).toContain('\nprocess_cpu_seconds_total ');
  });

  test('shows a key the series of its own tenant', async () => {
    const text = await fetchMetrics(keys.acme);
    expect(requests(text)).toEqual([series('acme', 2, 2)]);
    expect(text).not.toContain('tenant="default"');
    expect(requests(await fetchMetrics(keys.viewer))).toEqual([series('default', 1, 1)]);
  });

  test.each(['admin', 'service', 'token'] as const)(
    'shows all series, each with its tenant: %s',
    async (who) => {
      const text = await fetchMetrics(who === 'token' ? token : keys[who]);
      expect(requests(text)).toEqual([series('default', 1, 1), series('acme', 2, 2)]);
      expect(text).not.toContain('perennial_metrics_without_names');
    },
  );

  test('refuses a wrong token, with the setting that has the right one', async () => {
    const answer = await read('/metrics', `${token}x`);
    expect(answer.status).toBe(401);
    expect(await answer.json()).toMatchObject({
      code: 'InvalidApiKey',
      next: expect.stringContaining('PERENNIAL_METRICS_TOKEN') as string,
    });
  });

  test('the token opens nothing else', async () => {
    expect((await read('/v2', token)).status).toBe(401);
    expect((await read('/v2/models/flight-delay', token)).status).toBe(401);
  });
});

describe('/readyz of a gateway with two tenants', () => {
  const readiness = async (credential: string | null): Promise<unknown> =>
    (await read('/readyz', credential)).json();

  test('names a model that cannot be served only to its tenant and to administrators', async () => {
    const open = await readiness(null);
    expect(open).toMatchObject({ status: 'ready', blockedModels: 1 });
    expect(JSON.stringify(open)).not.toMatch(/secret-project|acme|sha256/);
    expect(await readiness(keys.viewer)).toMatchObject({ blocked: [] });
    for (const credential of [keys.acme, keys.admin, token])
      expect(await readiness(credential)).toMatchObject({
        blocked: [{ tenant: 'acme', name: 'secret-project@3' }],
      });
  });

  test('answers probes without looking at what they send', async () => {
    expect((await read('/livez', 'pk_wrong')).status).toBe(200);
    expect((await read('/v2/health/ready', 'pk_wrong')).status).toBe(200);
  });
});

describe('after many wrong credentials', () => {
  test('the token still works from the same address', async () => {
    for (let at = 0; at < 70; at += 1) await read('/metrics', `pk_wrong_${at}`);
    expect((await read('/metrics', 'pk_wrong')).status).toBe(429);
    expect((await read('/metrics', token)).status).toBe(200);
  });
});
