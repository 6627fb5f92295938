import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import OpenAI, { APIError } from 'openai';
import { Client } from 'pg';
import { defaultTenant as tenant } from '../../../../domain/ids';
import type { GatewayProcess } from '../../../support/process/gateway-process';
import { migratedDatabase, testBucket } from '../../../support/platform';
import {
  openScriptedProvider,
  type ScriptedProvider,
} from '../../../support/provider/scripted-provider';
import { putBundle, questionPrompt } from '../../../support/language/served-bundles';
import { openServingWorld, type ServingWorld } from '../../../support/serving/serving-world';

let folder: string;
let database: Awaited<ReturnType<typeof migratedDatabase>>;
let provider: ScriptedProvider;
let world: ServingWorld;
const bucket = testBucket();

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'perennial-streams-'));
  database = await migratedDatabase();
  provider = await openScriptedProvider({
    msPerToken: 100,
    answer: ({ prompt }) => 'word '.repeat(prompt.includes('briefly') ? 20 : 1000),
  });
  world = await openServingWorld(database.url, bucket);
  const manifest = await putBundle(
    (bytes) => world.artifacts.putBytes({ tenant, bytes, mediaType: 'application/json' }),
    {
      prompt: questionPrompt('Be long.'),
      base: { provider: 'scripted', model: 'scripted', adapter: null, standby: [] },
      sampling: { temperature: 0, topP: 1, maxTokens: 100_000, seed: null, stop: [] },
    },
  );
  await world.promote(await world.registerManifest(manifest));
});

afterAll(async () => {
  await world.close();
  await provider.close();
  await database.drop();
  rmSync(folder, { recursive: true, force: true });
});

function startGateway(
  name: string,
  environment: Readonly<Record<string, string>> = {},
): Promise<GatewayProcess> {
  const file = join(folder, 'providers.yaml');
  const scripted = {
    url: provider.url,
    allowPrivateAddresses: true,
    limits: { concurrency: 1000 },
  };
  const document = {
    apiVersion: 'perennial.dev/v1',
    kind: 'Platform',
    metadata: { name: 'test' },
    spec: { providers: { scripted } },
  };
  writeFileSync(file, JSON.stringify(document));
  return world.startGateway(join(folder, name), { PERENNIAL_PROVIDERS_FILE: file, ...environment });
}

/** Reads one stream to its end, complete or not. */
async function listen(client: OpenAI, content: string, onText: () => void): Promise<string> {
  let text = '';
  try {
    const messages = [{ role: 'user' as const, content }];
    for await (const { choices } of await client.chat.completions.create({
      model: 'wiki-assistant',
      messages,
      stream: true,
    })) {
      text += choices[0]?.delta.content ?? '';
      if (text !== '') onText();
    }
    return text;
  } catch (error) {
    return error instanceof APIError ? String(error.code) : String(error);
  }
}

async function rowsLogged(): Promise<number> {
  const registry = new Client({ connectionString: database.url });
  await registry.connect();
  try {
    const { rows } = await registry.query<{ count: number }>(
      'SELECT count(*)::int AS count FROM predictions',
    );
    return rows[0]?.count ?? 0;
  } finally {
    await registry.end();
  }
}

test('a gateway after SIGTERM completes short streams, aborts long ones, logs answers and exits', async () => {
  const gateway = await startGateway('drains', { PERENNIAL_GATEWAY_DRAIN_SECONDS: '5' });
  const client = new OpenAI({
    baseURL: `${gateway.url}/v1`,
    apiKey: world.keys.viewer,
    maxRetries: 0,
  });
  let begun = 0;
  const asked = [...Array<string>(10).fill('briefly'), ...Array<string>(10).fill('at length')];
  const heard = asked.map((content) => {
    let isFirst = true;
    return listen(client, content, () => {
      if (isFirst) begun += 1;
      isFirst = false;
    });
  });
  while (begun < asked.length) await new Promise((later) => setTimeout(later, 20));
  await gateway.stop();
  const answers = await Promise.all(heard);
  expect(new Set(answers.slice(0, 10))).toEqual(new Set(['word '.repeat(20)]));
  expect(new Set(answers.slice(10))).toEqual(new Set(['GatewayStopping']));
  expect(gateway.exitCode()).toBe(0);
  expect(gateway.log()).not.toMatch(/"level":"(error|fatal)"/);
  expect(await rowsLogged()).toBe(10);
});

test('a gateway does not start when its limit of answers exceeds its open files', async () => {
  await expect(
    startGateway('too-many', { PERENNIAL_GATEWAY_MAX_ANSWERS: '1000000' }),
  ).rejects.toThrow(/PERENNIAL_GATEWAY_MAX_ANSWERS=1000000 needs 2000500 open files/);
});
