import { openModelAccess, type ModelAccess } from '../../../../data/language/model-access';
import type { StandbyModel } from '../../../../domain/bundle/standby';
import { noSecret, providerAt } from '../../../support/provider/model-access';
import {
  openScriptedProvider,
  type Fault,
  type ScriptedProvider,
} from '../../../support/provider/scripted-provider';
import { putBundle, questionPrompt } from '../../../support/language/served-bundles';
import { addKey, fakeArtifacts, fakeRegistry, type FakeRegistry } from '../fakes';
import { startGateway, type StartedGateway } from '../started-gateway';

let registry: FakeRegistry;
let gateway: StartedGateway;
let key: string;
let providers: readonly ScriptedProvider[];
let access: ModelAccess;
/** The fault for questions to `large`. */
let fault: Fault | null;

beforeEach(async () => {
  fault = null;
  registry = fakeRegistry();
  const artifacts = fakeArtifacts();
  const open = () =>
    openScriptedProvider({
      models: ['large', 'small'],
      fault: ({ model }) => (model === 'large' ? fault : null),
    });
  providers = await Promise.all([open(), open()]);
  access = openModelAccess(
    providers.map(({ url }, place) => providerAt(url, { name: place === 0 ? 'first' : 'second' })),
    noSecret,
  );
  gateway = await startGateway({ registry, artifacts, access });
  key = addKey(registry, 'viewer');
  const standby = [{ provider: 'second', model: 'small', qualified: true }] as const;
  const base = { provider: 'first', model: 'large', adapter: null, standby };
  const manifest = await putBundle((bytes) => artifacts.put(bytes), {
    prompt: questionPrompt('Be brief.'),
    base,
  });
  registry.route('wiki-assistant', [{ alias: 'champion', version: 1, manifest }]);
});

afterEach(async () => {
  await gateway.stop();
  await access.close();
  await Promise.all(providers.map((provider) => provider.close()));
});

/** Until the gateway has loaded the version. */
async function ask(): Promise<number> {
  for (const end = Date.now() + 60_000; ;) {
    const { status } = await fetch(`${gateway.url}/v1/chat/completions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${key}` },
      body: JSON.stringify({
        model: 'wiki-assistant',
        messages: [{ role: 'user', content: 'who was Ada?' }],
      }),
    });
    if ((status !== 404 && status !== 503) || Date.now() > end) return status;
    await new Promise((again) => setTimeout(again, 20));
  }
}

async function loggedStandby(): Promise<StandbyModel | undefined> {
  for (const end = Date.now() + 60_000; registry.inserted.length === 0;) {
    if (Date.now() > end) throw new Error('nothing was logged within 10 s');
    await new Promise((again) => setTimeout(again, 10));
  }
  return (registry.inserted[0]?.output as { readonly standby?: StandbyModel }).standby;
}

test('an answer of the bundle’s own model is logged without a standby', async () => {
  expect(await ask()).toBe(200);
  expect(await loggedStandby()).toBeUndefined();
});

test.each<[string, Fault]>([
  ['fails', { kind: 'error', status: 503 }],
  ['limits the request rate', { kind: 'rateLimited', headers: { 'retry-after': '3600' } }],
])(
  'when the bundle’s own model %s, the log names the standby that answered',
  async (_, failing) => {
    fault = failing;
    expect(await ask()).toBe(200);
    expect(await loggedStandby()).toEqual({ provider: 'second', model: 'small' });
  },
);
