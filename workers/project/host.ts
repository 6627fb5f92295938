/** Keeps one child process for each project build that is needed. */
import { spawn, type ChildProcess } from 'node:child_process';
import { join, resolve } from 'node:path';
import { isGrpcServiceError, type Connection } from '@temporalio/client';
import type { Registry } from '../../db/registry';
import type { NeededBuild } from '../../db/project/repository';
import { passEnvironment } from '../../infra/hidden-settings';
import { buildIdOf, projectDeployment } from '../../domain/project/program';
import type { Logger } from '../log';
import { repeat, type Loop } from '../maintenance/loop';

interface ProjectHostOptions {
  readonly registry: Pick<Registry, 'projects'>;
  readonly temporal: { readonly connection: Connection; readonly namespace: string };
  readonly log: Logger;
  /** Seconds between two looks at the registry. */
  readonly everySeconds?: number;
}

interface HostedBuild {
  readonly build: NeededBuild;
  child: ChildProcess | null;
  failures: number;
  /** Milliseconds since the epoch. */
  nextStartAt: number;
  /** Whether Temporal routes scheduled runs of the project to this build. */
  isRouted: boolean;
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
  everySeconds = 1,
}: ProjectHostOptions): Loop {
  const hosted = new Map<string, HostedBuild>();
  const look = async (): Promise<void> => {
    const needed = await registry.projects.needed();
    const keys = new Set(needed.map(keyOf));
    for (const [key, entry] of hosted) {
      if (keys.has(key)) continue;
      entry.child?.kill('SIGTERM');
      hosted.delete(key);
      log.info(describe(entry.build), 'the project build is no longer needed');
    }
    for (const build of needed) {
      const entry = hosted.get(keyOf(build)) ?? newEntry(build);
      hosted.set(keyOf(build), entry);
      if (entry.child === null && Date.now() >= entry.nextStartAt) start(entry, log);
      if (!build.isCurrent) entry.isRouted = false;
      else if (!entry.isRouted) entry.isRouted = await routeTo(build, temporal);
    }
  };
  const loop = repeat('project builds', everySeconds, look, log);
  return {
    stop: async () => {
      await loop.stop();
      const children = [...hosted.values()].flatMap(({ child }) => child ?? []);
      hosted.clear();
      await Promise.all(children.map(endOf));
    },
  };
}

/** Scheduled runs go to the current version. False while Temporal knows no worker of the build. */
async function routeTo(
  build: NeededBuild,
  { connection, namespace }: ProjectHostOptions['temporal'],
): Promise<boolean> {
  try {
    await connection.workflowService.setWorkerDeploymentCurrentVersion({
      namespace,
      deploymentName: projectDeployment(build),
      buildId: buildIdOf(build.digest),
      ignoreMissingTaskQueues: true,
      identity: 'perennial-project-host',
    });
    return true;
  } catch (error) {
    if (isGrpcServiceError(error)) return false;
    throw error;
  }
}

function newEntry(build: NeededBuild): HostedBuild {
  return { build, child: null, failures: 0, nextStartAt: 0, isRouted: false };
}

function start(entry: HostedBuild, log: Logger): void {
  const { tenant, project, digest } = entry.build;
  const passed = passEnvironment(process.env);
  const startedAt = Date.now();
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
    { env: passed.env, cwd: root, stdio: ['pipe', 'inherit', 'inherit', passed.descriptor] },
  );
  passed.close();
  entry.child = child;
  log.info({ ...describe(entry.build), pid: child.pid }, 'project worker started');
  const ended = (reason: string): void => {
    if (entry.child !== child) return;
    entry.child = null;
    // The first restart is immediate, because most ends are accidents. Later ones wait longer.
    if (Date.now() - startedAt > healthyMs) entry.failures = 0;
    const waitMs = entry.failures === 0 ? 0 : Math.min(2 ** entry.failures * 500, 30_000);
    entry.failures += 1;
    entry.nextStartAt = Date.now() + waitMs;
    log.warn({ ...describe(entry.build), reason, waitMs }, 'project worker ended');
  };
  child.once('error', (error) => ended(error.message));
  child.once('exit', (code, signal) => ended(signal ?? `exit code ${code ?? 'unknown'}`));
}

const healthyMs = 60_000;
const stopMs = 10_000;

async function endOf(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  await new Promise<void>((settle) => {
    const timer = setTimeout(() => child.kill('SIGKILL'), stopMs);
    child.once('exit', () => {
      clearTimeout(timer);
      settle();
    });
    child.kill('SIGTERM');
  });
}

function keyOf({ tenant, project, digest }: NeededBuild): string {
  return `${tenant}/${project}/${digest}`;
}

function describe({ tenant, project, digest }: NeededBuild) {
  return { tenant, project, build: buildIdOf(digest) };
}
