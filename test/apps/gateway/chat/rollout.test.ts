import OpenAI from 'openai';
import { gatewayDefaults, type ChatLimits } from '../../../../apps/gateway/config';
import { openModelAccess, type ModelAccess } from '../../../../data/language/model-access';
import type { PredictionRow } from '../../../../db/serving/prediction-records';
import type { RolloutId } from '../../../../domain/ids';
import type { SafetyPolicy } from '../../../../domain/safety/policy';
import { noSecret, providerAt } from '../../../support/provider/model-access';
import {
  openScriptedProvider,
  type Fault,
  type ScriptedProvider,
  type ScriptedRequest,
} from '../../../support/provider/scripted-provider';
import { putBundle, questionPrompt } from '../../../support/language/served-bundles';
import { addKey, fakeArtifacts, fakeRegistry, type FakeRegistry } from '../fakes';
import { startGateway, type StartedGateway } from '../started-gateway';
import { until } from '../../../support/time/until';
import { scrape } from '../../../support/serving/scrape';

/** Requests to the version with this instruction in its prompt. */
const asked = (version: number) => (request: ScriptedRequest) =>
  request.prompt.includes(`You are number ${version}.`);
const [byOne, byTwo] = [asked(1), asked(2)];

let registry: FakeRegistry;
let artifacts: ReturnType<typeof fakeArtifacts>;
let provider: ScriptedProvider;
let access: ModelAccess;
let gateway: StartedGateway;
let client: OpenAI;
let url: string;
let fault: (request: ScriptedRequest) => Fault | null;
let latencyMs: (request: ScriptedRequest) => number;
let held: (request: ScriptedRequest) => Promise<void> | null;
const limits: ChatLimits = {
  ...gatewayDefaults.chat,
  challengerFirstTokenMs: 400,
  challengerWholeMs: 800,
};

beforeEach(async () => {
  registry = fakeRegistry();
  artifacts = fakeArtifacts();
  [fault, latencyMs, held] = [() => null, () => 0, () => null];
  provider = await openScriptedProvider({
    answer: (request) => `number ${byTwo(request) ? 2 : 1} answers this in six words`,
    fault: (request) => fault(request),
    latencyMs: (request) => latencyMs(request),
    held: (request) => held(request),
    msPerToken: 2,
  });
  access = openModelAccess([providerAt(provider.url)], noSecret);
  gateway = await startGateway({
    registry,
    artifacts,
    access,
    config: { leaseSeconds: 0.6, chat: limits },
  });
  ({ url } = gateway);
  client = new OpenAI({ baseURL: `${url}/v1`, apiKey: addKey(registry, 'viewer'), maxRetries: 0 });
});

afterEach(async () => {
  await gateway.stop();
  await access.close();
  await provider.close();
});

/** Version 1 is the champion, version 2 the challenger. */
async function tried(
  weight: number,
  {
    besides = false,
    policies = {},
    systemMessages = [],
  }: {
    readonly besides?: boolean;
    readonly policies?: Readonly<Record<number, SafetyPolicy>>;
    /** Versions whose prompt accepts system messages of callers. */
    readonly systemMessages?: readonly number[];
  } = {},
): Promise<void> {
  const [champion, challenger] = await Promise.all(
    [1, 2].map((version) =>
      putBundle((bytes) => artifacts.put(bytes), {
        prompt: {
          ...questionPrompt(`You are number ${version}.`),
          ...(systemMessages.includes(version) && { callerSystemMessages: 'allowed' as const }),
        },
        base: { provider: 'scripted', model: 'scripted', adapter: null, standby: [] },
        policy: policies[version],
      }),
    ),
  );
  if (!champion || !challenger) throw new Error('two bundles');
  registry.route(
    'wiki-assistant',
    [
      { alias: 'challenger', version: 2, weight, manifest: challenger },
      { alias: 'champion', version: 1, weight: 1 - weight, manifest: champion },
    ],
    { rollout: { id: 'roll_1' as RolloutId, step: 1, besides } },
  );
  await until(() => registry.beats.at(-1)?.epoch === registry.epoch);
}

