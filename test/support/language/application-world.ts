/**
 * Versions of a language application in a rollout, with real gateways, registry, workflow and
 * activities. Only the model is scripted.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client, Connection, type WorkflowHandle } from '@temporalio/client';
import { DefaultLogger, NativeConnection, Runtime, Worker } from '@temporalio/worker';
import OpenAI from 'openai';
import { acceptAllCommands } from '../commands';
import {
  createJudgeAnswersActivities,
  type JudgingConfig,
} from '../../../activities/language/judge-answers';
import { createRolloutActivities } from '../../../activities/rollout/rollout';
import { createWatchRolloutActivities } from '../../../activities/rollout/watch';
import { openModelAccess, type ModelAccess } from '../../../data/language/model-access';
import type { RolloutRecord } from '../../../db/rollout/records';
import { defaultTenant as tenant, type RunId } from '../../../domain/ids';
import { answerLabel } from '../../../domain/lifecycle/llm/canary/canary';
import {
  llmCanarySchema,
  type LlmCanaryDocument,
} from '../../../domain/lifecycle/llm/canary/canary.schema';
import type { CanarySpec } from '../../../domain/rollout/canary';
import type { ModelVersionRef } from '../../../domain/model/model';
import { workflowBundle } from '../../../workers/temporal/bundle';
import type { RolloutInput } from '../../../workflows/rollout/input';
import { taskQueues } from '../../../workflows/run/messages';
import { startRun } from '../../db/registry-fixture';
import type { GatewayProcess } from '../process/gateway-process';
import { noSecret, providerAt } from '../provider/model-access';
import { migratedDatabase, testBucket, testTemporal } from '../platform';
import {
  openScriptedProvider,
  type Script,
  type ScriptedProvider,
} from '../provider/scripted-provider';
import { putBundle, questionPrompt } from './served-bundles';
import { openServingWorld, type ServingWorld } from '../serving/serving-world';

/** The name of the application. */
export const atlas = 'atlas';

export interface OpenedRollout {
  readonly handle: WorkflowHandle;
  readonly runId: RunId;
  readonly now: () => Promise<RolloutRecord | null>;
}

export interface AtlasAnswer {
  readonly id: string;
  readonly version: number;
  readonly text: string;
}

/** The feedback to an answer. */
export type FeedbackOf = (answer: { readonly land: number; readonly text: string }) => object;
export const rightAnswer: FeedbackOf = ({ land }) => ({
  label: [`City ${land}`, `the city ${land}`],
});

export interface ApplicationWorld extends ServingWorld {
  readonly provider: ScriptedProvider;
  readonly gateways: readonly GatewayProcess[];
  /** A version with this instruction. A careless version knows only every second capital. */
  atlasThat(instruction: string): Promise<ModelVersionRef>;
  /** Starts the workflow's rollout of a challenger beside the champion. */
  beginRollout(
    challenger: ModelVersionRef,
    over?: Partial<LlmCanaryDocument>,
    judging?: JudgingConfig,
  ): Promise<OpenedRollout>;
  /**
   * Asks for the capital of a country, streamed or whole. Throws if the gateway does not answer, or
   * if an answer is of two versions.
   */
  ask(
    gateway: GatewayProcess,
    question: { readonly land: number; readonly user: string; readonly stream: boolean },
  ): Promise<AtlasAnswer>;
  tell(gateway: GatewayProcess, feedback: object): Promise<void>;
}

