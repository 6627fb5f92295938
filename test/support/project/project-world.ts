/** A project that is built from files and run by a real worker on a real platform. */
import { randomUUID } from 'node:crypto';
import { join, resolve } from 'node:path';
import { Client, Connection } from '@temporalio/client';
import { DefaultLogger, NativeConnection, Runtime } from '@temporalio/worker';
import { createActivities } from '../../../activities';
import {
  createLifecycleClient,
  type LifecycleClient,
  type QueueName,
} from '../../../apps/temporal-clients/lifecycle-client';
import { planRerun } from '../../../apps/api/run/rerun';
import { startInput } from '../../../apps/temporal-clients/run-start-input';
import { buildProject, type BuiltProject } from '../../../apps/project/build';
import type { PythonMachine } from '../../../apps/project/python-steps';
import { computeDigest } from '../../../data/digest';
import { openTrainerCatalog } from '../../../data/training/catalog';
import { environmentsFolder } from '../../../data/training/python-environments';
import type { ArtifactRef } from '../../../domain/artifact';
import { defaultTenant, type RunId } from '../../../domain/ids';
import { isFinal } from '../../../domain/run/run';
import type { RerunRequest } from '../../../domain/run/rerun';
import type { ModelLifecycleSpec } from '../../../domain/lifecycle/lifecycle';
import type { RunRecord } from '../../../db/run/repository';
import { commandKeysFrom, ensureCommandKeys } from '../../../workers/access/command-keys';
import { openActivityDeps } from '../../../workers/activity-deps';
import { openCore, type Core } from '../../../workers/compose';
import { noPython, removeProject, writeFiles } from './folder';
import { readConfig, type Config } from '../../../workers/config';
import type { Environment } from '../../../workers/environment';
import { openLog } from '../../../workers/log';
import { createProjectWorker } from '../../../workers/project/worker';
import { workflowBundle } from '../../../workers/temporal/bundle';
import { createQueueWorker } from '../../../workers/temporal/worker';
import { buildPlan } from '../fake-activities';
import { pause } from '../process/product';

export interface ProjectWorld {
  readonly core: Core;
  readonly temporal: Client;
  readonly built: BuiltProject;
  readonly lifecycles: LifecycleClient;
  /** Polls the project's queue in this process, and the given queues of the product. */
  startWorkers(queues?: readonly QueueName[]): Promise<() => Promise<void>>;
  /** Records a run, which `begin` starts. */
  accept(lifecycle: string, params?: Readonly<Record<string, unknown>>): Promise<RunRecord>;
  /** Starts a recorded run once a worker of the build polls. */
  begin(run: RunRecord): Promise<void>;
  /** `accept` and `begin`. */
  start(lifecycle: string, params?: Readonly<Record<string, unknown>>): Promise<RunRecord>;
  /** What `perennial run rerun` does. */
  rerun(original: RunRecord, asked?: RerunRequest): Promise<RunRecord>;
  untilEnd(run: RunRecord, seconds?: number): Promise<RunRecord>;
  /** The recorded output of a stage. */
  output<Output>(run: RunRecord, stage: string): Promise<Output>;
  command(verb: 'pause' | 'resume', run: RunRecord): Promise<void>;
  close(): Promise<void>;
}

export type ProjectFiles = Readonly<Record<string, string>>;

const tenant = defaultTenant;
const trainers = openTrainerCatalog(resolve(__dirname, '..', '..', '..', 'trainers'));

/**
 * Builds the project as `perennial deploy` does, and registers its lifecycles with the policy of
 * the fake plan. `environment` has the settings of a platform.
 */
