import type { LoadedModel } from '../model/loaded-model';
import type { ModelHold } from '../model/model-cache';
import { failureCode, scoreOf } from '../inference/score-of';
import { graphOf, type ServedVersion } from '../model/served-version';

/** What a version made of a request that another one has answered. */
export interface Shadowed {
  /** One a row; null with an error. */
  readonly scores: Float64Array | null;
  readonly error: string | null;
  readonly latencyMs: number;
}

export interface ShadowCall {
  readonly served: ServedVersion;
  /** The parsed body: a version may read other columns than the one that answered. */
  readonly body: unknown;
  readonly rows: number;
  /** Once, null when it was given up for want of room or time. */
  readonly done: (shadowed: Shadowed | null) => void;
}

/**
 * Scores requests behind their answers. It may cost no answer anything but the cores' time, so a
 * version works on one batch of them at a time, and what does not fit or waits too long is given up
 * and counted: which requests those are depends on the load, never on what either version says of
 * them.
 */
export interface Shadow {
  /** Returns before anything is scored. */
  add(call: ShadowCall): void;
  waitingRows(): number;
  /** Gives up what waits, and finishes what is under way. */
  stop(): Promise<void>;
}

export interface ShadowOptions {
  readonly maxWaitingRows: number;
  /** Of one batch. */
  readonly batchRows: number;
  readonly longestWaitMs: number;
  /** As long as a challenger has for an answer. */
  readonly timeoutMs: number;
  readonly onOutcome: (served: ServedVersion, outcome: ShadowOutcome) => void;
}

export type ShadowOutcome = 'scored' | 'failed' | 'dropped';

interface WaitingRows {
  readonly call: ShadowCall;
  readonly hold: ModelHold;
  readonly since: number;
}

export function createShadow({
  maxWaitingRows,
  batchRows,
  longestWaitMs,
  timeoutMs,
  onOutcome,
}: ShadowOptions): Shadow {
  /** One for each model that has work: a slow one holds up no other. */
  const queues = new Map<LoadedModel, WaitingRows[]>();
  const working = new Set<Promise<void>>();
  let waitingRows = 0;
  let stopped = false;

  function add(call: ShadowCall): void {
    if (stopped || waitingRows + call.rows > maxWaitingRows) {
      giveUp(call);
      return;
    }
    waitingRows += call.rows;
    const waiting = { call, hold: call.served.hold.hold(), since: performance.now() };
    const { model } = waiting.hold;
    const queue = queues.get(model);
    if (queue !== undefined) {
      queue.push(waiting);
      return;
    }
    queues.set(model, [waiting]);
    const work: Promise<void> = workOff(model).finally(() => working.delete(work));
    working.add(work);
  }

  async function workOff(model: LoadedModel): Promise<void> {
    for (
      let queue = queues.get(model);
      queue !== undefined && queue.length > 0;
      queue = queues.get(model)
    ) {
      // After the answers that are on their way out, and after the requests that have come in.
      await new Promise((turn) => setImmediate(turn));
      await Promise.all(take(queue).map(serve));
    }
    queues.delete(model);
  }

  /** The oldest that fit together; one that is larger than a batch goes alone. */
  function take(queue: WaitingRows[]): readonly WaitingRows[] {
    let fitting = 0;
    for (let rows = 0; fitting < queue.length; fitting += 1) {
      rows += queue[fitting]?.call.rows ?? 0;
      if (rows > batchRows && fitting > 0) break;
    }
    const taken = queue.splice(0, fitting);
    for (const { call } of taken) waitingRows -= call.rows;
    return taken;
  }

  async function serve({ call, hold, since }: WaitingRows): Promise<void> {
    try {
      if (stopped || performance.now() - since > longestWaitMs) giveUp(call);
      else await score(call);
    } finally {
      hold.release();
    }
  }

  async function score(call: ShadowCall): Promise<void> {
    const { served, body, done } = call;
    const startedAt = performance.now();
    let scores: Float64Array | null = null;
    let error: string | null = null;
    try {
      scores = await scoreOf(served, graphOf(served).codec.decode(body), startedAt + timeoutMs);
    } catch (cause) {
      error = failureCode(cause);
    }
    // Its queue is full of requests that wait for an answer: no failure of the version.
    if (error === 'GatewayUnavailable') {
      giveUp(call);
      return;
    }
    onOutcome(served, error === null ? 'scored' : 'failed');
    done({ scores, error, latencyMs: performance.now() - startedAt });
  }

  function giveUp({ served, done }: ShadowCall): void {
    onOutcome(served, 'dropped');
    done(null);
  }

  return {
    add,
    waitingRows: () => waitingRows,
    async stop() {
      stopped = true;
      await Promise.all(working);
    },
  };
}
