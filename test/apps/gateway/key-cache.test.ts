import { createKeyCache } from '../../../apps/gateway/key-cache';
import { addKey, fakeRegistry } from './fakes';
import { holdClock } from '../../support/time/held-clock';

function setting() {
  const registry = fakeRegistry();
  const clock = { now: 0 };
  let asked = 0;
  const verify = (key: string) => {
    asked += 1;
    return registry.apiKeys.verify(key);
  };
  const keys = createKeyCache({
    apiKeys: { verify },
    freshSeconds: 10,
    graceSeconds: 900,
    now: () => clock.now,
  });
  return { registry, keys, clock, asked: () => asked };
}

describe('key cache', () => {
  test('queries once in ten seconds', async () => {
    const { registry, keys, clock, asked } = setting();
    const key = addKey(registry, 'viewer');
    await Promise.all([keys.identify(key), keys.identify(key)]);
    clock.now = 9_999;
    expect(keys.identify(key)).toMatchObject({ scope: 'viewer' });
    expect(asked()).toBe(1);
  });

  test('a revoked key is refused within ten seconds', async () => {
    const { registry, keys, clock } = setting();
    const key = addKey(registry, 'viewer');
    await keys.identify(key);
    registry.keys.clear();
    clock.now = 10_000;
    expect(await keys.identify(key)).toBeNull();
  });

  test('a key is refused as soon as it expires, also while the registry is not available', async () => {
    const { registry, keys } = setting();
    const key = addKey(registry, 'viewer', new Date(Date.now() + 60_000).toISOString());
    expect(await keys.identify(key)).toMatchObject({ scope: 'viewer' });
    registry.away = true;
    const time = holdClock();
    time.pass(60_001);
    await expect(keys.identify(key)).rejects.toMatchObject({ type: 'DatabaseUnavailable' });
    time.release();
  });

  test('a valid key is accepted for a limited time while the registry is not available', async () => {
    const { registry, keys, clock } = setting();
    const key = addKey(registry, 'viewer');
    await keys.identify(key);
    registry.away = true;
    clock.now = 60_000;
    expect(await keys.identify(key)).toMatchObject({ scope: 'viewer' });
    clock.now = 900_001;
    await expect(Promise.resolve(keys.identify(key))).rejects.toMatchObject({
      type: 'DatabaseUnavailable',
    });
  });

  test('an unknown key cannot be checked while the registry is not available', async () => {
    const { registry, keys } = setting();
    const key = addKey(registry, 'viewer');
    registry.away = true;
    await expect(Promise.resolve(keys.identify(key))).rejects.toMatchObject({
      type: 'DatabaseUnavailable',
    });
  });

  test('an unavailable registry is queried once per second, not once per request', async () => {
    const { registry, keys, clock, asked } = setting();
    const key = addKey(registry, 'viewer');
    await keys.identify(key);
    registry.away = true;
    clock.now = 20_000;
    await keys.identify(key);
    await keys.identify(key);
    expect(asked()).toBe(2);
    clock.now = 21_000;
    await keys.identify(key);
    expect(asked()).toBe(3);
  });

  test('a wrong key is refused for a second without another query', async () => {
    const { keys, clock, asked } = setting();
    expect(await keys.identify('pk_wrong')).toBeNull();
    expect(keys.identify('pk_wrong')).toBeNull();
    clock.now = 1_000;
    expect(await keys.identify('pk_wrong')).toBeNull();
    expect(asked()).toBe(2);
  });
});
