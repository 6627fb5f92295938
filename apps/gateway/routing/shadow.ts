import { challengerShare, findLimit, type LimitPerModel } from '../config';
import type { LoadedModel } from '../model/loaded-model';
import type { ModelHold } from '../model/model-cache';
import { failureCode, scoreRequest } from '../inference/score-of';
import { requireGraph, type ServedVersion } from '../model/served-version';

/** A version's result for a request that another version has answered. */
export interface Shadowed {
  /** One score per row; null after an error. */
  readonly scores: Float64Array | null;
  readonly error: string | null;
  readonly latencyMs: number;
}

export interface ShadowCall {
  readonly served: ServedVersion;
  /** The parsed body, because a version may read other columns than the one that answered. */
  readonly body: unknown;
  readonly rows: number;
  /** Called once; null when it was skipped because of a limit on size or time. */
  readonly done: (shadowed: Shadowed | null) => void;
}

/**
 * Scores requests after their answers. It must cost answers nothing but processor time, so a
 * version scores one batch at a time. What does not fit or waits too long is skipped and counted.
 * Which requests are skipped depends on the load, never on the scores.
 */
export interface Shadow {
  /** Returns before anything is scored. */
  add(call: ShadowCall): void;
  waitingRows(): number;
  /** Cancel what waits, and complete what is in progress. */
  stop(): Promise<void>;
}

export interface ShadowOptions {
  readonly maxWaitingRows: number;
  /** The rows of one batch. */
  readonly batchRows: number;
  readonly longestWaitMs: number;
  /** The time for the whole request, of which a challenger has `challengerShare`. */
  readonly timeoutMs: LimitPerModel;
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
  /** One queue per model, so that a slow model does not delay others. */
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
      // After the answers that are being sent, and after new requests.
      await new Promise((turn) => setImmediate(turn));
      await Promise.all(take(queue).map(serve));
    }
    queues.delete(model);
  }

  /** The oldest requests that fit together. A request that exceeds a batch runs alone. */
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
      const deadline = startedAt + findLimit(timeoutMs, served.model) * challengerShare;
      scores = await scoreRequest(served, requireGraph(served).codec.decode(body), deadline);
    } catch (cause) {
      error = failureCode(cause);
    }
    // Its queue is full of requests that wait for an answer, which is no failure of the version.
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
