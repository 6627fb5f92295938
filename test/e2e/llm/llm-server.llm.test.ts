import type { ArtifactRef } from '../../../domain/artifact';
import { readEnvironment, openStore } from '../../support/leftovers';
import { startProduct, type Product } from '../../support/process/product';
import { waveAdapter } from '../../support/language/wave-adapter';

// The whole platform with a model, on a machine that may be busy.
jest.setTimeout(300_000);

const model = 'smollm2-135m-instruct';
let product: Product;
let url: string;

beforeAll(async () => {
  product = await startProduct({
    env: {
      PERENNIAL_LLM_SERVER: 'true',
      PERENNIAL_LLM_PORT: '0',
      PERENNIAL_LLM_CONTEXT_TOKENS: '256',
    },
  });
  const [pid] = product.pids('main.ts llm-server');
  url = readEnvironment(pid ?? -1)['PERENNIAL_LLM_URL'] ?? '';
});
afterAll(() => product.stop());

test('an adapter in the artifact store answers under its digest, also after kill -9', async () => {
  const artifact = await keptInStore(await waveAdapter({ strength: 3 }));
  const name = `${model}:${artifact.digest}`;
  expect((await ask(name)).status).toBe(404);
  expect((await send('PUT', `/adapters/${artifact.digest}`, artifact)).status).toBe(200);
  const [alone, adapted] = [await readText(await ask(model)), await readText(await ask(name))];
  expect(adapted).not.toBe(alone);

  product.kill('main.ts llm-server');
  for (
    const end = Date.now() + 120_000;
    !product.log().includes('language model is running again after') && Date.now() < end;
  ) {
    await new Promise((again) => setTimeout(again, 100));
  }
  expect(await readText(await ask(name))).toBe(adapted);
  expect(await readText(await ask(model))).toBe(alone);
});

async function keptInStore(bytes: Buffer): Promise<ArtifactRef> {
  const store = openStore(product);
  try {
    return await store.putBytes({
      tenant: 'default',
      bytes,
      mediaType: 'application/octet-stream',
    });
  } finally {
    store.close();
  }
}

async function ask(name: string): Promise<Response> {
  return send('POST', '/chat/completions', {
    model: name,
    messages: [{ role: 'user', content: 'What is an oak?' }],
    temperature: 0,
    max_tokens: 12,
  });
}

async function send(method: string, path: string, body: object): Promise<Response> {
  return fetch(`${url}${path}`, {
    method,
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
}

async function readText(response: Response): Promise<string> {
  const body = (await response.json()) as {
    readonly choices?: readonly { readonly message: { readonly content: string } }[];
  };
  return body.choices?.[0]?.message.content ?? JSON.stringify(body);
}
