import { gatewayDefaults, type GatewayConfig } from '../../../../apps/gateway/config';
import { distanceModel, distanceRequest, putModel } from '../../../support/serving/served-models';
import { addKey, fakeArtifacts, fakeRegistry } from '../fakes';
import { startGateway, type StartedGateway } from '../started-gateway';

let gateway: StartedGateway;

afterEach(() => gateway.stop());

async function start(config: Partial<GatewayConfig> = {}) {
  const registry = fakeRegistry();
  const artifacts = fakeArtifacts();
  const manifest = await putModel((bytes) => artifacts.put(bytes), distanceModel(10));
  registry.versions.set('flight-delay@7', { model: 'flight-delay', version: 7, manifest });
  const keys = { viewer: addKey(registry, 'viewer'), operator: addKey(registry, 'operator') };
  gateway = await startGateway({ registry, artifacts, config });
  return (key: keyof typeof keys, rows: number) =>
    fetch(`${gateway.url}/v2/models/flight-delay/versions/7/features`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${keys[key]}` },
      body: JSON.stringify(
        distanceRequest(Array.from({ length: rows }, () => ({ carrier: 'AA', distance: 100 }))),
      ),
    });
}

describe('features of a version', () => {
  test('are computed for an operator, and not for a viewer', async () => {
    const ask = await start();
    const answer = await ask('operator', 2);
    expect(answer.status).toBe(200);
    expect(await answer.json()).toMatchObject({ model_version: '7', rows: [{}, {}] });
    const refused = await ask('viewer', 2);
    expect(refused.status).toBe(403);
    expect(await refused.json()).toMatchObject({
      detail: expect.stringContaining('requires the scope operator') as string,
    });
  });

  test('are computed of at most 512 rows', async () => {
    const ask = await start();
    expect((await ask('operator', 512)).status).toBe(200);
    const refused = await ask('operator', 513);
    expect(refused.status).toBe(400);
    expect(await refused.json()).toMatchObject({
      detail: 'the request has 513 rows; features are computed of at most 512',
    });
  });

  test('need a place among the requests of their model', async () => {
    const admission = { ...gatewayDefaults.admission, requestsPerModel: { usual: 0, of: {} } };
    const ask = await start({ admission });
    expect((await ask('operator', 1)).status).toBe(429);
  });
});