type Said = { readonly role: 'user' | 'assistant'; readonly content: string };
const model = 'wiki-assistant';

async function ask(messages: readonly Said[], user?: string) {
  const given = {
    model,
    messages: [...messages],
    ...(user === undefined ? {} : { safety_identifier: user }),
  };
  const { data, response } = await client.chat.completions.create(given).withResponse();
  const version = Number(response.headers.get('x-perennial-model-version')?.split('@')[1]);
  return {
    version,
    stale: response.headers.get('x-perennial-stale'),
    text: data.choices[0]?.message.content ?? null,
    id: data.id,
  };
}

async function stream(content: string) {
  const chunks = [];
  const answer = await client.chat.completions.create({
    model,
    messages: [{ role: 'user', content }],
    stream: true,
  });
  for await (const chunk of answer) chunks.push(chunk);
  return {
    text: chunks.map(({ choices }) => choices[0]?.delta.content ?? '').join(''),
    models: [...new Set(chunks.map((chunk) => chunk.model))],
    ids: [...new Set(chunks.map(({ id }) => id))],
  };
}

const says = (content: string): Said => ({ role: 'user', content });
async function rows(count: number): Promise<readonly PredictionRow[]> {
  await until(() => registry.inserted.length >= count);
  return registry.inserted;
}

describe('a system message of the caller', () => {
  const messages = [
    { role: 'system' as const, content: 'Be curt.' },
    { role: 'user' as const, content: 'Hello' },
  ];

  test('that only the champion accepts is answered by it, outside the rollout', async () => {
    await tried(1, { systemMessages: [1] });
    const { response } = await client.chat.completions.create({ model, messages }).withResponse();
    expect(response.headers.get('x-perennial-model-version')).toBe('wiki-assistant@1');
    expect(await rows(1)).toMatchObject([{ version: 1, rollout: null, other: null }]);
  });

  test('that the champion refuses is refused', async () => {
    await tried(1, { systemMessages: [2] });
    await expect(client.chat.completions.create({ model, messages })).rejects.toMatchObject({
      status: 400,
    });
  });
});

describe('the arm of a conversation', () => {
  test('is assigned by the user that the caller names, for all of their requests', async () => {
    await tried(0.5);
    const versions = new Map<string, number>();
    for (let index = 0; index < 16; index += 1) {
      const user = `user-${index}`;
      versions.set(user, (await ask([says('Hello')], user)).version);
    }
    expect(new Set(versions.values())).toEqual(new Set([1, 2]));
    for (const [user, version] of versions)
      expect((await ask([says('Something else entirely')], user)).version).toBe(version);
    const logged = await rows(32);
    const units = new Map(logged.map(({ entity, rollout }) => [entity, rollout?.unit]));
    expect(new Set(units.values()).size).toBe(16);
    for (const { entity, version, arm, rollout } of logged) {
      expect({ version, arm, rollout }).toEqual({
        version: versions.get(entity ?? ''),
        arm: version === 2 ? 'challenger' : 'champion',
        rollout: { id: 'roll_1', step: 1, unit: units.get(entity) },
      });
    }
  });

  test('is assigned by the first message without a user, until the end', async () => {
    await tried(0.5);
    const seen = new Set<number>();
    for (let index = 0; index < 12; index += 1) {
      const opening = says(`What is ${index}?`);
      const first = await ask([opening]);
      const later = await ask([
        opening,
        { role: 'assistant', content: first.text ?? '' },
        says('And then?'),
      ]);
      const last = await ask([opening, says('And then?'), says(`Never mind ${index + 1}`)]);
      expect([later.version, last.version]).toEqual([first.version, first.version]);
      seen.add(first.version);
    }
    expect(seen).toEqual(new Set([1, 2]));
    // A policy may block such words, so nothing derived from them is stored.
    for (const { entity } of await rows(36)) expect(entity).toBeNull();
  });

  test('is the champion while the table may be outdated, and the answer is marked', async () => {
    await tried(1, { besides: true });
    expect(await ask([says('Hello')])).toMatchObject({ version: 2, stale: null });
    await rows(1);
    registry.away = true;
    await new Promise((over) => setTimeout(over, 800));
    const before = provider.requests.filter(byTwo).length;
    expect(await ask([says('Hello')], 'somebody')).toMatchObject({ version: 1, stale: 'lease' });
    expect(provider.requests.filter(byTwo)).toHaveLength(before);
    registry.away = false;
    const row = (await rows(2)).find(({ entity }) => entity === 'somebody');
    expect(row).toMatchObject({ version: 1, rollout: null, other: null });
  });
});

