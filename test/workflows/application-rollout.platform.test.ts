/** Two versions of a language application on trial beside each other: real gateway, registry, workflow and activities; the model alone is scripted. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client, Connection } from '@temporalio/client';
import { DefaultLogger, NativeConnection, Runtime, Worker } from '@temporalio/worker';
import OpenAI from 'openai';
import { createRolloutActivities } from '../../activities/rollout';
import { createWatchRolloutActivities } from '../../activities/watch-rollout';
import { defaultTenant as tenant } from '../../domain/ids';
import { answerLabel, llmCanaryOf } from '../../domain/llm/canary';
import { llmCanarySchema, type LlmCanaryDocument } from '../../domain/llm/canary.schema';
import type { ModelVersionRef } from '../../domain/model';
import { workflowBundle } from '../../workers/bundle';
import type { RolloutInput, RolloutOutcome } from '../../workflows/canary-rollout';
import { taskQueues } from '../../workflows/messages';
import { startRun } from '../db/registry-fixture';
import { startGatewayProcess, type GatewayProcess } from '../support/gateway-process';
import { record } from '../support/lifecycle-runs';
import { migratedDatabase, testBucket, testTemporal } from '../support/platform';
import { openScriptedProvider, type ScriptedProvider } from '../support/scripted-provider';
import { putBundle, questionPrompt } from '../support/served-bundles';
import { openServingWorld, type ServingWorld } from '../support/serving-world';

jest.setTimeout(120_000);

const model = 'atlas';
let folder: string;
let database: Awaited<ReturnType<typeof migratedDatabase>>;
let provider: ScriptedProvider;
let world: ServingWorld;
let gateway: GatewayProcess;
let asking: OpenAI;
let temporal: { readonly client: Client; readonly native: NativeConnection; stop(): Promise<void> };

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'perennial-applications-'));
  database = await migratedDatabase();
  // Whoever is told to be careless knows every other capital.
  provider = await openScriptedProvider({
    answer({ prompt }) {
      const land = Number(/Land (\d+)/.exec(prompt)?.[1]);
      return prompt.includes('Do not care') && land % 2 === 1 ? 'No idea' : `City ${land}`;
    },
  });
  const s3 = testBucket();
  world = await openServingWorld(database.url, s3);
  const environment = { PERENNIAL_LLM_URL: provider.url };
  gateway = await startGatewayProcess({ databaseUrl: database.url, s3, stateDir: folder, environment });
  asking = new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey: world.keys.viewer, maxRetries: 0 });
  temporal = await startWorker();
});

afterAll(async () => {
  await temporal.stop();
  await gateway.stop();
  await provider.close();
  await world.close();
  await database.drop();
  rmSync(folder, { recursive: true, force: true });
});

async function startWorker() {
  Runtime.install({ logger: new DefaultLogger('ERROR') });
  const { address, namespace } = await testTemporal();
  const native = await NativeConnection.connect({ address });
  const connection = await Connection.connect({ address });
  const { registry } = world;
  const worker = await Worker.create({
    connection: native,
    namespace,
    taskQueue: taskQueues.orchestrator,
    workflowBundle: await workflowBundle(),
    activities: { ...createRolloutActivities({ registry }), ...createWatchRolloutActivities({ registry }) },
  });
  const running = worker.run();
  const stop = async () => {
    worker.shutdown();
    await running;
    await connection.close();
    await native.close();
  };
  return { client: new Client({ connection, namespace }), native, stop };
}

async function register(instruction: string): Promise<ModelVersionRef> {
  const put = (bytes: Uint8Array) => world.artifacts.putBytes({ tenant, bytes, mediaType: 'application/json' });
  const base = { provider: 'embedded', model: 'scripted', adapter: null, standby: [] };
  return world.registerManifest(await putBundle(put, { model, prompt: questionPrompt(instruction), base }));
}

async function beginRollout(challenger: ModelVersionRef, over: Partial<LlmCanaryDocument> = {}) {
  const { champion } = await world.registry.aliases.get({ tenant, model });
  const version = await world.registry.routing.version({ tenant, model, version: champion?.version ?? 0 });
  if (!champion || !version) throw new Error('there is a champion');
  const canary = llmCanaryOf(
    llmCanarySchema.parse({
      steps: [0, 50],
      quality: { measure: 'f1', margin: 0.2 },
      guardrails: [
        { name: 'errors', max: 0.05 },
        { name: 'first_token_ms', max: 10_000 },
      ],
      test: { alpha: 0.1, minSamples: 30 },
      ...over,
    }),
  );
  const runId = await startRun(world.registry);
  const input: RolloutInput = {
    ...{ tenant, runId, traceId: '0'.repeat(32), model, challenger, canary, label: answerLabel(canary), parkWhenPassed: false },
    champion: { version, fencing: champion.fencing },
  };
  const handle = await temporal.client.workflow.start('canaryRollout', {
    taskQueue: taskQueues.orchestrator,
    workflowId: `rollout/${runId}`,
    args: [input],
  });
  const now = () => world.registry.rollouts.ofRun({ tenant, runId });
  for (const end = Date.now() + 20_000; (await now()) === null;) {
    if (Date.now() > end) throw new Error('no rollout was opened');
    await new Promise((again) => setTimeout(again, 20));
  }
  return { handle, now, runId };
}

interface Answer {
  readonly user: string;
  readonly version: number;
  readonly step: number | undefined;
}

/** Questions with known answers, until the rollout has come to something: every other is streamed, and every answer's right one is told. */
async function replay({ now }: Awaited<ReturnType<typeof beginRollout>>, say: Say = rightAnswer): Promise<readonly Answer[]> {
  const answers: Answer[] = [];
  for (let land = 0; land < 1_500; land += 4) {
    const rollout = await now();
    if (rollout?.status !== 'running') return answers;
    answers.push(...(await Promise.all([0, 1, 2, 3].map((each) => ask(land + each, rollout.step, say)))));
  }
  throw new Error(`nothing was decided on ${answers.length} questions: ${JSON.stringify((await now())?.state.evidence)}`);
}

