import type { ArtifactRef } from '../../domain/dataset/artifact';
import { failure, isPerennialError, type FailureType } from '../../domain/failure';
import type { Tenant } from '../../domain/ids';
import type { ChatAnswer, ChatRequest } from '../../domain/language/chat';
import { free, type Price } from '../../domain/language/provider/price';
import type { ProviderSettings } from '../../domain/language/provider/settings';
import { mayFailOver, retryDelayMs } from '../../domain/language/provider/retry';
import type { StandbyModel } from '../../domain/language/provider/standby';
import { attemptChat, withinProviderTime } from './provider/attempt';
import { isLeftAlone } from './provider/breaker';
import { moderateOnce, moderationOf } from './moderate';
import { begunInTurn, onRecord } from './on-record';
import { pauseMs } from './provider/pause';
import type { ProviderFineTuning } from './provider/provider-fine-tuning';
import type { Embeddings, OnText } from './provider/provider';
import {
  openProviderGate,
  type Asker,
  type ProviderGate,
  type ResolveSecret,
} from './provider/provider-gate';
import { rerankOnce, rerankingOf } from './rerank';
import { withNearestModel } from './provider/nearest-model';

/**
 * Who is asked. The first of a route is meant; the rest stand by, in this order, and must have been
 * found good enough before.
 */
export interface ModelTarget {
  readonly provider: string;
  readonly model: string;
  readonly adapter?: ArtifactRef | null;
}

export type Question = Omit<ChatRequest, 'model' | 'adapter' | 'thinks'>;

export interface AskedTarget {
  readonly target: ModelTarget;
  readonly request: ChatRequest;
  readonly price: Price;
  /** After this the attempt is over in any case. */
  readonly totalMs: number;
  /** The longest that it is on record before it is sent, beyond that. */
  readonly aheadMs?: number;
}

/**
 * Told of every request before it is sent and after it has ended; the call ledger is one. What it
 * throws ends the call.
 */
export interface Journal<Asked, Begun> {
  /**
   * Begun before the request waits for its turn, so that what is refused takes no turn from others;
   * otherwise right before it is sent, or before it waits for a place of its caller's own.
   */
  readonly beforeTurn?: boolean;
  /**
   * For one that is begun in its turn: throws before the request waits for it what `begin` would
   * throw in it, as far as that can be known. Holds nothing.
   */
  afford?(asked: Asked): Promise<void>;
  begin(asked: Asked): Promise<Begun>;
}

export type Begun<Answer, Kept> =
  /** Somebody else has the answer already: nothing needs to be sent. */
  | { readonly kind: 'answered'; readonly answered: Kept }
  /**
   * Somebody else asks the same, or holds what pays for it: nothing is begun, and after that time
   * the request takes another turn.
   */
  | { readonly kind: 'held'; readonly waitMs: number }
  | Opened<Answer, Kept>;

export interface Opened<Answer, Kept> {
  readonly kind: 'send';
  readonly requestId: string;
  /** What counts: another's answer, if that was first. Told after the turn. */
  answered(answer: Answer): Promise<Kept>;
  /** Null: whoever asked went away, or nobody knows what happened. Told after the turn. */
  failed(failure: FailureType | null): Promise<void>;
  /** Its turn or its place did not come: nothing was sent. */
  unsent(): void | Promise<void>;
}

export type AttemptJournal = Journal<AskedTarget, Begun<ChatAnswer, Answered>>;

/** The same for texts that are embedded. */
export type EmbedJournal = Journal<AskedTexts, Begun<TimedEmbeddings, Embeddings>>;

export interface AskedTexts extends Pick<AskedTarget, 'target' | 'price' | 'totalMs'> {
  readonly texts: readonly string[];
}

export interface TimedEmbeddings extends Embeddings {
  readonly totalMs: number;
}

export interface Answered {
  readonly answer: ChatAnswer;
  readonly provider: string;
  /** Who of the route, where it was not the first. */
  readonly standby?: StandbyModel;
}

