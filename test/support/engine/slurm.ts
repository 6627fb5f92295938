/** A Slurm cluster of one or more nodes on this machine, in a folder of its own. Needs root. */
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { createHmac, randomBytes } from 'node:crypto';
import {
  mkdirSync,
  openSync,
  closeSync,
  readFileSync,
  rmdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { hostname, tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { openDeathWatch } from '../../../infra/death-watch';
import { freePorts } from '../../../infra/ports';
import { pause } from '../process/product';

export interface RunningSlurm {
  readonly url: string;
  readonly user: string;
  /** A JSON web token of the user. */
  token(): Promise<string>;
  readonly workingDirectory: string;
  /** CPUs of each node. */
  readonly cpus: number;
  readonly nodes: readonly string[];
  /** Runs Slurm's own client, which shows what the scheduler knows. */
  client(program: 'scontrol' | 'squeue' | 'scancel', ...args: readonly string[]): string;
  /** The controller loses all jobs, as after their minimum age. */
  forgetJobs(): Promise<void>;
  /** Ends the controller while slurmrestd keeps running. */
  stopController(): Promise<void>;
  startController(): Promise<void>;
  close(): Promise<void>;
}

const cpus = 4;
const memoryMebibytes = 4000;

export async function startSlurm({ nodeCount = 1 } = {}): Promise<RunningSlurm> {
  requirePrograms();
  const folder = await mkdtemp(join(tmpdir(), 'perennial-slurm-'));
  const [controllerPort = 0, restPort = 0, ...nodePorts] = await freePorts(2 + nodeCount);
  const user = userInfo().username;
  const nodes = nodePorts.map((_, place) => `node${process.pid}-${place + 1}`);
  const workingDirectory = join(folder, 'work');
  for (const name of ['work', 'state', 'spool', ...nodes.map((node) => `spool/${node}`)])
    mkdirSync(join(folder, name));
  const jwtKey = randomBytes(32);
  writeFileSync(join(folder, 'jwt.key'), jwtKey, { mode: 0o600 });
  writeFileSync(join(folder, 'slurm.key'), randomBytes(1024), { mode: 0o600 });
  const cgroups = hasMemoryCgroups(String(process.pid));
  writeFileSync(
    join(folder, 'slurm.conf'),
    configuration({ folder, user, nodes, controllerPort, nodePorts, cgroups }),
  );
  writeFileSync(
    join(folder, 'cgroup.conf'),
    cgroups
      ? 'CgroupPlugin=cgroup/v1\nConstrainRAMSpace=yes\nCgroupMountpoint=/sys/fs/cgroup\n'
      : 'CgroupPlugin=disabled\n',
  );
  // Two devices that every machine has stand in for GPUs.
  writeFileSync(
    join(folder, 'gres.conf'),
    ['/dev/zero', '/dev/full']
      .map((device) => `NodeName=${nodes.join(',')} Name=gpu File=${device}\n`)
      .join(''),
  );

  const watch = openDeathWatch();
  const environment = { ...process.env, SLURM_CONF: join(folder, 'slurm.conf') };
  const start = (program: string, args: readonly string[], more: Record<string, string> = {}) => {
    const output = openSync(join(folder, `${program}.out`), 'a');
    const child = spawn(program, args, {
      env: { ...environment, ...more },
      stdio: ['ignore', output, output],
      detached: true,
    });
    closeSync(output);
    if (child.pid !== undefined) watch.add(child.pid, 'SIGTERM', program);
    return child;
  };
  const token = (): string => jsonWebToken(jwtKey, user);
  const client: RunningSlurm['client'] = (program, ...args) => {
    const result = spawnSync(program, args, {
      env: { ...environment, SLURM_JWT: token() },
      encoding: 'utf8',
      timeout: 20_000,
    });
    if (result.status !== 0) throw new Error(`${program} ${args.join(' ')}: ${result.stderr}`);
    return result.stdout;
  };
  const startController = (...args: string[]) => start('slurmctld', ['-D', '-i', ...args]);
  let controller = startController();
  const daemons: ChildProcess[] = [];
  // One after the other: each replaces the same socket of the machine, and two at once fail.
  for (const node of nodes) {
    const daemon = start('slurmd', ['-D', '-N', node]);
    daemons.push(daemon);
    const hasStarted = () => outputs(folder).includes(`slurmd-${node}: slurmd started`);
    for (const deadline = Date.now() + 30_000; !hasStarted() && Date.now() < deadline;) {
      if (hasEnded(daemon)) break;
      await pause(20);
    }
  }
  const rest = start(
    'slurmrestd',
    ['-a', 'rest_auth/jwt', '-s', 'openapi/slurmctld', `127.0.0.1:${restPort}`],
    { SLURM_JWT: 'daemon', SLURMRESTD_SECURITY: 'disable_user_check' },
  );
  const ready = async (): Promise<void> => {
    const deadline = Date.now() + 30_000;
    for (;;) {
      const states = nodes.map((node) =>
        attempt(() => client('scontrol', '--json', 'show', 'node', node)),
      );
      const isReady = /"state": \[\s*"(IDLE|MIXED|ALLOCATED)"\s*\]/;
      if (states.every((state) => state !== null && isReady.test(state))) return;
      if (Date.now() > deadline || [controller, ...daemons, rest].some(hasEnded))
        throw new Error(`Slurm did not start: ${outputs(folder)}`);
      await pause(100);
    }
  };
  const url = `http://127.0.0.1:${restPort}`;
  const close = async (): Promise<void> => {
    attempt(() => client('scancel', `--user=${user}`, '--signal=KILL'));
    for (const child of [rest, ...daemons, controller]) await end(child);
    await watch.close();
    for (const kind of ['memory', 'cpuset', 'devices', 'freezer', 'cpuacct', 'cpu'])
      for (const node of nodes) attempt(() => rmdirSync(`/sys/fs/cgroup/${kind}/slurm_${node}`));
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    await ready();
    await listening(url);
  } catch (error) {
    await close();
    throw error;
  }
  return {
    url,
    user,
    token: () => Promise.resolve(token()),
    workingDirectory,
    cpus,
    nodes,
    client,
    async forgetJobs() {
      await end(controller);
      controller = startController('-c');
      await ready();
    },
    stopController: () => end(controller),
    async startController() {
      controller = startController();
      await ready();
    },
    close,
  };
}

function requirePrograms(): void {
  const missing = ['slurmctld', 'slurmd', 'slurmrestd', 'scontrol'].filter(
    (program) => spawnSync('/bin/sh', ['-c', `command -v ${program}`]).status !== 0,
  );
  if (missing.length > 0)
    throw new Error(
      `${missing.join(', ')} of Slurm are not installed. Run: npm run provision:engines`,
    );
}

function configuration(of: {
  readonly folder: string;
  readonly user: string;
  readonly nodes: readonly string[];
  readonly controllerPort: number;
  readonly nodePorts: readonly number[];
  readonly cgroups: boolean;
}): string {
  const host = hostname().split('.')[0] ?? 'localhost';
  return `
ClusterName=test
SlurmctldHost=${host}(127.0.0.1)
SlurmctldPort=${of.controllerPort}
SlurmUser=${of.user}
SlurmdUser=${of.user}
AuthType=auth/slurm
AuthAltTypes=auth/jwt
AuthAltParameters=jwt_key=${of.folder}/jwt.key
CredType=cred/slurm
${
  of.cgroups
    ? `ProctrackType=proctrack/cgroup
TaskPlugin=task/cgroup
JobAcctGatherType=jobacct_gather/cgroup`
    : `ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherParams=OverMemoryKill`
}
JobAcctGatherFrequency=task=1
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU_Memory
PreemptType=preempt/partition_prio
PreemptMode=CANCEL
GresTypes=gpu
MpiDefault=none
MessageTimeout=5
SchedulerParameters=batch_sched_delay=0
MailProg=/bin/true
ReturnToService=2
KillWait=2
SlurmdParameters=config_overrides
StateSaveLocation=${of.folder}/state
SlurmdSpoolDir=${of.folder}/spool/%n
SlurmdPidFile=${of.folder}/spool/%n.pid
SlurmctldPidFile=${of.folder}/slurmctld.pid
${of.nodes.map((node, place) => `NodeName=${node} NodeHostname=${host} NodeAddr=127.0.0.1 Port=${of.nodePorts[place]} CPUs=${cpus} RealMemory=${memoryMebibytes} Gres=gpu:2 State=UNKNOWN`).join('\n')}
PartitionName=main Nodes=${of.nodes.join(',')} Default=YES MaxTime=60 PriorityTier=10 PreemptMode=OFF State=UP
PartitionName=spare Nodes=${of.nodes.join(',')} MaxTime=60 PriorityTier=1 State=UP
`.trimStart();
}

/** Whether this process may limit memory by cgroups of version 1. Version 2 needs systemd. */
function hasMemoryCgroups(name: string): boolean {
  const probe = `/sys/fs/cgroup/memory/perennial-probe-${name}`;
  const made = attempt(() => {
    mkdirSync(probe);
    writeFileSync(join(probe, 'memory.limit_in_bytes'), '100000000');
    return true;
  });
  attempt(() => rmdirSync(probe));
  return made === true;
}

function jsonWebToken(key: Buffer, user: string): string {
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  const now = Math.floor(Date.now() / 1000);
  const claims = { iat: now, exp: now + 3600, sun: user };
  const signed = `${part({ alg: 'HS256', typ: 'JWT' })}.${part(claims)}`;
  return `${signed}.${createHmac('sha256', key).update(signed).digest('base64url')}`;
}

async function listening(url: string): Promise<void> {
  const deadline = Date.now() + 10_000;
  while (
    !(await fetch(`${url}/openapi/v3`).then(
      () => true,
      () => false,
    ))
  ) {
    if (Date.now() > deadline) throw new Error(`slurmrestd does not listen at ${url}`);
    await pause(100);
  }
}

function hasEnded(child: ChildProcess): boolean {
  return child.exitCode !== null || child.signalCode !== null || child.pid === undefined;
}

async function end(child: ChildProcess): Promise<void> {
  if (hasEnded(child)) return;
  const gone = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGTERM');
  const late = setTimeout(() => child.kill('SIGKILL'), 10_000);
  await gone;
  clearTimeout(late);
}

function outputs(folder: string): string {
  return ['slurmctld', 'slurmd', 'slurmrestd']
    .map((program) => attempt(() => readFileSync(join(folder, `${program}.out`), 'utf8')) ?? '')
    .map((text) => text.slice(-2000))
    .join('\n');
}

function attempt<Value>(action: () => Value): Value | null {
  try {
    return action();
  } catch {
    return null;
  }
}