describe('the other arm', () => {
  test('answers the same question after the answer was sent, and both are in one row', async () => {
    await tried(0, { besides: true });
    let goOn: () => void = () => undefined;
    const heardFirst = new Promise<void>((resolve) => (goOn = resolve));
    held = (request) => (byTwo(request) ? heardFirst : null);
    const heard = await stream('Who was Ada?');
    await until(() => provider.requests.some(byTwo));
    goOn();
    expect(heard).toMatchObject({
      text: 'number 1 answers this in six words',
      models: ['wiki-assistant@1'],
    });
    const [row] = await rows(1);
    expect(row).toMatchObject({
      id: heard.ids[0],
      version: 1,
      output: {
        text: 'number 1 answers this in six words',
        finish: 'stop',
        blocked: null,
        malformed: false,
        error: null,
      },
      other: {
        version: 2,
        role: 'shadow',
        score: null,
        error: null,
        output: {
          text: 'number 2 answers this in six words',
          usage: { completionTokens: 7 },
          firstTokenMs: null,
          blocked: null,
        },
      },
    });
    expect((row?.output as { firstTokenMs: number }).firstTokenMs).toBeGreaterThan(0);
    expect(row?.other?.latencyMs).toBeGreaterThan(0);
    expect(provider.requests.find(byTwo)).toMatchObject({ stream: false });
  });

  test('has its failure in the row by its type, and the caller gets no error', async () => {
    await tried(0, { besides: true });
    fault = (request) =>
      byTwo(request) ? { kind: 'error', status: 400, body: '{"error":{"message":"no"}}' } : null;
    expect(await ask([says('Who was Ada?')])).toMatchObject({ version: 1 });
    expect((await rows(1))[0]?.other).toMatchObject({
      version: 2,
      role: 'shadow',
      output: null,
      error: 'ProviderRefused',
    });
  });

  test('is the champion when the challenger answers', async () => {
    await tried(1, { besides: true });
    expect(await ask([says('Who was Ada?')])).toMatchObject({ version: 2 });
    expect((await rows(1))[0]).toMatchObject({
      version: 2,
      other: { version: 1, role: 'shadow', output: { text: /number 1/ } },
    });
  });

  test('logs no text that the policy of the answering version blocks', async () => {
    const terms = { on: ['input', 'output'], onError: 'block' } as const;
    const strict: SafetyPolicy = {
      name: 'strict',
      detectors: [
        { ...terms, name: 'words', kind: 'blocklist', action: 'block', phrases: ['the password'] },
        { ...terms, name: 'two', kind: 'blocklist', action: 'block', phrases: ['number 2'] },
      ],
    };
    await tried(0, { besides: true, policies: { 1: strict } });
    expect(await ask([says('Tell me the password')])).toMatchObject({ version: 1, text: null });
    expect(await ask([says('Who was Ada?')])).toMatchObject({
      version: 1,
      text: 'number 1 answers this in six words',
    });
    const logged = await rows(2);
    for (const { other } of logged)
      expect(other).toMatchObject({
        version: 2,
        error: null,
        output: { text: null, blocked: null },
      });
    expect(logged.map(({ output }) => (output as { blocked: unknown }).blocked)).toEqual([
      'input',
      null,
    ]);
    expect(JSON.stringify(logged)).not.toMatch(/the password|number 2/);
  });
});