export async function openApplicationWorld({
  gateways: count = 1,
  ...script
}: Script & { readonly gateways?: number } = {}): Promise<ApplicationWorld> {
  const folder = mkdtempSync(join(tmpdir(), 'perennial-applications-'));
  const database = await migratedDatabase();
  const provider = await openScriptedProvider({
    answer({ prompt }) {
      const land = Number(/Land (\d+)/.exec(prompt)?.[1]);
      return prompt.includes('Do not care') && land % 2 === 1 ? 'No idea' : `City ${land}`;
    },
    ...script,
  });
  const world = await openServingWorld(database.url, testBucket());
  let started = 0;
  const start = () =>
    world.startGateway(join(folder, String((started += 1))), { PERENNIAL_LLM_URL: provider.url });
  const gateways = await Promise.all(Array.from({ length: count }, start));
  const access = openModelAccess([providerAt(provider.url)], noSecret);
  const worker = await startWorkers(world, access);

  return {
    ...world,
    provider,
    gateways,
    async atlasThat(instruction) {
      const put = (bytes: Uint8Array) =>
        world.artifacts.putBytes({ tenant, bytes, mediaType: 'application/json' });
      const base = { provider: 'embedded', model: 'scripted', adapter: null, standby: [] };
      return world.registerManifest(
        await putBundle(put, { model: atlas, prompt: questionPrompt(instruction), base }),
      );
    },

    beginRollout: (challenger, over = {}, judging) =>
      beginRollout(world, worker.client, challenger, over, judging),

    async ask({ url }, { land, user, stream }) {
      const client = new OpenAI({ baseURL: `${url}/v1`, apiKey: world.keys.viewer, maxRetries: 0 });
      const content = `What is the capital of Land ${land}?`;
      const request = {
        model: atlas,
        messages: [{ role: 'user' as const, content }],
        safety_identifier: user,
      };
      const names = new Set<string>();
      let [id, text] = ['', ''];
      if (stream) {
        for await (const chunk of await client.chat.completions.create({
          ...request,
          stream: true,
        })) {
          ({ id } = chunk);
          text += chunk.choices[0]?.delta.content ?? '';
          names.add(chunk.model);
        }
      } else {
        const answer = await client.chat.completions.create(request);
        ({ id } = answer);
        text = answer.choices[0]?.message.content ?? '';
        names.add(answer.model);
      }
      const [name, ...others] = names;
      if (name === undefined || others.length > 0)
        throw new Error(`one answer is of ${[...names].join(' and ') || 'nobody'}`);
      return { id, text, version: Number(name.split('@')[1]) };
    },

    async tell({ url }, feedback) {
      const headers = {
        'content-type': 'application/json',
        authorization: `Bearer ${world.keys.operator}`,
      };
      const told = await fetch(`${url}/v1/feedback`, {
        method: 'POST',
        headers,
        body: JSON.stringify(feedback),
      });
      if (told.status !== 200) throw new Error(`feedback: ${told.status} ${await told.text()}`);
    },

    async close() {
      await worker.stop();
      await access.close();
      await Promise.all(gateways.map((gateway) => gateway.stop()));
      await provider.close();
      await world.close();
      await database.drop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** One worker watches, and one calls models. */
async function startWorkers(
  { registry, artifacts }: ServingWorld,
  access: ModelAccess,
): Promise<{ readonly client: Client; stop(): Promise<void> }> {
  Runtime.install({ logger: new DefaultLogger('ERROR') });
  const { address, namespace } = await testTemporal();
  const native = await NativeConnection.connect({ address });
  const connection = await Connection.connect({ address });
  const worker = await Worker.create({
    connection: native,
    namespace,
    taskQueue: taskQueues.orchestrator,
    workflowBundle: await workflowBundle(),
    // On a separate queue, because the queue for model calls has two slots, which an idle watch
    // must not occupy.
    activities: {
      ...createRolloutActivities({ registry }),
      admitCommand: acceptAllCommands,
      ...createWatchRolloutActivities({ registry }),
      ...createJudgeAnswersActivities({ registry, artifacts, access }),
    },
  });
  const running = worker.run();
  return {
    client: new Client({ connection, namespace }),
    async stop() {
      worker.shutdown();
      await running;
      await connection.close();
      await native.close();
    },
  };
}

async function beginRollout(
  { registry }: ServingWorld,
  client: Client,
  challenger: ModelVersionRef,
  over: Partial<LlmCanaryDocument>,
  judging: JudgingConfig | undefined,
): Promise<OpenedRollout> {
  const { champion } = await registry.aliases.get({ tenant, model: atlas });
  const version = await registry.routing.version({
    tenant,
    model: atlas,
    version: champion?.version ?? 0,
  });
  if (!champion || !version) throw new Error(`${atlas} has no champion`);
  const guardrails: LlmCanaryDocument['guardrails'] = [
    { name: 'errors', max: 0.05 },
    { name: 'first_token_ms', max: 10_000 },
  ];
  const usual: LlmCanaryDocument = {
    steps: [0, 50],
    quality: { measure: 'f1', margin: 0.2 },
    guardrails,
    test: { alpha: 0.1, minSamples: 30, minDuration: '0s' },
  };
  const canary = withJudge(llmCanarySchema.parse({ ...usual, ...over }), judging);
  const runId = await startRun(registry);
  const input: RolloutInput = {
    tenant,
    runId,
    traceId: '0'.repeat(32),
    model: atlas,
    challenger,
    canary,
    label: answerLabel(canary),
    parkWhenPassed: false,
    champion: { version, fencing: champion.fencing },
    ...(judging && { judging }),
  };
  const { orchestrator } = taskQueues;
  const handle = await client.workflow.start('canaryRollout', {
    taskQueue: orchestrator,
    workflowId: `rollout/${runId}`,
    args: [input],
  });
  const now = () => registry.rollouts.ofRun({ tenant, runId });
  for (const end = Date.now() + 60_000; (await now()) === null;) {
    if (Date.now() > end) throw new Error('no rollout was opened');
    await new Promise((again) => setTimeout(again, 20));
  }
  return { handle, now, runId };
}

/** As the run's canary stage records it. */
function withJudge(
  { quality, ...canary }: CanarySpec,
  judging: JudgingConfig | undefined,
): CanarySpec {
  const { answers } = quality;
  return {
    ...canary,
    quality:
      answers && judging ? { ...quality, answers: { ...answers, judge: judging.judge } } : quality,
  };
}
