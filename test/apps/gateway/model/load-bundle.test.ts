/**
 * Failures to load a bundle: permanent ones, for which a promotion refuses it, and temporary ones,
 * after which the promotion tries again.
 */
import { loadBundle, type BundleLoaderOptions } from '../../../../apps/gateway/model/load-bundle';
import { computeDigest, sha256 } from '../../../../data/digest';
import type { ArtifactRef } from '../../../../domain/artifact';
import { failure, type FailureType } from '../../../../domain/failure';
import { defaultTenant as tenant } from '../../../../domain/ids';
import type { BundleIndex, ReleaseBundle } from '../../../../domain/bundle/bundle';
import { parrot, putBundle, questionPrompt } from '../../../support/language/served-bundles';

const index: BundleIndex = {
  name: 'wiki',
  version: 1,
  digest: computeDigest('wiki@1'),
  variable: 'passages',
  k: 2,
  mode: 'vector',
};
const finding = {
  ...questionPrompt('From {{passages}}.'),
  variables: {
    ...questionPrompt('').variables,
    passages: { type: 'string', description: 'what was found' },
  },
} as const;

async function load(
  given: Partial<Pick<BundleLoaderOptions, 'access' | 'indexes'>>,
): Promise<unknown> {
  const stored = new Map<string, Uint8Array>();
  const put = (bytes: Uint8Array): ArtifactRef => {
    const digest = sha256(bytes);
    stored.set(digest, bytes);
    return {
      uri: `cas://${digest}`,
      digest,
      bytes: bytes.byteLength,
      mediaType: 'application/json',
    };
  };
  const manifest = await putBundle(
    put,
    given.indexes ? { prompt: finding, index } : { prompt: questionPrompt('Be kind.') },
  );
  const bytes = (digest: string) => stored.get(digest) ?? Buffer.from('');
  const bundle = JSON.parse(Buffer.from(bytes(manifest.digest)).toString()) as ReleaseBundle;
  return loadBundle(
    bundle,
    { tenant, digest: manifest.digest },
    {
      artifacts: { getBytes: (ref) => Promise.resolve(Buffer.from(bytes(ref.digest))) },
      access: parrot(),
      indexes: { check: () => Promise.reject(new Error('no index was asked for')) },
      detectors: { prepare: () => Promise.resolve(), detectFor: () => () => Promise.resolve([]) },
      probeTimeoutMs: 50,
      onLooked: () => undefined,
      ...given,
    },
  );
}

const models = (list: BundleLoaderOptions['access']['models']) => ({
  access: { ...parrot(), models: list },
});
const checked = (check: BundleLoaderOptions['indexes']['check']) => ({ indexes: { check } });
const fails = (type: FailureType) => () => Promise.reject(failure(type, 'so it is'));

/** Until the load was cancelled. */
const silent: BundleLoaderOptions['access']['models'] = (_, { signal }) =>
  new Promise((_answer, fail) => {
    const late = setTimeout(() => fail(new Error('nobody stopped waiting')), 5_000);
    signal?.addEventListener('abort', () => {
      clearTimeout(late);
      fail(signal.reason as Error);
    });
  });

test.each([
  ['its provider is unavailable', models(fails('ProviderUnavailable')), 'ProviderUnavailable'],
  [
    'its provider limits the request rate',
    models(fails('ProviderRateLimited')),
    'ProviderRateLimited',
  ],
  ['its provider does not respond', models(silent), 'ProviderTimeout'],
  [
    'the embedder of its index is unavailable',
    checked(fails('ProviderUnavailable')),
    'ProviderUnavailable',
  ],
  ['the budget of its embedder is spent', checked(fails('BudgetSpent')), 'ProviderUnavailable'],
  ['the registry is unavailable', checked(fails('DatabaseUnavailable')), 'DatabaseUnavailable'],
])('while %s, a later attempt may load it', async (_, given, type) => {
  await expect(load(given)).rejects.toMatchObject({ type });
});

test.each([
  ['its provider denies access', models(fails('ProviderDenied'))],
  ['its provider has no such model', models(() => Promise.resolve(['another']))],
  ['its index does not exist', checked(fails('NotFound'))],
  [
    'its index is not the evaluated one',
    checked(() => Promise.resolve({ version: 1, digest: computeDigest('another') })),
  ],
])('when %s, no attempt can load it', async (_, given) => {
  await expect(load(given)).rejects.toMatchObject({ type: 'ModelUnloadable' });
});

test('is loaded when everything is available', async () => {
  await expect(
    load(checked(() => Promise.resolve({ version: 1, digest: index.digest }))),
  ).resolves.toMatchObject({
    kind: 'bundle',
    index,
  });
});
