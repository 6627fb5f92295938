import { newId } from '../../../db/ids';
import { openTestRegistry, tenant, unique, type TestRegistry } from '../registry-fixture';

let test_: TestRegistry;
beforeAll(async () => {
  test_ = await openTestRegistry();
});
afterAll(() => test_.close());

test.each([
  ['a NUL character', 'unexpected byte \u0000 in the graph', 'unexpected byte \ufffd in the graph'],
  ['half a character', 'unexpected \ud83d in the graph', 'unexpected \ufffd in the graph'],
  ['a character at its limit', `${'x'.repeat(999)}😀`, 'x'.repeat(999)],
])('a load error with %s opens an incident', async (_, error, shown) => {
  const { gateways, incidents } = test_.registry;
  const model = unique('model');
  await gateways.beat({
    id: newId('gw'),
    url: 'http://127.0.0.1:1',
    epoch: 1,
    blocked: [{ tenant, model, version: 2, alias: 'champion', error }],
    leaseSeconds: 60,
    beat: 1,
  });
  await incidents.followBlockedVersions({ startSeconds: 0 });
  const incident = await incidents.open({ tenant, model, key: 'blocked-2' });
  expect(incident?.story.what).toBe(`A gateway cannot load ${model}@2, the champion: ${shown}.`);
});
