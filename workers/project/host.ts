/** Keeps one child process for each project build that is needed. */
import { spawn, type ChildProcess } from 'node:child_process';
import { join, resolve } from 'node:path';
import { isGrpcServiceError, type Connection } from '@temporalio/client';
import { endProcess } from '../../data/end-process';
import type { NeededBuild, ProjectRepository } from '../../db/project/repository';
import { passEnvironment } from '../../infra/hidden-settings';
import { platformTenant } from '../../domain/access/tenant';
import { toBuildId, projectDeployment } from '../../domain/lifecycle/sections/program';
import type { Logger } from '../log';
import { repeat, type Loop } from '../maintenance/loop';
import { endBlockedWorker, failStageIn, type FailStage } from './blocked-stage';
import { tenantCodeRefusal } from './tenant-code';

interface ProjectHostOptions {
  readonly registry: { readonly projects: Pick<ProjectRepository, 'needed'> };
  readonly temporal: { readonly connection: Connection; readonly namespace: string };
  readonly log: Logger;
  /** Removes what the stages of processes that have ended left on this machine. */
  readonly clearScratch: () => Promise<unknown>;
  /** Seconds between two looks at the registry. */
  readonly everySeconds?: number;
  /** Milliseconds that a child has to end before it is killed. */
  readonly stopMs?: number;
  readonly launch?: (build: NeededBuild) => ChildProcess;
  /** Fails the attempt of a stage that blocks its worker. */
  readonly failStage?: FailStage;
  /** Why the code of a tenant may not run here; null if it may. */
  readonly refuseTenantCode?: () => string | null;
}

interface HostedBuild {
  readonly build: NeededBuild;
  child: ChildProcess | null;
  failures: number;
  /** Milliseconds since the epoch. */
  nextStartAt: number;
  /** Whether Temporal routes scheduled runs of the project to this build. */
  isRouted: boolean;
  /** The last error of the routing that was logged. */
  routeError: string | null;
}

const root = resolve(__dirname, '..', '..');

/**
 * A build is needed while new runs use it or a run that started on it is open. Project code runs in
 * a process of its own, so that its errors cannot end the platform's worker.
 */
export function startProjectHost({
  registry,
  temporal,
  log,
  clearScratch,
  everySeconds = 1,
  stopMs = 10_000,
  launch = launchWorker,
  refuseTenantCode = () => tenantCodeRefusal,
  failStage = failStageIn(temporal),
}: ProjectHostOptions): Loop {
  const hosted = new Map<string, HostedBuild>();
  const ending = new Set<Promise<void>>();
  const refused = new Set<string>();
  /** A tenant's build may be older than the refusal of its code. */
  const mayRun = (build: NeededBuild): boolean => {
    const refusal = build.tenant === platformTenant ? null : refuseTenantCode();
    if (refusal === null) return true;
    const key = formatKey(build);
    if (!refused.has(key))
      log.warn({ ...describe(build), reason: refusal }, 'the code of a tenant is not run');
    refused.add(key);
    return false;
  };
  const end = (entry: HostedBuild): void => {
    const { child } = entry;
    entry.child = null;
    if (!child) return;
    const ended = endProcess(child, stopMs).finally(() => ending.delete(ended));
    ending.add(ended);
  };
  const look = async (): Promise<void> => {
    const needed = (await registry.projects.needed()).filter(mayRun);
    const keys = new Set(needed.map(formatKey));
    for (const [key, entry] of hosted) {
      if (keys.has(key)) continue;
      end(entry);
      hosted.delete(key);
      log.info(describe(entry.build), 'the project build is no longer needed');
    }
    for (const build of needed) {
      const entry = hosted.get(formatKey(build)) ?? newEntry(build);
      hosted.set(formatKey(build), entry);
      if (entry.child === null && Date.now() >= entry.nextStartAt)
        start(entry, { launch, log, clearScratch, failStage });
      if (!build.isCurrent) entry.isRouted = false;
      else if (!entry.isRouted) await route(entry, { temporal, log });
    }
  };
  const loop = repeat('project builds', everySeconds, look, log);
  return {
    stop: async () => {
      await loop.stop();
      for (const entry of hosted.values()) end(entry);
      hosted.clear();
      await Promise.all(ending);
    },
  };
}

