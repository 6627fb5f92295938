/**
 * Notices a stage that keeps the event loop of its process from turning, such as a loop that never
 * ends. A thread watches, because nothing else of the process runs then.
 */
import { AsyncLocalStorage, createHook } from 'node:async_hooks';
import { Worker } from 'node:worker_threads';

interface WatchedStage {
  readonly name: string;
  /** Task token of the activity, in base64. */
  readonly taskToken: string;
  /** Milliseconds for which the stage may keep the event loop from turning. */
  readonly limitMs: number;
}

/** What the thread reports, as one line of JSON. */
export interface BlockedStage extends WatchedStage {
  readonly stillMs: number;
}

export interface LoopWatch {
  readonly watch: <T>(stage: WatchedStage, work: () => Promise<T> | T) => Promise<T>;
  close(): Promise<void>;
}

/** File descriptor of a project worker to which it reports a blocked stage. */
export const blockedStageDescriptor = 4;

/**
 * Less than the heartbeat timeout of a stage, 10 s. While the event loop stands still, no stage of
 * the process sends heartbeats, and Temporal would count an attempt of each.
 */
export const maxStillMs = 8_000;

/** Turns of the event loop, then the number of the stage whose code ran last. */
const [turn, running] = [0, 1];

export function openLoopWatch(
  descriptor: number = blockedStageDescriptor,
  everyMs = 250,
): LoopWatch {
  const state = new Int32Array(new SharedArrayBuffer(8));
  const workerData = { state, descriptor, parent: process.ppid, everyMs };
  const thread = new Worker(watching, { eval: true, workerData, env: {}, execArgv: [] });
  thread.unref();
  const beat = setInterval(() => void Atomics.add(state, turn, 1), everyMs);
  beat.unref();
  const current = new AsyncLocalStorage<number>();
  const mark = (): void => void Atomics.store(state, running, current.getStore() ?? 0);
  // Costs a little for each callback, so it is on only while stages run.
  const hook = createHook({ before: mark });
  let last = 0;
  let open = 0;
  return {
    async watch(stage, work) {
      last += 1;
      const id = last;
      thread.postMessage({ id, stage });
      open += 1;
      if (open === 1) hook.enable();
      try {
        return await current.run(id, async () => {
          mark();
          return work();
        });
      } finally {
        open -= 1;
        if (open === 0) {
          hook.disable();
          Atomics.store(state, running, 0);
        }
        thread.postMessage({ id, stage: null });
      }
    },
    async close() {
      clearInterval(beat);
      await thread.terminate();
    },
  };
}

/**
 * The thread's code. The parent ends the process after a report. If the parent has died or does
 * nothing, the thread does it, so that no process stays behind.
 */
const watching = `
  const { parentPort, workerData } = require('node:worker_threads');
  const { writeSync } = require('node:fs');
  const { state, descriptor, parent, everyMs } = workerData;
  const graceMs = 5_000;
  const stages = new Map();
  let last = -1;
  let since = performance.now();
  let reportedAt = null;
  parentPort.on('message', ({ id, stage }) => {
    if (stage === null) stages.delete(id);
    else stages.set(id, stage);
  });
  setInterval(() => {
    const now = performance.now();
    const turn = Atomics.load(state, ${turn});
    if (turn !== last) {
      last = turn;
      since = now;
      reportedAt = null;
      return;
    }
    const stillMs = now - since;
    if (process.ppid !== parent && stillMs > graceMs) process.kill(process.pid, 'SIGKILL');
    if (reportedAt !== null) {
      if (now - reportedAt > graceMs) process.kill(process.pid, 'SIGKILL');
      return;
    }
    const stage = stages.get(Atomics.load(state, ${running}));
    if (stage === undefined || stillMs <= stage.limitMs) return;
    reportedAt = now;
    try {
      writeSync(descriptor, JSON.stringify({ ...stage, stillMs: Math.round(stillMs) }) + '\\n');
    } catch {
      // The parent has died; the next turns end the process.
    }
  }, everyMs);
`;
