import { spawn, type ChildProcess } from 'node:child_process';
import type {
  ComputeEngine,
  EngineJob,
  EngineJobState,
} from '../../../activities/training/compute/remote/engine';

interface EngineProcess {
  readonly child: ChildProcess;
  readonly startedAt: string;
  endedAt: string | null;
  output: string;
  isCancelled: boolean;
  isPreempted: boolean;
}

export interface ProcessEngine extends ComputeEngine {
  readonly submitted: EngineJob[];
  /** Kills the process of a job without a report, like a machine that fails. */
  kill(name: string): Promise<void>;
  /** Ends a job for another one, without time to save its state. */
  preempt(name: string): Promise<void>;
  /** Forgets a job that it has accepted. */
  lose(name: string): Promise<void>;
  close(): Promise<void>;
}

/** An engine that runs each job as a process of this machine, for tests of the layer above. */
export function processEngine(): ProcessEngine {
  const jobs = new Map<string, EngineProcess>();
  const submitted: EngineJob[] = [];
  const end = async (name: string, signal: NodeJS.Signals): Promise<void> => {
    const job = jobs.get(name);
    if (!job || hasEnded(job.child)) return;
    job.isCancelled = true;
    const gone = new Promise((resolve) => job.child.once('exit', resolve));
    job.child.kill(signal);
    await gone;
  };
  return {
    kind: 'slurm',
    submitted,
    submit(job) {
      if (jobs.has(job.name)) return Promise.resolve();
      submitted.push(job);
      const [program = '', ...rest] = job.command;
      const child = spawn(program, rest, {
        env: { PATH: process.env['PATH'], ...job.environment },
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      const started: EngineProcess = {
        child,
        startedAt: new Date().toISOString(),
        endedAt: null,
        output: '',
        isCancelled: false,
        isPreempted: false,
      };
      for (const stream of [child.stdout, child.stderr])
        stream.on('data', (chunk: Buffer) => (started.output += chunk.toString()));
      child.on('exit', () => (started.endedAt = new Date().toISOString()));
      child.on('error', (error) => (started.output += error.message));
      jobs.set(job.name, started);
      return Promise.resolve();
    },
    state: (name) => Promise.resolve(toState(jobs.get(name))),
    logs: (name, maxBytes) => Promise.resolve((jobs.get(name)?.output ?? '').slice(-maxBytes)),
    cancel: (name) => end(name, 'SIGTERM'),
    forget(name) {
      const job = jobs.get(name);
      if (job && hasEnded(job.child)) jobs.delete(name);
      return Promise.resolve();
    },
    check: () => Promise.resolve({ ready: true, detail: 'processes of this machine' }),
    kill: (name) => end(name, 'SIGKILL'),
    async preempt(name) {
      const job = jobs.get(name);
      if (job) job.isPreempted = true;
      await end(name, 'SIGKILL');
    },
    async lose(name) {
      await end(name, 'SIGKILL');
      jobs.delete(name);
    },
    async close() {
      await Promise.all([...jobs.keys()].map((name) => end(name, 'SIGKILL')));
    },
  };
}

function toState(job: EngineProcess | undefined): EngineJobState {
  if (!job) return { kind: 'unknown' };
  const { child, startedAt, endedAt, isCancelled, isPreempted, output } = job;
  if (!hasEnded(child)) return { kind: 'running', startedAt };
  const end = isPreempted
    ? 'preempted'
    : child.exitCode === 0
      ? 'succeeded'
      : isCancelled
        ? 'cancelled'
        : 'failed';
  const times = endedAt === null ? {} : { startedAt, endedAt };
  return { kind: 'ended', end, message: output.slice(-500), ...times };
}

function hasEnded(child: ChildProcess): boolean {
  return child.exitCode !== null || child.signalCode !== null || child.pid === undefined;
}