export interface AccessOptions {
  readonly tenant: Tenant;
  readonly signal?: AbortSignal | undefined;
  readonly onText?: OnText | undefined;
  readonly journal?: AttemptJournal | undefined;
  /**
   * The longest single wait: for one's turn by the limits, which is otherwise waited for however
   * long it takes, and before another attempt. Longer, and the provider is given up, for a standby
   * or for a later try of the caller.
   */
  readonly patienceMs?: number | undefined;
  readonly place?: Place | undefined;
}

/**
 * Bounds what a caller has with providers at once: held while a request waits for its turn there
 * and is answered, not while it is put on record before, nor its answer after.
 */
export type Place = <T>(work: () => Promise<T>) => Promise<T>;

export type EmbedAccessOptions = Pick<AccessOptions, 'tenant' | 'signal' | 'patienceMs'> & {
  readonly journal?: EmbedJournal | undefined;
};

/**
 * Language models behind limits, retries, circuit breakers and standbys: the only loop that asks
 * again.
 */
export interface ModelAccess {
  chat(
    route: readonly ModelTarget[],
    question: Question,
    options: AccessOptions,
  ): Promise<Answered>;
  /**
   * What the question's last message is by the provider's moderation; the answer's text is the
   * `Moderation` as JSON, so that a ledger keeps it like any other.
   */
  moderate(
    target: ModelTarget,
    question: Question,
    options: Omit<AccessOptions, 'onText'>,
  ): Promise<Answered>;
  /**
   * How the documents of a `rerankQuestion` are ranked; the answer's text is for `readRanking`.
   * Never by a standby: another model's scores are of another scale.
   */
  rerank(
    target: ModelTarget,
    question: Question,
    options: Omit<AccessOptions, 'onText'>,
  ): Promise<Answered>;
  /** Never by a standby: another embedder's vectors are of another space. */
  embed(
    target: ModelTarget,
    texts: readonly string[],
    options: EmbedAccessOptions,
  ): Promise<Embeddings>;
  /**
   * Without asking it. @throws NotFound for a provider that is not set up here, InvalidInput for
   * one without what is wanted.
   */
  requireProvider(
    provider: string,
    wants: { readonly moderation?: boolean; readonly reranking?: boolean },
  ): void;
  models(provider: string, options: { readonly signal?: AbortSignal }): Promise<readonly string[]>;
  /**
   * @throws InvalidInput for a provider that has none. Not within its limits for questions: it has
   *   others.
   */
  fineTuning(provider: string): ProviderFineTuning;
  close(): Promise<void>;
}

const usualPatienceMs = 120_000;

export function openModelAccess(
  providers: readonly ProviderSettings[],
  resolve: ResolveSecret,
): ModelAccess {
  const gates = new Map(
    providers.map((settings) => [settings.name, openProviderGate(settings, resolve)]),
  );
  const gateOf = (name: string): ProviderGate => {
    const gate = gates.get(name);
    if (gate) return gate;
    throw failure('NotFound', `there is no provider ${name}`, {
      next: `name one of: ${[...gates.keys()].join(', ') || 'none is set up'}`,
    });
  };

  return {
    async chat(route, question, options) {
      if (route.length === 0)
        throw failure('InvalidInput', 'a question to a language model names nobody to ask');
      const hearing = listen(options.onText);
      for (const [place, target] of route.entries()) {
        const gate = gateOf(target.provider);
        const asker = { ...options, standsBy: place < route.length - 1 };
        try {
          const answered = await retried(asker, hearing, () =>
            chatOnce(gate, target, question, asker, hearing),
          );
          return place === 0
            ? answered
            : { ...answered, standby: { provider: target.provider, model: target.model } };
        } catch (error) {
          const failsOver =
            asker.standsBy &&
            !hearing.hasBegun() &&
            isPerennialError(error) &&
            mayFailOver(error.type);
          if (!failsOver) throw await withNearestModel(error, gate.provider, target.model);
        }
      }
      throw failure('ProviderUnavailable', 'nobody of the route answered');
    },

    moderate(target, question, options) {
      const gate = gateOf(target.provider);
      const moderation = moderationOf(gate);
      return retried(options, listen(undefined), () =>
        moderateOnce(gate, moderation, target, question, options),
      );
    },

    async rerank(target, question, options) {
      const gate = gateOf(target.provider);
      const reranking = rerankingOf(gate);
      try {
        return await retried(options, listen(undefined), () =>
          rerankOnce(gate, reranking, target, question, options),
        );
      } catch (error) {
        throw await withNearestModel(error, gate.provider, target.model);
      }
    },

    requireProvider(provider, { moderation = false, reranking = false }) {
      const gate = gateOf(provider);
      if (moderation) moderationOf(gate);
      if (reranking) rerankingOf(gate);
    },

    async embed(target, texts, options) {
      const gate = gateOf(target.provider);
      try {
        return await retried(options, listen(undefined), () =>
          embedOnce(gate, target, texts, options),
        );
      } catch (error) {
        throw await withNearestModel(error, gate.provider, target.model);
      }
    },

    models: (provider, options) => gateOf(provider).provider.models(options),

    fineTuning(provider) {
      const { fineTuning } = gateOf(provider).provider;
      if (fineTuning) return fineTuning;
      throw failure('InvalidInput', `${provider} has no fine-tuning of its own`, {
        next: 'spec.fineTune.by: job',
      });
    },

    close: async () => {
      await Promise.all([...gates.values()].map((gate) => gate.close()));
    },
  };
}

