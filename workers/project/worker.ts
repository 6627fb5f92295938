/** Runs the workflows and stages of one project build. */
import { activityInfo } from '@temporalio/activity';
import type { NativeConnection } from '@temporalio/worker';
import { Worker } from '@temporalio/worker';
import type { ActivityDeps } from '../../activities';
import { createActivities } from '../../activities';
import { createProjectActivities } from '../../activities/project';
import { compiledFile, evaluate } from '../../apps/project/load-module';
import { openSourcePlace } from '../../apps/project/source-map';
import type { ProjectBuildRecord } from '../../db/project/repository';
import type { SecretRef } from '../../domain/access/secret-access';
import {
  toBuildId,
  projectDeployment,
  projectQueue,
} from '../../domain/lifecycle/sections/program';
import { isStageDefinition } from '../../domain/project/stage';
import type { Logger } from '../log';
import { maxStillMs, type LoopWatch } from './loop-watch';
import { activityBoundary } from '../temporal/activity-errors';

export interface ProjectWorkerOptions {
  readonly connection: NativeConnection;
  readonly namespace: string;
  readonly build: ProjectBuildRecord;
  readonly deps: ActivityDeps;
  readonly readSecret: (ref: SecretRef) => Promise<string>;
  /** Folder in which stages look up packages. */
  readonly folder: string;
  readonly log: Logger;
  /** Runs the code of a stage and notices when it blocks the process. */
  readonly watchLoop?: LoopWatch['watch'];
}

/**
 * The worker polls as a version of the project's deployment. Its workflows are pinned: a run ends
 * on the build with which it started.
 */
export async function createProjectWorker({
  connection,
  namespace,
  build,
  deps,
  readSecret,
  folder,
  log,
  watchLoop = async (_, work) => work(),
}: ProjectWorkerOptions): Promise<Worker> {
  const [workflows = '', stagesCode = ''] = await Promise.all(
    [build.workflows, build.stages].map(async (ref) =>
      Buffer.from(await deps.artifacts.getBytes(ref)).toString('utf8'),
    ),
  );
  const stages = Object.values(evaluate(stagesCode, folder)).filter(isStageDefinition);
  const { registry, artifacts, scratchRoot } = deps;
  return Worker.create({
    connection,
    namespace,
    taskQueue: projectQueue(build),
    workflowBundle: { code: workflows },
    // The records of a run are local activities of the worker that runs its workflow.
    activities: {
      ...createActivities(deps),
      ...createProjectActivities({
        registry,
        artifacts,
        scratchRoot,
        readSecret,
        stages,
        findPlace: openSourcePlace(stagesCode, compiledFile(folder)),
        log: stageLog(log),
        runCode: ({ name }, work) => {
          const { taskToken, startToCloseTimeoutMs } = activityInfo();
          return watchLoop(
            {
              name,
              taskToken: Buffer.from(taskToken).toString('base64'),
              limitMs: Math.min(startToCloseTimeoutMs, maxStillMs),
            },
            work,
          );
        },
      }),
    },
    interceptors: { activity: [activityBoundary(log, registry.events)] },
    workerDeploymentOptions: {
      version: { deploymentName: projectDeployment(build), buildId: toBuildId(build.digest) },
      useWorkerVersioning: true,
      defaultVersioningBehavior: 'PINNED',
    },
    stickyQueueScheduleToStartTimeout: '1s',
    shutdownGraceTime: '5s',
    maxHeartbeatThrottleInterval: '1s',
    defaultHeartbeatThrottleInterval: '1s',
    maxConcurrentActivityTaskExecutions: 8,
  });
}

function stageLog(log: Logger) {
  const write =
    (level: 'debug' | 'info' | 'warn' | 'error') =>
    (message: string, fields: Readonly<Record<string, unknown>> = {}): void =>
      log[level](fields, message);
  return { debug: write('debug'), info: write('info'), warn: write('warn'), error: write('error') };
}
