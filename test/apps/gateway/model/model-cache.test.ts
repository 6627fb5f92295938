import {
  createModelCache,
  type ModelCache,
  type ModelCacheOptions,
} from '../../../../apps/gateway/model/model-cache';
import type { LoadedModel, ModelLoader } from '../../../../apps/gateway/model/loaded-model';
import type { ArtifactRef } from '../../../../domain/artifact';
import { defaultTenant, type Tenant } from '../../../../domain/ids';

function manifest(name: string): ArtifactRef {
  return { uri: '', digest: `sha256:${name}`, bytes: 1, mediaType: 'application/json' };
}

interface Loads {
  readonly loader: ModelLoader;
  readonly loaded: string[];
  readonly closed: string[];
  fail: Error | null;
}

function loads(): Loads {
  const state: Loads = {
    loaded: [],
    closed: [],
    fail: null,
    loader: {
      async load({ manifest: { digest } }) {
        state.loaded.push(digest);
        await new Promise((resolve) => setTimeout(resolve, 5));
        if (state.fail) throw state.fail;
        return {
          digest,
          bytes: 10,
          close: () => {
            state.closed.push(digest);
            return Promise.resolve();
          },
        } as unknown as LoadedModel;
      },
    },
  };
  return state;
}

function createCache(state: Loads, options: Partial<ModelCacheOptions> = {}): ModelCache {
  return createModelCache({
    loader: state.loader,
    maxBytes: 20,
    failureMemoryMs: 50,
    onFailure: () => undefined,
    onCloseError: () => undefined,
    ...options,
  });
}

const get = (cache: ModelCache, name: string) =>
  cache.acquire({ tenant: defaultTenant, model: 'm', manifest: manifest(name) });

describe('model cache', () => {
  test('concurrent callers of one version share one load', async () => {
    const state = loads();
    const cache = createCache(state);
    const holds = await Promise.all(Array.from({ length: 20 }, () => get(cache, 'a')));
    expect(state.loaded).toEqual(['sha256:a']);
    expect(new Set(holds.map(({ model }) => model)).size).toBe(1);
  });

  test('tenants never share bytes', async () => {
    const state = loads();
    const cache = createCache(state);
    await get(cache, 'a');
    await cache.acquire({ tenant: 'other' as Tenant, model: 'm', manifest: manifest('a') });
    expect(state.loaded).toHaveLength(2);
  });

  test('the least recently used version without a reference is evicted', async () => {
    const state = loads();
    const cache = createCache(state);
    const [a, b] = [await get(cache, 'a'), await get(cache, 'b')];
    a.release();
    b.release();
    (await get(cache, 'a')).release();
    (await get(cache, 'c')).release();
    expect(state.closed).toEqual(['sha256:b']);
    expect(cache.size()).toEqual({ models: 2, bytes: 20 });
  });

  test('a referenced version stays beyond the limit until its last answer', async () => {
    const state = loads();
    const cache = createCache(state);
    const a = await get(cache, 'a');
    const answering = a.hold();
    a.release();
    a.release();
    const [b, c] = [await get(cache, 'b'), await get(cache, 'c')];
    expect(state.closed).toEqual([]);
    answering.release();
    expect(state.closed).toEqual(['sha256:a']);
    b.release();
    c.release();
  });

  test('a failure is remembered briefly, then the load is retried', async () => {
    const state = loads();
    const cache = createCache(state);
    const start = performance.now();
    const clock = jest.spyOn(performance, 'now').mockReturnValue(start);
    state.fail = new Error('corrupt');
    await expect(get(cache, 'a')).rejects.toThrow('corrupt');
    await expect(get(cache, 'a')).rejects.toThrow('corrupt');
    expect(state.loaded).toHaveLength(1);
    state.fail = null;
    clock.mockReturnValue(start + 51);
    await get(cache, 'a');
    clock.mockRestore();
    expect(state.loaded).toHaveLength(2);
  });

  test('closing releases idle models at once and referenced ones later', async () => {
    const state = loads();
    const cache = createCache(state);
    const a = await get(cache, 'a');
    (await get(cache, 'b')).release();
    await cache.close();
    expect(state.closed).toEqual(['sha256:b']);
    a.release();
    expect(state.closed).toEqual(['sha256:b', 'sha256:a']);
    await expect(get(cache, 'c')).rejects.toMatchObject({ type: 'GatewayUnavailable' });
  });
});
