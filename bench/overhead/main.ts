/**
 * Measures the overhead of Perennial over plain Temporal on the same machine, in turns: per stage,
 * for fifty lifecycles at once, for accepting a run, and after the death of a worker.
 */
import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { Client, Connection } from '@temporalio/client';
import { getGlobalDispatcher, request } from 'undici';
import { createApi } from '../../apps/api/server';
import { createIndexClient } from '../../apps/temporal-clients/index-client';
import { createLifecycleClient } from '../../apps/temporal-clients/lifecycle-client';
import { createPromptEvaluationClient } from '../../apps/temporal-clients/prompt-evaluation-client';
import { createPromptSearchClient } from '../../apps/temporal-clients/prompt-search-client';
import { createScheduleClient } from '../../apps/temporal-clients/schedule-client';
import { openTrainerCatalog } from '../../data/training/catalog';
import { computeDigest } from '../../data/digest';
import type { Registry } from '../../db/registry';
import { defaultTenant } from '../../domain/ids';
import { modelStages } from '../../domain/lifecycle/stages';
import { startPlatform } from '../../infra/platform';
import { ensureNamespace } from '../../infra/temporal-namespace';
import { buildPlan } from '../../test/support/fake-activities';
import { openProjectWorld, quietTemporal } from '../../test/support/project/project-world';
import { commandKeysFrom } from '../../workers/access/command-keys';
import { openCore, scratchRoot } from '../../workers/compose';
import { readConfig } from '../../workers/config';
import type { Environment } from '../../workers/environment';
import { openLog } from '../../workers/log';
import type { Hold } from './workflows';
import { median, quantile, report, rounded } from '../figures';

const root = resolve(__dirname, '..', '..');
const rounds = 15;
const atOnce = 50;
const accepts = 300;
const queue = 'bench';
const lifecycle = 'flight-delay';

async function main(): Promise<void> {
  quietTemporal();
  const stateDir = mkdtempSync(join(tmpdir(), 'perennial-bench-'));
  const ended = new AbortController();
  process.once('SIGINT', () => ended.abort());
  const environment = {
    ...process.env,
    PERENNIAL_API_PORT: undefined,
    PERENNIAL_GATEWAY_PORT: undefined,
  };
  const say = (line: string): void => void process.stderr.write(`${line}\n`);
  const platform = await startPlatform({
    environment,
    stateDir,
    cacheDir: join(root, '.perennial'),
    say,
    signal: ended.signal,
  });
  try {
    await measure(platform.environment);
  } finally {
    await platform.stop();
    rmSync(stateDir, { recursive: true, force: true });
  }
}

async function measure(settings: Environment): Promise<void> {
  const config = readConfig(settings);
  const core = openCore(config, 'perennial-bench');
  const { spec } = buildPlan();
  const revision = { lifecycle, digest: computeDigest({ spec }), spec, files: {}, contracts: {} };
  await core.registry.lifecycles.apply({ tenant: defaultTenant, revision, actor: 'bench' });
  const connection = await Connection.connect({ address: config.temporal.address });
  const client = new Client({ connection, namespace: config.temporal.namespace });
  const run = (workflow: 'bareStages' | 'noopLifecycle', more: NoopOptions = {}) =>
    execute(client, workflow, more);
  const worker = await startWorker(settings);

  for (let warm = 0; warm < 3; warm += 1)
    await Promise.all([run('bareStages'), run('noopLifecycle')]);
  const bare: number[] = [];
  const ours: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    bare.push(await timed(() => run('bareStages')));
    ours.push(await timed(() => run('noopLifecycle')));
  }
  const together = (workflow: 'bareStages' | 'noopLifecycle') =>
    timed(() => Promise.all(Array.from({ length: atOnce }, () => run(workflow))));
  const own = await ownStages(settings, () => run('noopLifecycle', { withActivity: true }));
  const burst = { bare: await together('bareStages'), ours: await together('noopLifecycle') };
  const accept = await acceptTimes(settings, core.registry);
  const death = await deaths(settings, client, core.registry, worker);
  await Promise.all([connection.close(), core.close()]);

  const stages = modelStages.length;
  const [bareStage, ourStage] = [median(bare) / stages, median(ours) / stages];
  report(
    'overhead',
    [
      [
        'one stage, plain Temporal activity',
        `${bareStage.toFixed(1)} ms (median of ${rounds} workflows of ${stages})`,
      ],
      [
        'one stage, Perennial: cache, records, audit',
        `${ourStage.toFixed(1)} ms, ${(ourStage / bareStage).toFixed(2)} times the plain one`,
      ],
      [
        'one stage with an activity, built in',
        `${own.builtInMs.toFixed(1)} ms (median of ${rounds} runs of ${stages})`,
      ],
      [
        'one stage of a project',
        `${own.ownMs.toFixed(1)} ms, ${(own.ownMs / own.builtInMs).toFixed(2)} times the built-in one`,
      ],
      [`${atOnce} at once, plain`, `${(burst.bare / 1000).toFixed(2)} s`],
      [`${atOnce} lifecycles of ${stages} stages at once`, `${(burst.ours / 1000).toFixed(2)} s`],
      [
        'API accepts a run',
        `p50 ${quantile(accept, 0.5).toFixed(1)} ms, p99 ${quantile(accept, 0.99).toFixed(1)} ms (${accepts} requests)`,
      ],
      ['worker killed between stages → next stage', `${(death.between / 1000).toFixed(1)} s`],
      [
        'worker killed in mid-stage → next stage',
        `${(death.inStage / 1000).toFixed(1)} s (heartbeat timeout 10 s)`,
      ],
    ],
    {
      bareStageMs: rounded(bareStage),
      stageMs: rounded(ourStage),
      builtInStageMs: rounded(own.builtInMs),
      ownStageMs: rounded(own.ownMs),
      burstBareSeconds: rounded(burst.bare / 1000, 2),
      burstSeconds: rounded(burst.ours / 1000, 2),
      acceptP50Ms: rounded(quantile(accept, 0.5)),
      acceptP99Ms: rounded(quantile(accept, 0.99)),
      deathBetweenSeconds: rounded(death.between / 1000),
      deathInStageSeconds: rounded(death.inStage / 1000),
    },
  );
}

