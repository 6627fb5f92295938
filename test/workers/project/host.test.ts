import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { Connection } from '@temporalio/client';
import type { ApplicationFailure } from '@temporalio/common';
import pino from 'pino';
import type { NeededBuild } from '../../../db/project/repository';
import { defaultTenant, type Tenant } from '../../../domain/ids';
import { startProjectHost } from '../../../workers/project/host';
import { pause } from '../../support/process/product';
import { until } from '../../support/time/until';

const artifact = { uri: 's3://a', digest: 'sha256:a', bytes: 1, mediaType: 'a/b' } as const;
const buildNeed = (project: string, tenant = defaultTenant): NeededBuild => ({
  tenant,
  project,
  digest: `sha256:${'a'.repeat(64)}`,
  lifecycles: [project],
  workflows: artifact,
  stages: artifact,
  createdBy: 'test',
  createdAt: '2026-01-01T00:00:00Z',
  isCurrent: true,
});

/** An error of the gRPC client, by its status code. */
const grpcError = (code: number, details: string) =>
  Object.assign(new Error(`${code}: ${details}`), { code, details, metadata: {} });

interface LogLine {
  readonly level: number;
  readonly msg: string;
  readonly project?: string;
  readonly err?: { readonly message: string };
}

function openHost(
  route: () => Promise<unknown>,
  launch = (): ChildProcess =>
    spawn(process.execPath, [
      '-e',
      "process.on('SIGTERM', () => 0); setInterval(() => 0, 1000); console.log('ready')",
    ]),
) {
  const lines: LogLine[] = [];
  const log = pino({ level: 'info' }, { write: (text) => lines.push(JSON.parse(text) as LogLine) });
  const children: ChildProcess[] = [];
  const failures: { readonly token: string; readonly failed: ApplicationFailure }[] = [];
  let clearances = 0;
  let needed: readonly NeededBuild[] = [];
  const host = startProjectHost({
    registry: { projects: { needed: () => Promise.resolve(needed) } },
    temporal: {
      connection: {
        workflowService: { setWorkerDeploymentCurrentVersion: route },
      } as unknown as Connection,
      namespace: 'test',
    },
    log,
    clearScratch: () => Promise.resolve((clearances += 1)),
    everySeconds: 0.02,
    stopMs: 200,
    failStage: (blocked, failed) => {
      failures.push({ token: Buffer.from(blocked.taskToken, 'base64').toString(), failed });
      return Promise.resolve();
    },
    launch: () => {
      const child = launch();
      children.push(child);
      return child;
    },
  });
  return {
    host,
    children,
    failures,
    clearances: () => clearances,
    warnings: () => lines.filter(({ level }) => level >= 40),
    need: (...projects: readonly string[]) => {
      needed = projects.map((project) => buildNeed(project));
    },
    needOf: (tenant: Tenant, project: string) => {
      needed = [buildNeed(project, tenant)];
    },
  };
}

async function started(children: readonly ChildProcess[]): Promise<ChildProcess> {
  await until(() => children.length > 0);
  const [child] = children;
  if (!child?.stdout) throw new Error('there is no process');
  await once(child.stdout, 'data');
  return child;
}

test('the process of a build that is no longer needed ends even if it ignores SIGTERM', async () => {
  const { host, children, need, warnings } = openHost(() => Promise.resolve());
  need('shop');
  const child = await started(children);
  need();
  await until(() => child.signalCode !== null);
  expect(child.signalCode).toBe('SIGKILL');
  await host.stop();
  expect(children).toHaveLength(1);
  expect(warnings()).toEqual([]);
});

test('a process that dies starts again, and what its stages left is removed', async () => {
  const { host, children, need, clearances } = openHost(() => Promise.resolve());
  need('shop');
  const child = await started(children);
  child.kill('SIGKILL');
  await until(() => children.length === 2 && clearances() === 1);
  await host.stop();
  expect(clearances()).toBe(2);
});

test('a stop awaits the process of a build that is no longer needed', async () => {
  const { host, children, need } = openHost(() => Promise.resolve());
  need('shop');
  const child = await started(children);
  need();
  await pause(50);
  await host.stop();
  expect(child.signalCode).toBe('SIGKILL');
});

test('the code of a tenant is not run where workers do not confine it, and the log says so once', async () => {
  const { host, children, needOf, warnings } = openHost(() => Promise.resolve());
  needOf('team-b' as Tenant, 'shop');
  await until(() => warnings().length > 0);
  await pause(100);
  await host.stop();
  expect(children).toEqual([]);
  expect(warnings()).toMatchObject([
    { tenant: 'team-b', project: 'shop', msg: 'the code of a tenant is not run' },
  ]);
});

const blocking = join(__dirname, '..', '..', 'support', 'project', 'blocking-stages.ts');
const tsx = ['-r', require.resolve('tsx/cjs'), blocking];

describe('a stage that blocks the event loop of its worker', () => {
  test('fails by name, without another attempt, and a new worker runs the other stages', async () => {
    const { host, children, failures, need } = openHost(
      () => Promise.resolve(),
      () =>
        spawn(process.execPath, tsx, { stdio: ['pipe', 'inherit', 'inherit', 'ignore', 'pipe'] }),
    );
    need('shop');
    await until(() => children.length > 1, { seconds: 100 });
    need();
    await host.stop();
    const [first] = children;
    expect(first?.signalCode).toBe('SIGKILL');
    const [{ token, failed }] = failures as [(typeof failures)[0]];
    expect(token).toBe('spin');
    expect(failed).toMatchObject({ type: 'StageRefused', nonRetryable: true });
    expect(failed.message).toBe(
      'stage spin computed for more than 800ms without an await, which blocks all runs of its worker; the worker was restarted',
    );
  }, 120_000);

  test('does not outlive the process that started it', async () => {
    const parent = spawn(process.execPath, [...tsx, 'parent'], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const [line] = (await once(parent.stdout, 'data')) as [Buffer];
    const pid = Number(line.toString());
    expect(isAlive(pid)).toBe(true);
    await once(parent, 'exit');
    await until(() => !isAlive(pid), { seconds: 100 });
  }, 120_000);
});

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

describe('while scheduled runs cannot be routed to a build', () => {
  test('no worker of the build is known yet, which is no warning', async () => {
    const errors = [grpcError(5, 'not found'), grpcError(9, 'no pollers')];
    let calls = 0;
    const { host, need, warnings } = openHost(() => {
      const error = errors[calls];
      calls += 1;
      return error ? Promise.reject(error) : Promise.resolve();
    });
    need('shop');
    await until(() => calls === 3);
    await pause(100);
    await host.stop();
    expect(calls).toBe(3);
    expect(warnings().filter(({ msg }) => msg.includes('route'))).toEqual([]);
  });

  test('another error is logged once, and the processes of other builds start', async () => {
    let calls = 0;
    const { host, children, need, warnings } = openHost(() => {
      calls += 1;
      return Promise.reject(grpcError(7, 'no permission'));
    });
    need('shop', 'bikes');
    await until(() => children.length === 2 && calls > 5);
    await host.stop();
    expect(warnings().map(({ project, err }) => [project, err?.message])).toEqual([
      ['shop', '7: no permission'],
      ['bikes', '7: no permission'],
    ]);
  });
});
