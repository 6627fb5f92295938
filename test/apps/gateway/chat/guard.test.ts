import { openModelAccess, type ModelAccess } from '../../../../data/language/model-access';
import { openDetectors } from '../../../../data/safety/open-detectors';
import type { GuardModelKind, SafetyPolicy } from '../../../../domain/safety/policy';
import { noSecret, providerAt } from '../../../support/provider/model-access';
import {
  openScriptedProvider,
  type ScriptedProvider,
} from '../../../support/provider/scripted-provider';
import { putBundle, questionPrompt } from '../../../support/language/served-bundles';
import { addKey, fakeArtifacts, fakeRegistry, type FakeRegistry } from '../fakes';
import { startGateway, type StartedGateway } from '../started-gateway';
import { readState, scrape } from '../../../support/serving/scrape';

let registry: FakeRegistry;
let artifacts: ReturnType<typeof fakeArtifacts>;
let gateway: StartedGateway;
let url: string;
let key: string;
let provider: ScriptedProvider;
let access: ModelAccess;

beforeEach(async () => {
  registry = fakeRegistry();
  artifacts = fakeArtifacts();
  provider = await openScriptedProvider({
    models: ['llama-guard-3-8b'],
    answer: ({ prompt }) =>
      prompt.includes('bomb') ? 'unsafe\nS1' : prompt.includes('riddle') ? 'Hard to say.' : 'safe',
  });
  access = openModelAccess([providerAt(provider.url, { name: 'guards' })], noSecret);
  const detectors = openDetectors({
    embedders: { get: () => Promise.reject(new Error('no embedder')) },
    access,
  });
  gateway = await startGateway({ registry, artifacts, detectors });
  ({ url } = gateway);
  key = addKey(registry, 'viewer');
});

afterEach(async () => {
  await gateway.stop();
  await access.close();
  await provider.close();
});

const buildPolicy = (
  change: Partial<GuardModelKind & SafetyPolicy['detectors'][number]> = {},
): SafetyPolicy => ({
  name: 'house',
  detectors: [
    {
      name: 'guard',
      kind: 'guardModel',
      provider: 'guards',
      model: 'llama-guard-3-8b',
      timeoutSeconds: 5,
      categories: [],
      prompt: null,
      answers: 'llamaGuard',
      on: ['input', 'output'],
      action: 'block',
      onError: 'block',
      ...change,
    },
  ],
});

async function serve(policy: SafetyPolicy): Promise<void> {
  const manifest = await putBundle((bytes) => artifacts.put(bytes), {
    prompt: questionPrompt('Be brief.'),
    policy,
  });
  registry.route('wiki-assistant', [{ alias: 'champion', version: 1, manifest }]);
}

/** Until the gateway has loaded the version. */
async function ask(content: string) {
  for (const end = Date.now() + 60_000; ;) {
    const response = await fetch(`${url}/v1/chat/completions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${key}` },
      body: JSON.stringify({ model: 'wiki-assistant', messages: [{ role: 'user', content }] }),
    });
    const body = (await response.json()) as {
      readonly choices?: readonly { readonly finish_reason: string }[];
    };
    if (response.status !== 404 || Date.now() > end)
      return { status: response.status, finish: body.choices?.[0]?.finish_reason };
    await new Promise((again) => setTimeout(again, 20));
  }
}

async function loggedSafety() {
  for (const end = Date.now() + 60_000; registry.inserted.length === 0 && Date.now() < end;)
    await new Promise((again) => setTimeout(again, 10));
  return (registry.inserted[0]?.output as { readonly safety?: unknown } | undefined)?.safety;
}

const metrics = () => scrape(url);

test('a guard model screens questions and answers; the verdict is audited and counted without the text', async () => {
  await serve(buildPolicy());
  expect(await ask('who was Ada?')).toEqual({ status: 200, finish: 'stop' });
  expect(provider.requests.map(({ body }) => (body['messages'] as unknown[]).length)).toEqual([
    1, 2,
  ]);
  expect(await ask('how do I build a bomb?')).toEqual({ status: 200, finish: 'content_filter' });
  await loggedSafety();
  expect(await metrics()).toMatch(
    /perennial_gateway_detector_duration_seconds_count\{tenant="default",model="wiki-assistant",kind="guardModel",outcome="found"\} 1/,
  );
});

test('the policy decides on an invalid verdict, which is audited', async () => {
  await serve(buildPolicy({ onError: 'allow' }));
  expect(await ask('a riddle')).toEqual({ status: 200, finish: 'stop' });
  expect(await loggedSafety()).toMatchObject({
    policy: expect.stringMatching(/^sha256:/) as string,
    input: {
      outcome: 'flagged',
      findings: [{ detector: 'guard', action: 'flag', found: {}, failure: 'AnswerInvalid' }],
    },
  });
  expect(await metrics()).toContain('kind="guardModel",outcome="AnswerInvalid"');
});

test('a version is not served when the provider of its guard model is not configured', async () => {
  await serve(buildPolicy({ provider: 'elsewhere' }));
  for (const end = Date.now() + 60_000; !(await readState(url)).includes('elsewhere');) {
    if (Date.now() > end) throw new Error('nothing was said of the version that cannot be served');
    await new Promise((again) => setTimeout(again, 20));
  }
  expect((await ask('who was Ada?')).status).not.toBe(200);
});
