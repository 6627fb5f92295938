import { ApiError } from './api-error';
import type { LlamaContext, LlamaSequence, Token } from './llama-cpp';

/** One sequence of a context, held by one answer at a time. */
export interface Slot {
  readonly sequence: LlamaSequence;
  readonly context: LlamaContext;
}

export interface SequencePool {
  /**
   * Take the free sequence that shares the longest prefix with the prompt. Waits in order when all
   * are taken. @throws ApiError 429 when too many requests wait
   */
  take(prompt: readonly Token[], signal: AbortSignal): Promise<Slot>;
  give(slot: Slot): void;
  readonly taken: () => number;
  /** Refuse further requests and wait until no sequence is taken. */
  close(): Promise<void>;
}

/** The waiting requests of all pools of a server, which share one limit. */
export interface WaitingRoom {
  readonly maxWaiting: number;
  waiting: number;
  /** The smoothed time for which a sequence is taken, to compute `Retry-After`. */
  secondsHeld: number;
}

interface Waiter {
  readonly prompt: readonly Token[];
  readonly resolve: (slot: Slot) => void;
  readonly reject: (error: Error) => void;
}

export function openSequencePool(
  context: LlamaContext,
  count: number,
  room: WaitingRoom,
): SequencePool {
  const free: Slot[] = Array.from({ length: count }, () => ({
    sequence: context.getSequence(),
    context,
  }));
  const since = new Map<Slot, number>();
  const queue: Waiter[] = [];
  let closing: (() => void) | null = null;

  function hold(prompt: readonly Token[]): Slot | null {
    let best = -1;
    let maxShared = -1;
    for (const [index, slot] of free.entries()) {
      const shared = sharedTokens(slot.sequence.contextTokens, prompt);
      // Among equals the one with the least state, because the others may cache a longer prompt.
      if (
        shared > maxShared ||
        (shared === maxShared &&
          slot.sequence.nextTokenIndex < (free[best]?.sequence.nextTokenIndex ?? 0))
      )
        [best, maxShared] = [index, shared];
    }
    const [slot] = best < 0 ? [] : free.splice(best, 1);
    if (slot) since.set(slot, performance.now());
    return slot ?? null;
  }

  return {
    async take(prompt, signal) {
      signal.throwIfAborted();
      if (closing !== null)
        throw new ApiError(503, 'the server is stopping', {
          code: 'server_stopping',
          retryAfterSeconds: 5,
        });
      const slot = queue.length === 0 ? hold(prompt) : null;
      if (slot) return slot;
      if (room.waiting >= room.maxWaiting) {
        const retryAfterSeconds = Math.max(1, Math.ceil((room.secondsHeld * room.waiting) / count));
        throw new ApiError(
          429,
          `${room.waiting} requests are already waiting; try again in ${retryAfterSeconds} s`,
          { code: 'rate_limit_exceeded', retryAfterSeconds },
        );
      }
      room.waiting++;
      return new Promise<Slot>((resolve, reject) => {
        const leave = (): void => {
          queue.splice(queue.indexOf(waiter), 1);
          room.waiting--;
          reject(signal.reason as Error);
        };
        const waiter: Waiter = {
          prompt,
          reject,
          resolve(given) {
            signal.removeEventListener('abort', leave);
            room.waiting--;
            resolve(given);
          },
        };
        signal.addEventListener('abort', leave, { once: true });
        queue.push(waiter);
      });
    },

    give(slot) {
      const held = (performance.now() - (since.get(slot) ?? performance.now())) / 1000;
      since.delete(slot);
      room.secondsHeld = room.secondsHeld === 0 ? held : 0.9 * room.secondsHeld + 0.1 * held;
      free.push(slot);
      const next = queue.shift();
      const taken = next ? hold(next.prompt) : null;
      if (next && taken) next.resolve(taken);
      if (since.size === 0) closing?.();
    },

    taken: () => since.size,

    async close() {
      await new Promise<void>((resolve) => {
        closing = resolve;
        if (since.size === 0) resolve();
      });
    },
  };
}

function sharedTokens(held: readonly Token[], prompt: readonly Token[]): number {
  let shared = 0;
  while (shared < held.length && held[shared] === prompt[shared]) shared++;
  return shared;
}
