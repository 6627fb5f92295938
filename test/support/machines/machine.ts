/**
 * One machine on this machine: its own network, processes, host name and `/tmp`. If its first
 * process is killed, the kernel ends all others, and the files are gone.
 */
import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import type { ProcessGuard } from '../../../infra/death-watch';
import { descendantPids, pause } from '../process/product';
import type { Network, Place } from './network';

export interface MachineProcess {
  readonly command: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

export interface Machine extends Pick<Place, 'address' | 'cutOff' | 'reach' | 'setLink'> {
  readonly name: string;
  /** Keeps a process running until the machine is destroyed, as systemd does. */
  keepRunning(process: MachineProcess): void;
  /** Runs a process to its end and returns its output. */
  run(process: MachineProcess): Promise<string>;
  writeFile(path: string, text: string): void;
  /** Path outside the machine of its root folder, while it is up. */
  readonly files: string;
  /** Pids outside the machine of its processes whose command line contains the text. */
  pids(text: string): number[];
  /** Power loss: no process gets a signal that it can handle, and the disk is lost. */
  destroy(): Promise<void>;
  /** A new machine of the same name and address, with an empty disk. */
  replace(): Promise<void>;
  log(): string;
}

interface Started {
  readonly child: ChildProcess;
  /** Pid, outside the machine, of its first process. */
  readonly init: number;
  readonly namespace: string;
}

export interface MachineOptions {
  readonly network: Network;
  readonly name: string;
  /** Several machines may have the same one, as copies of one image do. */
  readonly hostname: string;
  /** A folder that all machines share, like one on a network. */
  readonly shared: string;
  /** Working folder of the processes. */
  readonly cwd: string;
  readonly guard: ProcessGuard;
}

/** A new /tmp hides the folders of the other machines, except the shared one. */
const boot = `
hostname "$NAME" && mount --make-rprivate / && mount --bind "$SHARED" /mnt &&
mount -t tmpfs tmpfs /tmp && mkdir -p "$SHARED" && mount --bind /mnt "$SHARED" && umount /mnt &&
echo booted && while :; do sleep 3600 & wait; done`;

const logCharacters = 2_000_000;

export async function startMachine(options: MachineOptions): Promise<Machine> {
  const { network, name, hostname, shared, cwd, guard } = options;
  const place = network.join(name);
  const kept: MachineProcess[] = [];
  const written = new Map<string, string>();
  let first = await start();
  let log = '';
  let isUp = true;

  /** Its parent is `unshare`, which kills the first process if it ends itself. */
  async function start(): Promise<Started> {
    const namespaces = ['--mount', '--uts', '--pid', '--fork', '--kill-child', '--mount-proc'];
    const child = spawn(
      'ip',
      ['netns', 'exec', place.namespace, 'unshare', ...namespaces, 'bash', '-c', boot],
      {
        cwd: '/',
        env: { PATH: process.env['PATH'], SHARED: shared, NAME: hostname },
        stdio: ['ignore', 'pipe', 'pipe'],
        detached: true,
      },
    );
    guard.add(child.pid ?? 0, 'SIGKILL', `machine ${name}`);
    let stderr = '';
    child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
    const booted = once(child.stdout, 'data').then(() => true);
    const failed = once(child, 'exit').then(() => false);
    if (await Promise.race([booted, failed])) {
      const [init = -1] = descendantPids(child.pid ?? -1, 'bash -c');
      return { child, init, namespace: readlinkSync(`/proc/${init}/ns/pid`) };
    }
    throw new Error(`the machine ${name} could not be started: ${stderr.trim()}`);
  }

  function enter({ command, env }: MachineProcess): ChildProcess {
    const parts = ['--mount', '--uts', '--net', '--pid'];
    const [HOME = '/root', PATH = ''] = [process.env['HOME'], process.env['PATH']];
    return spawn('nsenter', [`--target=${first.init}`, ...parts, `--wd=${cwd}`, '--', ...command], {
      env: { PATH, HOME, LANG: 'C.UTF-8', TZ: 'UTC', ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
  }

  function record(child: ChildProcess): void {
    const add = (chunk: Buffer) => (log = (log + chunk.toString()).slice(-logCharacters));
    child.stdout?.on('data', add);
    child.stderr?.on('data', add);
  }

  function launch(process: MachineProcess): void {
    const of = first;
    const child = enter(process);
    record(child);
    child.once('exit', () => {
      if (isUp && first === of) setTimeout(() => isUp && first === of && launch(process), 500);
    });
  }

  function write(path: string, text: string): void {
    const script = 'mkdir -p "$(dirname "$0")" && umask 077 && cat > "$0"';
    execFileSync('nsenter', [`--target=${first.init}`, '--mount', '--', 'sh', '-c', script, path], {
      input: text,
    });
  }

  async function destroy(): Promise<void> {
    if (!isUp) return;
    isUp = false;
    guard.drop(first.child.pid ?? 0);
    const ended = once(first.child, 'exit');
    process.kill(first.init, 'SIGKILL');
    await ended;
  }

  return {
    name,
    ...place,
    keepRunning: (process) => {
      kept.push(process);
      launch(process);
    },
    run: async (process) => {
      const child = enter(process);
      let [stdout, stderr] = ['', ''];
      child.stdout?.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
      child.stderr?.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
      const [code] = (await once(child, 'close')) as [number | null];
      if (code !== 0)
        throw new Error(`${process.command.join(' ')} on ${name} ended with ${code}: ${stderr}`);
      return stdout;
    },
    writeFile: (path, text) => {
      written.set(path, text);
      write(path, text);
    },
    get files() {
      return `/proc/${first.init}/root`;
    },
    pids: (text) => pidsIn(first.namespace, text),
    destroy,
    replace: async () => {
      await destroy();
      await pause(100);
      first = await start();
      isUp = true;
      for (const [path, text] of written) write(path, text);
      for (const process of kept) launch(process);
    },
    log: () => log,
  };
}

/** Of the machine, and of its jobs, which may have a namespace of their own. */
function pidsIn(namespace: string, text: string): number[] {
  const found = readdirSync('/proc').flatMap((entry) => {
    if (!/^\d+$/.test(entry)) return [];
    try {
      const command = readFileSync(`/proc/${entry}/cmdline`, 'utf8').replaceAll('\0', ' ');
      const [, parent = '0'] =
        /\) \S (\d+)/.exec(readFileSync(`/proc/${entry}/stat`, 'utf8')) ?? [];
      const isInside = readlinkSync(`/proc/${entry}/ns/pid`) === namespace;
      return [{ pid: Number(entry), parent: Number(parent), command, isInside }];
    } catch {
      return []; // it ended
    }
  });
  const byPid = new Map(found.map((process) => [process.pid, process]));
  const isOurs = (pid: number): boolean => {
    const process = byPid.get(pid);
    return process !== undefined && (process.isInside || isOurs(process.parent));
  };
  return found
    .filter(({ pid, command }) => command.includes(text) && isOurs(pid))
    .map(({ pid }) => pid);
}
