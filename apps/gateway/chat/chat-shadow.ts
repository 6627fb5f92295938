import { failure } from '../../../domain/failure';
import type { LoggedAnswer } from '../../../domain/bundle/logged-answer';
import type { ChatShadowLimits } from '../config';
import { failureCode, isPlatformFailure } from '../inference/score-of';
import type { ServedVersion } from '../model/served-version';
import type { ShadowOutcome } from '../routing/shadow';

/** A version's result for a conversation that another version has answered. */
export interface ShadowAnswer {
  /** Null after an error. */
  readonly output: LoggedAnswer | null;
  readonly error: string | null;
  readonly latencyMs: number;
}

export interface ShadowChatCall {
  readonly served: ServedVersion;
  readonly ask: (signal: AbortSignal) => Promise<LoggedAnswer>;
  /** Called once; null when it was skipped because of a limit on concurrency, time or tokens. */
  readonly done: (shadowed: ShadowAnswer | null) => void;
}

/**
 * Asks a version after another one has answered. That uses the provider's rate limits and money, so
 * it is limited to a few at once and to a number of tokens per hour. What exceeds the limits is
 * skipped and counted. Which conversations are skipped depends on the load, never on the answers.
 */
export interface ChatShadow {
  /** Returns before anything is asked. */
  add(call: ShadowChatCall): void;
  waiting(): number;
  /** Cancel what waits and what is in progress. */
  stop(): Promise<void>;
}

export interface ChatShadowOptions extends ChatShadowLimits {
  readonly onOutcome: (served: ServedVersion, outcome: ShadowOutcome) => void;
}

interface WaitingChat {
  readonly call: ShadowChatCall;
  readonly release: () => void;
  readonly since: number;
}

export function createChatShadow(options: ChatShadowOptions): ChatShadow {
  const { maxAtOnce, maxWaiting, longestWaitMs, timeoutMs, tokensPerHour, onOutcome } = options;
  const queue: WaitingChat[] = [];
  const working = new Set<Promise<void>>();
  const asking = new Set<AbortController>();
  let stopped = false;
  const purse = openPurse(tokensPerHour);

  function add(call: ShadowChatCall): void {
    if (stopped || queue.length >= maxWaiting) {
      giveUp(call);
      return;
    }
    const hold = call.served.hold.hold();
    queue.push({ call, release: () => hold.release(), since: performance.now() });
    if (working.size < maxAtOnce) begin();
  }

  function begin(): void {
    const work: Promise<void> = workOff().finally(() => working.delete(work));
    working.add(work);
  }

  async function workOff(): Promise<void> {
    // After the answer that is being sent.
    await new Promise((turn) => setImmediate(turn));
    for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
      const { call, release, since } = next;
      try {
        if (stopped || performance.now() - since > longestWaitMs || purse.isEmpty()) giveUp(call);
        else await ask(call);
      } finally {
        release();
      }
    }
  }

  async function ask(call: ShadowChatCall): Promise<void> {
    const { served, done } = call;
    const startedAt = performance.now();
    const own = new AbortController();
    asking.add(own);
    const timer = setTimeout(
      () =>
        own.abort(
          failure('ProviderTimeout', `${served.name} did not answer within ${timeoutMs} ms`),
        ),
      timeoutMs,
    );
    let output: LoggedAnswer | null = null;
    let error: string | null = null;
    try {
      output = await call.ask(own.signal);
      purse.spend(output.usage.promptTokens + output.usage.completionTokens);
    } catch (cause) {
      error = failureCode(cause);
    } finally {
      clearTimeout(timer);
      asking.delete(own);
    }
    // The provider or this process was overloaded, which is no failure of the version.
    if (
      stopped ||
      (error !== null && (error === 'ProviderRateLimited' || isPlatformFailure(error)))
    ) {
      giveUp(call);
      return;
    }
    onOutcome(served, error === null ? 'scored' : 'failed');
    done({ output, error, latencyMs: performance.now() - startedAt });
  }

  function giveUp({ served, done }: ShadowChatCall): void {
    onOutcome(served, 'dropped');
    done(null);
  }

  return {
    add,
    waiting: () => queue.length,
    async stop() {
      stopped = true;
      for (const own of asking) own.abort();
      await Promise.all(working);
    },
  };
}

/**
 * A token budget that refills every second, so that a spent budget does not stay empty for an hour.
 * Answers in progress may overdraw it, because their cost is known only at the end.
 */
function openPurse(tokensPerHour: number): { isEmpty(): boolean; spend(tokens: number): void } {
  let left = tokensPerHour;
  let filledAt = performance.now();
  const fill = (): void => {
    const now = performance.now();
    left = Math.min(tokensPerHour, left + (tokensPerHour * (now - filledAt)) / 3_600_000);
    filledAt = now;
  };
  return {
    isEmpty() {
      fill();
      return left <= 0;
    },
    spend(tokens) {
      fill();
      left -= tokens;
    },
  };
}