/**
 * What the caller has heard of an answer: once text was handed on, no other answer can take its
 * place.
 */
interface Hearing {
  readonly onText: OnText | undefined;
  hasBegun(): boolean;
}

function listen(onText: OnText | undefined): Hearing {
  let begun = false;
  const heard =
    onText &&
    ((delta: string) => {
      begun = true;
      // What takes a piece and is in time may answer anything.
      const room: unknown = onText(delta);
      return room instanceof Promise ? (room as Promise<void>) : undefined;
    });
  return { onText: heard, hasBegun: () => begun };
}

async function retried<T>(
  {
    signal,
    patienceMs = usualPatienceMs,
    standsBy = false,
  }: Pick<Asker, 'signal' | 'patienceMs' | 'standsBy'>,
  hearing: Hearing,
  work: () => Promise<T>,
): Promise<T> {
  const failed = new Map<FailureType, number>();
  for (;;) {
    try {
      return await work();
    } catch (error) {
      if (!isPerennialError(error) || hearing.hasBegun() || (standsBy && isLeftAlone(error)))
        throw error;
      const count = (failed.get(error.type) ?? 0) + 1;
      failed.set(error.type, count);
      const delay = retryDelayMs({
        failure: error,
        failed: count,
        patienceMs,
        random: Math.random(),
      });
      if (delay === null) throw error;
      await pauseMs(delay, signal);
    }
  }
}

async function chatOnce(
  gate: ProviderGate,
  target: ModelTarget,
  question: Question,
  options: AccessOptions & Pick<Asker, 'standsBy'>,
  { onText }: Hearing,
): Promise<Answered> {
  const { provider, settings } = gate;
  const { signal } = options;
  return onRecord(gate, target, question, options, (request, sent) =>
    attemptChat(provider, settings.timeouts, request, {
      ...(signal && { signal }),
      ...(onText && { onText }),
      ...sent,
    }),
  );
}

async function embedOnce(
  gate: ProviderGate,
  target: ModelTarget,
  texts: readonly string[],
  options: EmbedAccessOptions,
): Promise<Embeddings> {
  const { provider, settings } = gate;
  const { model } = target;
  const { totalMs } = settings.timeouts;
  const tokens = texts.reduce((sum, text) => sum + Math.ceil(text.length / 4), 0);
  const asked = { target, texts, price: settings.prices[model] ?? free, totalMs };
  return begunInTurn(gate, options, asked, {
    tokens,
    async send(begun) {
      const startedAt = performance.now();
      const what = `${target.provider} (${model}) did not end its embeddings`;
      const ask = (signal: AbortSignal) =>
        provider.embed({ model, texts }, { signal, ...(begun && { requestId: begun.requestId }) });
      const embeddings = await withinProviderTime(totalMs, options.signal, what, ask);
      return { ...embeddings, totalMs: performance.now() - startedAt };
    },
    used: ({ usage }) => usage.promptTokens,
    unrecorded: (embeddings) => embeddings,
  });
}