/** What is told of an answer. */
type Say = (answer: { readonly land: number; readonly text: string }) => object;
const rightAnswer: Say = ({ land }) => ({ label: [`City ${land}`, `the city ${land}`] });
const opinion: Say = ({ land, text }) => ({ thumbs: text === `City ${land}` ? 'up' : 'down' });

async function ask(land: number, step: number, say: Say): Promise<Answer> {
  const user = `user-${land % 24}`;
  const request = {
    model,
    messages: [{ role: 'user' as const, content: `What is the capital of Land ${land}?` }],
    safety_identifier: user,
  };
  const names = new Set<string>();
  let id = '';
  let text = '';
  if (land % 2 === 0) {
    const answer = await asking.chat.completions.create(request);
    ({ id } = answer);
    text = answer.choices[0]?.message.content ?? '';
    names.add(answer.model);
  } else {
    for await (const chunk of await asking.chat.completions.create({ ...request, stream: true })) {
      ({ id } = chunk);
      text += chunk.choices[0]?.delta.content ?? '';
      names.add(chunk.model);
    }
  }
  // A whole stream is of one version.
  expect(names.size).toBe(1);
  const told = await fetch(`${gateway.url}/v1/feedback`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${world.keys.operator}` },
    body: JSON.stringify({ predictionId: id, ...say({ land, text }) }),
  });
  expect(told.status).toBe(200);
  return { user, version: Number([...names][0]?.split('@')[1]), step };
}

test('one that answers as well goes from shadow to half of the callers, and is promoted', async () => {
  await world.promote(await register('Answer well.'));
  const challenger = await register('Answer well, and be kind.');
  const rollout = await beginRollout(challenger);
  const answers = await replay(rollout);
  const row = await rollout.now();
  expect(row).toMatchObject({ status: 'passed', verdict: { kind: 'passed' }, paired: true });
  expect(row?.state.evidence).toMatchObject({ quality: { kind: 'pairs' }, shown: {} });
  // In shadow it answers nobody; later each caller has one version, and all go on being answered.
  expect(new Set(answers.filter(({ step }) => step === 0).map(({ version }) => version))).toEqual(new Set([1]));
  const byUser = new Map<string, Set<number>>();
  // The first round may still have met the gateway in shadow.
  for (const { user, version } of answers.filter(({ step }) => step === 1).slice(24))
    byUser.set(user, (byUser.get(user) ?? new Set()).add(version));
  expect(new Set([...byUser.values()].flatMap((versions) => [...versions]))).toEqual(new Set([1, 2]));
  for (const versions of byUser.values()) expect(versions.size).toBe(1);

  const { champion } = await world.registry.aliases.get({ tenant, model });
  const promotion = await world.registry.aliases.promote({
    ...{
      tenant,
      model,
      version: 2,
      decisionId: row?.decisionId ?? null,
      runId: rollout.runId,
      actor: 'test',
      cause: 'its canary has passed',
    },
    ...{
      expectedChampion: champion ?? { version: null, fencing: 0 },
      idempotencyKey: 'promote-the-kind-one',
      ...(row && { rollout: row.id }),
    },
  });
  expect(promotion.kind).toBe('promoted');
  expect((await rollout.handle.result()) as RolloutOutcome).toMatchObject({ kind: 'promoted', verdict: { kind: 'passed' } });
  await record('canary-rollout-application-promoted', rollout.handle);
});

test('one that answers worse is taken back while it answers nobody', async () => {
  const rollout = await beginRollout(await register('Do not care.'));
  const answers = await replay(rollout);
  const outcome = (await rollout.handle.result()) as RolloutOutcome;
  expect(outcome).toMatchObject({ kind: 'rolledBack', verdict: { kind: 'failed' } });
  expect(outcome.verdict.reasons.find(({ outcome: said }) => said === 'failed')).toMatchObject({ code: 'quality.refuted' });
  expect(outcome.verdict.reasons.map(({ message }) => message).join('\n')).toContain('f1-loss worse than the champion');
  expect(new Set(answers.map(({ version }) => version))).toEqual(new Set([2]));
  expect((await world.registry.aliases.get({ tenant, model })).champion).toMatchObject({ version: 2 });
  expect(await rollout.now()).toMatchObject({ weight: 0, rollback: { from: 3, to: 2, unconfirmed: [] } });
  await record('canary-rollout-application-rolled-back', rollout.handle);
});

test('one that callers like less is taken back from those whom it answers, by what they say of their own answers alone', async () => {
  const rollout = await beginRollout(await register('Do not care, and be kind.'), {
    steps: [50],
    quality: { from: 'callers', margin: 0.1 },
  });
  const answers = await replay(rollout, opinion);
  const outcome = (await rollout.handle.result()) as RolloutOutcome;
  expect(outcome).toMatchObject({ kind: 'rolledBack', verdict: { kind: 'failed' } });
  expect(outcome.verdict.reasons.map(({ message }) => message).join('\n')).toContain('caller-loss worse than the champion');
  expect(new Set(answers.map(({ version }) => version))).toEqual(new Set([2, 4]));
  expect((await rollout.now())?.state.evidence).toMatchObject({ quality: { kind: 'arms' } });
  expect(await ask(1, 0, opinion)).toMatchObject({ version: 2 });
});
