import { platformParts } from '../../../../apps/api/platform/platform';
import type { KnownModels } from '../../../../apps/api/model-warnings';
import { defaultTenant } from '../../../../domain/ids';

/** Every part except the language models is reachable. */
async function languageModels(knownModels: KnownModels | null) {
  const parts = await platformParts(
    {
      registry: {
        retention: { get: () => Promise.resolve({}) },
        gateways: { live: () => Promise.resolve([{ url: 'http://gateway', epoch: 1 }]) },
      } as unknown as Parameters<typeof platformParts>[0]['registry'],
      artifacts: {
        bucket: 'b',
        staging: { list: () => Promise.resolve([]) },
      } as unknown as Parameters<typeof platformParts>[0]['artifacts'],
      lifecycles: {
        workers: () => Promise.resolve({ orchestrator: 1, data: 1, compute: 1, llm: 1 }),
      },
      knownModels,
    },
    defaultTenant,
  );
  return parts.filter(({ name }) => name === 'language models');
}

describe('the status of language models', () => {
  test('is good if none is configured', async () => {
    expect(await languageModels(null)).toEqual([
      { name: 'language models', ok: true, detail: 'none is configured', next: null },
    ]);
  });

  test('is checked for each provider, and an unreachable one is named with the next step', async () => {
    const known: KnownModels = {
      providers: ['embedded', 'openai'],
      file: '/etc/providers.yaml',
      models: (provider) =>
        provider === 'embedded'
          ? Promise.resolve(['a', 'b', 'c', 'd'])
          : Promise.reject(new Error('the key is refused')),
    };
    expect(await languageModels(known)).toEqual([
      {
        name: 'language models',
        ok: true,
        detail: 'embedded is reachable and lists 4: a, b, c, …',
        next: null,
      },
      {
        name: 'language models',
        ok: false,
        detail: 'openai: the key is refused',
        next: 'check the address and the key of openai in /etc/providers.yaml',
      },
    ]);
  });

  test('names the command that starts the embedded server if it is not running', async () => {
    const known: KnownModels = {
      providers: ['embedded'],
      file: null,
      models: () => Promise.reject(new Error('connect ECONNREFUSED')),
    };
    expect(await languageModels(known)).toMatchObject([
      { ok: false, next: 'PERENNIAL_LLM_SERVER=true perennial up, or perennial llm-server' },
    ]);
  });
});