/** The gRPC code of an answer that Temporal knows no worker of the build yet. */
const notFound = 5;
const failedPrecondition = 9;

/** Scheduled runs go to the current version. The next look tries again after an error. */
async function route(
  entry: HostedBuild,
  { temporal: { connection, namespace }, log }: Pick<ProjectHostOptions, 'temporal' | 'log'>,
): Promise<void> {
  const { build } = entry;
  try {
    await connection.workflowService.setWorkerDeploymentCurrentVersion({
      namespace,
      deploymentName: projectDeployment(build),
      buildId: toBuildId(build.digest),
      ignoreMissingTaskQueues: true,
      identity: 'perennial-project-host',
    });
    entry.isRouted = true;
    entry.routeError = null;
  } catch (error) {
    const code = isGrpcServiceError(error) ? (error.code as number) : null;
    if (code === notFound || code === failedPrecondition) return;
    const { message } = error as Error;
    if (message === entry.routeError) return;
    entry.routeError = message;
    log.warn(
      { ...describe(build), err: error },
      'scheduled runs are not routed to the project build; the next attempt follows',
    );
  }
}

function newEntry(build: NeededBuild): HostedBuild {
  return { build, child: null, failures: 0, nextStartAt: 0, isRouted: false, routeError: null };
}

function launchWorker({ tenant, project, digest }: NeededBuild): ChildProcess {
  const passed = passEnvironment(process.env);
  const child = spawn(
    process.execPath,
    [
      '-r',
      join(root, 'bin', 'load-sources.cjs'),
      join(root, 'workers', 'main.ts'),
      'project-worker',
      tenant,
      project,
      digest,
    ],
    {
      env: passed.env,
      cwd: root,
      // The last one is `blockedStageDescriptor`.
      stdio: ['pipe', 'inherit', 'inherit', passed.descriptor, 'pipe'],
    },
  );
  passed.close();
  return child;
}

function start(
  entry: HostedBuild,
  {
    launch,
    log,
    clearScratch,
    failStage,
  }: Required<Pick<ProjectHostOptions, 'launch' | 'log' | 'clearScratch' | 'failStage'>>,
): void {
  const startedAt = Date.now();
  const child = launch(entry.build);
  entry.child = child;
  endBlockedWorker(child, { failStage, log });
  log.info({ ...describe(entry.build), pid: child.pid }, 'project worker started');
  const finish = (reason: string): void => {
    if (entry.child !== child) return;
    entry.child = null;
    // The first restart is immediate, because most ends are accidents. Later ones wait longer.
    if (Date.now() - startedAt > healthyMs) entry.failures = 0;
    const waitMs = entry.failures === 0 ? 0 : Math.min(2 ** entry.failures * 500, 30_000);
    entry.failures += 1;
    entry.nextStartAt = Date.now() + waitMs;
    log.warn({ ...describe(entry.build), reason, waitMs }, 'project worker ended');
  };
  child.once('error', (error) => finish(error.message));
  child.once('exit', (code, signal) => {
    finish(signal ?? `exit code ${code ?? 'unknown'}`);
    clearScratch().catch((error: unknown) =>
      log.warn({ ...describe(entry.build), err: error }, 'scratch folders were not removed'),
    );
  });
}

const healthyMs = 60_000;
function formatKey({ tenant, project, digest }: NeededBuild): string {
  return `${tenant}/${project}/${digest}`;
}

function describe({ tenant, project, digest }: NeededBuild) {
  return { tenant, project, build: toBuildId(digest) };
}