/** Empty stages of a project beside built-in stages that execute one empty activity, in turns. */
async function ownStages(settings: Environment, builtIn: () => Promise<void>) {
  const world = await openProjectWorld(settings, emptyStages);
  const stop = await world.startWorkers();
  const ownRun = async (): Promise<number> => {
    const run = await world.accept('empty');
    return timed(async () => {
      await world.begin(run);
      await world.temporal.workflow.getHandle(run.workflowId).result();
    });
  };
  const times = { builtIn: [] as number[], own: [] as number[] };
  try {
    for (let round = -3; round < rounds; round += 1) {
      const [builtInMs, ownMs] = [await timed(builtIn), await ownRun()];
      if (round < 0) continue;
      times.builtIn.push(builtInMs);
      times.own.push(ownMs);
    }
  } finally {
    await stop();
    await world.close();
  }
  const stages = modelStages.length;
  return { builtInMs: median(times.builtIn) / stages, ownMs: median(times.own) / stages };
}

const emptyStages = {
  'perennial.config.ts': `
import { defineProject } from '@perennial-dev/perennial';
export default defineProject({
  name: 'bench-stages',
  owner: 'bench',
  lifecycles: { empty: { spec: {} as never } },
});
`,
  'stages/index.ts': `
import { defineStage, z } from '@perennial-dev/perennial';
export const nothing = defineStage({
  name: 'nothing',
  input: z.object({ number: z.number(), run: z.number() }),
  output: z.object({ done: z.number() }),
  run: (_, { number }) => Promise.resolve({ done: number }),
});
`,
  'lifecycles/empty.ts': `
import { lifecycle } from '@perennial-dev/perennial/workflow';
import type * as stages from '../stages';
export const empty = lifecycle<typeof stages>(async (run) => {
  // Another input in each run, so that no stage is reused.
  const id = run.random();
  for (let number = 0; number < ${modelStages.length}; number += 1)
    await run.stage('nothing', { number, run: id });
  return run.done('seven stages');
});
`,
};

interface NoopOptions {
  readonly hold?: Hold;
  readonly withActivity?: boolean;
}

function start(client: Client, workflow: string, more: NoopOptions = {}) {
  const input = {
    tenant: defaultTenant,
    lifecycle,
    request: {},
    actor: 'bench',
    traceId: randomUUID().replaceAll('-', ''),
    ...more,
  };
  return client.workflow.start(workflow, {
    workflowId: `bench/${randomUUID()}`,
    taskQueue: queue,
    args: workflow === 'bareStages' ? [] : [input],
  });
}

async function execute(client: Client, workflow: string, more: NoopOptions): Promise<void> {
  await (await start(client, workflow, more)).result();
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const startedAt = performance.now();
  await work();
  return performance.now() - startedAt;
}