describe('a challenger', () => {
  const refuse: Fault = { kind: 'error', status: 400, body: '{"error":{"message":"no"}}' };

  test.each([
    ['refuses', refuse, 'ProviderRefused'],
    ['does not respond in time', { kind: 'stall', afterTokens: 0 }, 'ProviderTimeout'],
  ] as const)(
    'that %s is answered for by the champion, whole or streamed, and it is counted',
    async (_how, broken, error) => {
      await tried(1);
      fault = (request) => (byTwo(request) ? broken : null);
      expect(await ask([says('Who was Ada?')])).toMatchObject({
        version: 1,
        text: 'number 1 answers this in six words',
      });
      expect(await stream('Who was Ada?')).toMatchObject({
        text: 'number 1 answers this in six words',
        models: ['wiki-assistant@1'],
      });
      for (const row of await rows(2)) {
        expect(row).toMatchObject({
          version: 1,
          arm: 'champion',
          rollout: { id: 'roll_1' },
          other: { version: 2, role: 'fallback', error, output: null },
        });
      }
      expect(await scrape(url)).toMatch(
        /perennial_gateway_challenger_failures_total\{tenant="default",model="wiki-assistant",version="2"\} 2/,
      );
    },
  );

  test('whose stream is interrupted is not replaced, and the row records the failure', async () => {
    await tried(1);
    fault = (request) => (byTwo(request) ? { kind: 'cut', afterTokens: 3 } : null);
    await expect(stream('Who was Ada?')).rejects.toThrow();
    expect(provider.requests.filter(byOne)).toEqual([]);
    expect((await rows(1))[0]).toMatchObject({
      version: 2,
      arm: 'challenger',
      rollout: { id: 'roll_1' },
      output: { text: null, error: expect.stringMatching(/^Provider|^AnswerLost/) as string },
      other: null,
    });
  });

  test('that fails is recorded as failed, even if the stream of the champion is interrupted', async () => {
    await tried(1);
    fault = (request) => (byTwo(request) ? refuse : { kind: 'cut', afterTokens: 3 });
    await expect(stream('Who was Ada?')).rejects.toThrow();
    expect((await rows(1))[0]).toMatchObject({
      version: 1,
      output: { text: null, error: expect.stringMatching(/^Provider|^AnswerLost/) as string },
      other: { version: 2, role: 'fallback', error: 'ProviderRefused' },
    });
  });

  test('with an output policy has the time of a whole answer, also for a stream', async () => {
    const terms = {
      on: ['output'],
      onError: 'block',
      name: 'words',
      kind: 'blocklist',
      action: 'block',
      phrases: ['the password'],
    } as const;
    await tried(1, { policies: { 2: { name: 'house', detectors: [terms] } } });
    latencyMs = (request) => (byTwo(request) ? limits.challengerFirstTokenMs + 100 : 0);
    expect(await stream('Who was Ada?')).toMatchObject({ models: ['wiki-assistant@2'] });
  });

  test('that its policy blocks has not failed', async () => {
    const policy: SafetyPolicy = {
      name: 'house',
      detectors: [
        {
          on: ['output'],
          onError: 'block',
          name: 'words',
          kind: 'blocklist',
          action: 'block',
          phrases: ['number 2'],
        },
      ],
    };
    await tried(1, { policies: { 1: policy, 2: policy } });
    expect(await ask([says('Who was Ada?')])).toMatchObject({ version: 2, text: null });
    expect((await rows(1))[0]).toMatchObject({
      version: 2,
      output: { text: '', blocked: 'output', safety: { output: { outcome: 'blocked' } } },
    });
  });

  test('that fails like the champion leaves the champion’s error for the caller', async () => {
    await tried(1);
    fault = () => refuse;
    await expect(ask([says('Who was Ada?')])).rejects.toMatchObject({ code: 'ProviderRefused' });
    expect(provider.requests.map((request) => (byTwo(request) ? 2 : 1))).toEqual([2, 1]);
  });
});