export async function openProjectWorld(
  environment: Environment,
  files: ProjectFiles,
): Promise<ProjectWorld> {
  const folder = writeFiles(files);
  const config = readConfig(environment);
  ensureCommandKeys(config.commandKeysFile);
  const core = openCore(config, 'perennial-test-project');
  const { registry, artifacts } = core;
  await artifacts.ensureBucket();
  const hasSteps = Object.keys(files).some((path) => path.startsWith('steps/'));
  const built = await buildProject(folder, hasSteps ? findPythonMachine(config) : noPython);
  const build = { ...built.build, digest: built.digest };
  const store = (text: string | Buffer) =>
    artifacts.putBytes({ tenant, bytes: Buffer.from(text), mediaType: 'text/plain' });
  const code = { workflows: await store(built.workflows), stages: await store(built.stages) };
  await registry.projects.register({ ...build, ...code, tenant, actor: 'test' });
  const stepFiles: Record<string, ArtifactRef> = {};
  for (const [path, bytes] of Object.entries(built.files)) stepFiles[path] = await store(bytes);
  const lock = built.lock === null ? null : await store(built.lock);
  for (const [name, document] of Object.entries(
    built.documents({ files: stepFiles, environment: lock }),
  )) {
    const { program } = document['spec'] as Pick<ModelLifecycleSpec, 'program'>;
    const spec = { ...buildPlan().spec, ...(program && { program }) };
    const digest = computeDigest({ name, spec });
    const revision = { lifecycle: name, digest, spec, files: {}, contracts: {} };
    await registry.lifecycles.apply({ tenant, revision, actor: 'test' });
  }
  const connection = await Connection.connect({ address: config.temporal.address });
  const { namespace } = config.temporal;
  const commandKeys = commandKeysFrom(config.commandKeysFile);
  const lifecycles = createLifecycleClient({ connection, namespace, uiUrl: null, commandKeys });
  const key = await registry.apiKeys.create({
    tenant,
    name: `test-${randomUUID()}`,
    scope: 'admin',
    actor: 'test',
  });

  const accept: ProjectWorld['accept'] = async (lifecycle, params = {}) => {
    const revision = await registry.lifecycles.get({ tenant, name: lifecycle });
    if (!revision) throw new Error(`there is no lifecycle ${lifecycle}`);
    return registry.runs.open({
      tenant,
      workflowId: `run/${tenant}/${lifecycle}/${randomUUID()}`,
      lifecycle,
      revisionDigest: revision.digest,
      request: { params },
      actor: 'test',
      traceId: randomUUID().replaceAll('-', ''),
    });
  };
  const begin: ProjectWorld['begin'] = async (run) => {
    for (const deadline = Date.now() + 60_000; ;) {
      try {
        await lifecycles.start(run.workflowId, startInput(tenant, run));
        return;
      } catch (error) {
        if (Date.now() > deadline) throw error;
        await pause(200);
      }
    }
  };

  return {
    core,
    temporal: new Client({ connection, namespace }),
    built,
    lifecycles,
    async startWorkers(queues = []) {
      const log = openLog('test-project', 'silent');
      const opened = openActivityDeps(config, core, log);
      const polling = await NativeConnection.connect({ address: config.temporal.address });
      const record = await registry.projects.get({
        tenant,
        project: build.project,
        build: built.digest,
      });
      if (!record) throw new Error('the build is not registered');
      const common = { connection: polling, namespace, log };
      const { deps } = opened;
      const workers = [
        await createProjectWorker({
          ...common,
          build: record,
          deps,
          readSecret: config.readSecret,
          folder,
        }),
      ];
      for (const queue of queues)
        workers.push(
          await createQueueWorker({
            ...common,
            queue,
            workflowBundle: await workflowBundle(),
            activities: createActivities(deps),
            events: registry.events,
          }),
        );
      const running = Promise.all(workers.map((worker) => worker.run()));
      return async () => {
        for (const worker of workers) worker.shutdown();
        await running;
        await opened.close();
        await polling.close();
      };
    },
    accept,
    begin,
    async start(lifecycle, params = {}) {
      const run = await accept(lifecycle, params);
      await begin(run);
      return run;
    },
    async rerun(original, asked = {}) {
      const planned = await planRerun({ registry, trainers }, original, asked);
      const { run } = await registry.runs.accept({
        tenant,
        lifecycle: original.lifecycle,
        revisionDigest: planned.revision.digest,
        request: planned.request,
        rerunOf: planned.rerunOf,
        actor: 'test',
        traceId: randomUUID().replaceAll('-', ''),
        requestDigest: computeDigest({ rerun: original.id, asked }),
      });
      await begin(run);
      return run;
    },
    async untilEnd({ id }, seconds = 100) {
      for (const deadline = Date.now() + seconds * 1000; ;) {
        const run = await registry.runs.get({ tenant, id });
        if (run && isFinal(run.status)) return run;
        if (Date.now() > deadline) throw new Error(`${id} has not ended after ${seconds} s`);
        await pause(100);
      }
    },
    async output<Output>({ id: runId }: { readonly id: RunId }, stage: string) {
      const record = await registry.stages.get({ tenant, runId, stage });
      return (record?.output as { readonly output: Output } | null)?.output as Output;
    },
    async command(verb, { workflowId }) {
      await lifecycles[verb](workflowId, { tenant, keyId: key.id, id: randomUUID() });
    },
    async close() {
      await connection.close();
      await core.close();
      removeProject(folder);
    },
  };
}

function findPythonMachine({ python, trainersDir, stateDir }: Config): PythonMachine {
  return {
    python,
    runtimeDir: join(trainersDir, 'runtime'),
    folder: environmentsFolder(join(stateDir, 'state')),
  };
}

/** Once in a process, before its first worker. */
export function quietTemporal(): void {
  Runtime.install({ logger: new DefaultLogger('ERROR') });
}