async function startWorker(settings: Environment): Promise<ChildProcess> {
  const child = spawn(process.execPath, ['-r', 'tsx/cjs', join(__dirname, 'worker.ts'), queue], {
    cwd: root,
    env: settings,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await new Promise<void>((done, failed) => {
    child.stdout.once('data', () => done());
    child.once('exit', (code) =>
      failed(new Error(`the bench's worker ended with ${code ?? 'a signal'}`)),
    );
  });
  return child;
}

/** In a namespace without workers, so that only accepting and starting are measured. */
async function acceptTimes(settings: Environment, registry: Registry): Promise<number[]> {
  const config = readConfig(settings);
  const namespace = 'bench-accept';
  await ensureNamespace({ address: config.temporal.address, namespace, retentionDays: 1 });
  const core = openCore(config, 'perennial-bench-api');
  const connection = await Connection.connect({ address: config.temporal.address });
  const commandKeys = commandKeysFrom(config.commandKeysFile);
  const lifecycles = createLifecycleClient({ connection, namespace, uiUrl: null, commandKeys });
  const api = await createApi({
    ...core,
    lifecycles,
    schedules: createScheduleClient({ connection, namespace, uiUrl: null }),
    indexes: createIndexClient({ connection, namespace, uiUrl: null }),
    searches: createPromptSearchClient({ connection, namespace, uiUrl: null }),
    evaluations: createPromptEvaluationClient({ connection, namespace, uiUrl: null }),
    trainers: openTrainerCatalog(config.trainersDir),
    prices: config.prices,
    scratchRoot: scratchRoot(config),
    verifyAudit: (input) =>
      registry.audit.verify({
        ...input,
        trust: { fingerprints: [], ownKey: null },
        archives: core.auditArchives,
      }),
    pagesUrl: null,
    gatewayUrl: null,
    pagesDir: null,
    serviceKey: null,
    gatewayDispatcher: getGlobalDispatcher(),
    knownModels: null,
    secrets: { variables: [], folder: null },
    readSecret: config.readSecret,
    trustedProxies: [],
    refuseTenantCode: () => Promise.resolve(null),
    commandKeys,
    sources: {
      files: { roots: [], denied: [] },
      buckets: [],
      samplesDir: config.samplesDir,
      allowPrivateAddresses: false,
      s3: null,
    },
    log: openLog('bench-api', 'warn'),
  });
  const url = await api.listen({ host: '127.0.0.1', port: 0 });
  const { key } = await registry.apiKeys.create({
    tenant: defaultTenant,
    name: 'bench',
    scope: 'operator',
    actor: 'bench',
  });
  const times: number[] = [];
  for (let i = 0; i < accepts + 20; i += 1) {
    const headers = {
      authorization: `Bearer ${key}`,
      'content-type': 'application/json',
      'idempotency-key': randomUUID(),
    };
    const took = await timed(async () => {
      const answer = await request(`${url}/api/v1/lifecycles/${lifecycle}/runs`, {
        method: 'POST',
        headers,
        body: '{}',
      });
      const text = await answer.body.text();
      if (answer.statusCode !== 202)
        throw new Error(`the API responded with ${answer.statusCode}: ${text}`);
    });
    if (i >= 20) times.push(took);
  }
  await api.close();
  await Promise.all([connection.close(), core.close()]);
  return times;
}

/**
 * From the death of the worker that holds the run to the record of the next stage, with another
 * worker running.
 */
async function deaths(
  settings: Environment,
  client: Client,
  registry: Registry,
  first: ChildProcess,
): Promise<{ readonly between: number; readonly inStage: number }> {
  let worker = first;
  const killDuring = async (hold: Hold, last: string, next: string): Promise<number> => {
    const handle = await start(client, 'noopLifecycle', { hold });
    const runId = await until(async () => (await readRun(registry, handle.workflowId))?.id ?? null);
    const hasBegun = async (stage: string) =>
      (await registry.stages.get({ tenant: defaultTenant, runId, stage })) !== null;
    const begun = (stage: string) => until(async () => ((await hasBegun(stage)) ? true : null));
    await begun(last);
    const heldUntil = performance.now() + hold.milliseconds;
    const spare = await startWorker(settings);
    // Shortly before the hold ends, so that the other worker must run the next stage.
    await pause(heldUntil - performance.now() - 200);
    if (await hasBegun(next)) {
      // On a busy machine the other worker may start after the hold has ended. This attempt then
      // measures nothing, and a longer hold follows.
      await handle.result();
      spare.kill('SIGKILL');
      return killDuring({ ...hold, milliseconds: 2 * hold.milliseconds }, last, next);
    }
    worker.kill('SIGKILL');
    const took = await timed(() => begun(next));
    await handle.result();
    worker = spare;
    return took;
  };
  const between = await killDuring(
    { kind: 'beforeStage', stage: 'train', milliseconds: 8000 },
    'validate',
    'train',
  );
  const inStage = await killDuring(
    { kind: 'inStage', stage: 'train', milliseconds: 8000 },
    'train',
    'tune',
  );
  worker.kill('SIGTERM');
  return { between, inStage };
}

async function readRun(registry: Registry, workflowId: string) {
  const { items } = await registry.runs.list({ tenant: defaultTenant, lifecycle, pageSize: 5 });
  return items.find((run) => run.workflowId === workflowId);
}

async function until<T>(ask: () => Promise<T | null>): Promise<T> {
  for (;;) {
    const answer = await ask();
    if (answer !== null) return answer;
    await pause(10);
  }
}

function pause(milliseconds: number): Promise<void> {
  return new Promise((done) => setTimeout(done, milliseconds));
}

main().catch((error: unknown) => {
  process.stderr.write(
    `${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`,
  );
  process.exitCode = 1;
});
