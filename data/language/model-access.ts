import { failure, isPerennialError, type FailureType } from '../../domain/failure';
import { embeddedProvider } from '../../domain/provider/document';
import { freePrice } from '../../domain/provider/price';
import type { ProviderSettings } from '../../domain/provider/settings';
import { mayFailOver, retryDelayMs } from '../../domain/provider/retry';
import { attemptChat, withinProviderTime } from './provider/attempt';
import { isCircuitOpen } from './provider/circuit-breaker';
import { sendModeration, requireModeration } from './moderate';
import { sendInTurn, withAttemptJournal } from './attempt-journal';
import { sleepMs } from './provider/pause';
import type { ProviderFineTuning } from './provider/provider-fine-tuning';
import type { Embeddings, OnText } from './provider/provider';
import {
  openProviderGate,
  type RequestOrigin,
  type ProviderGate,
  type ResolveSecret,
} from './provider/provider-gate';
import { sendReranking, requireReranking } from './rerank';
import { withNearestModel } from './provider/nearest-model';
import type {
  AccessOptions,
  AttemptStart,
  Journal,
  ModelTarget,
  PlannedAttempt,
  Question,
  RoutedAnswer,
} from './attempt';

/** The same for embeddings. */
export type EmbedJournal = Journal<PlannedEmbedding, AttemptStart<TimedEmbeddings, Embeddings>>;

export interface PlannedEmbedding extends Pick<PlannedAttempt, 'target' | 'price' | 'totalMs'> {
  readonly texts: readonly string[];
}

export interface TimedEmbeddings extends Embeddings {
  readonly totalMs: number;
}

export type EmbedAccessOptions = Pick<AccessOptions, 'tenant' | 'signal' | 'patienceMs'> & {
  readonly journal?: EmbedJournal | undefined;
};

/**
 * Language models with rate limits, retries, circuit breakers and standbys. No other code retries a
 * request.
 */
export interface ModelAccess {
  chat(
    route: readonly ModelTarget[],
    question: Question,
    options: AccessOptions,
  ): Promise<RoutedAnswer>;
  /**
   * Moderate the question's last message. The answer's text is the `Moderation` as JSON, so that
   * the ledger stores it like any other answer.
   */
  moderate(
    target: ModelTarget,
    question: Question,
    options: Omit<AccessOptions, 'onText'>,
  ): Promise<RoutedAnswer>;
  /**
   * Rank the documents of a `rerankQuestion`; `parseRanking` parses the answer's text. There are no
   * standbys, because models have different scales of scores.
   */
  rerank(
    target: ModelTarget,
    question: Question,
    options: Omit<AccessOptions, 'onText'>,
  ): Promise<RoutedAnswer>;
  /** Embed texts. There are no standbys, because embedders have different vector spaces. */
  embed(
    target: ModelTarget,
    texts: readonly string[],
    options: EmbedAccessOptions,
  ): Promise<Embeddings>;
  /**
   * Check the settings without a request. @throws NotFound for a provider that is not configured,
   * InvalidInput for one without the wanted operation.
   */
  requireProvider(
    provider: string,
    wants: { readonly moderation?: boolean; readonly reranking?: boolean },
  ): void;
  models(provider: string, options: { readonly signal?: AbortSignal }): Promise<readonly string[]>;
  /**
   * Fine-tuning at the provider, outside its rate limits for questions.
   * @throws InvalidInput for a provider without fine-tuning
   */
  fineTuning(provider: string): ProviderFineTuning;
  close(): Promise<void>;
}

const startEmbedded =
  'npm run provision:llm once, then restart with PERENNIAL_LLM_SERVER=true perennial up';

const defaultPatienceMs = 120_000;

export function openModelAccess(
  providers: readonly ProviderSettings[],
  resolve: ResolveSecret,
): ModelAccess {
  const gates = new Map(
    providers.map((settings) => [settings.name, openProviderGate(settings, resolve)]),
  );
  const findGate = (name: string): ProviderGate => {
    const gate = gates.get(name);
    if (gate) return gate;
    const known = [...gates.keys()].join(', ');
    if (name === embeddedProvider)
      throw failure('NotFound', 'the embedded language model is not running', {
        next: `${startEmbedded}${known === '' ? '' : `; or use a configured provider: ${known}`}`,
      });
    throw failure('NotFound', `there is no provider ${name}`, {
      next:
        known === ''
          ? 'no provider is configured; add one to the settings'
          : `use one of the configured providers: ${known}`,
    });
  };

  return {
    async chat(route, question, options) {
      if (route.length === 0)
        throw failure('InvalidInput', 'the route of a question names no model');
      const hearing = listen(options.onText);
      for (const [place, target] of route.entries()) {
        const gate = findGate(target.provider);
        const asker = { ...options, standsBy: place < route.length - 1 };
        try {
          const answered = await retry(asker, hearing, () =>
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
      throw failure('ProviderUnavailable', 'no model in the route responded');
    },

    moderate(target, question, options) {
      const gate = findGate(target.provider);
      const moderation = requireModeration(gate);
      return retry(options, listen(undefined), () =>
        sendModeration(gate, moderation, target, question, options),
      );
    },

    async rerank(target, question, options) {
      const gate = findGate(target.provider);
      const reranking = requireReranking(gate);
      try {
        return await retry(options, listen(undefined), () =>
          sendReranking(gate, reranking, target, question, options),
        );
      } catch (error) {
        throw await withNearestModel(error, gate.provider, target.model);
      }
    },

    requireProvider(provider, { moderation = false, reranking = false }) {
      const gate = findGate(provider);
      if (moderation) requireModeration(gate);
      if (reranking) requireReranking(gate);
    },

    async embed(target, texts, options) {
      const gate = findGate(target.provider);
      try {
        return await retry(options, listen(undefined), () =>
          embedOnce(gate, target, texts, options),
        );
      } catch (error) {
        throw await withNearestModel(error, gate.provider, target.model);
      }
    },

    models: (provider, options) => findGate(provider).provider.models(options),

    fineTuning(provider) {
      const { fineTuning } = findGate(provider).provider;
      if (fineTuning) return fineTuning;
      throw failure('InvalidInput', `provider ${provider} has no fine-tuning`, {
        next: 'set spec.fineTune.by to job',
      });
    },

    close: async () => {
      await Promise.all([...gates.values()].map((gate) => gate.close()));
    },
  };
}

/** Tracks whether text was passed to the caller. After that no other attempt may replace it. */
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
      // A callback that returns no promise is ready for the next piece.
      const room: unknown = onText(delta);
      return room instanceof Promise ? (room as Promise<void>) : undefined;
    });
  return { onText: heard, hasBegun: () => begun };
}

async function retry<T>(
  {
    signal,
    patienceMs = defaultPatienceMs,
    standsBy = false,
  }: Pick<RequestOrigin, 'signal' | 'patienceMs' | 'standsBy'>,
  hearing: Hearing,
  work: () => Promise<T>,
): Promise<T> {
  const failed = new Map<FailureType, number>();
  for (;;) {
    try {
      return await work();
    } catch (error) {
      if (!isPerennialError(error) || hearing.hasBegun() || (standsBy && isCircuitOpen(error)))
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
      await sleepMs(delay, signal);
    }
  }
}

async function chatOnce(
  gate: ProviderGate,
  target: ModelTarget,
  question: Question,
  options: AccessOptions & Pick<RequestOrigin, 'standsBy'>,
  { onText }: Hearing,
): Promise<RoutedAnswer> {
  const { provider, settings } = gate;
  const { signal } = options;
  return withAttemptJournal(gate, target, question, options, (request, sent) =>
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
  const asked = { target, texts, price: settings.prices[model] ?? freePrice, totalMs };
  return sendInTurn(gate, options, asked, {
    tokens,
    async send(begun) {
      const startedAt = performance.now();
      const what = `provider ${target.provider} (${model}) did not complete the embeddings`;
      const ask = (signal: AbortSignal) =>
        provider.embed({ model, texts }, { signal, ...(begun && { requestId: begun.requestId }) });
      const embeddings = await withinProviderTime(totalMs, options.signal, what, ask);
      return { ...embeddings, totalMs: performance.now() - startedAt };
    },
    used: ({ usage }) => usage.promptTokens,
    unrecorded: (embeddings) => embeddings,
  });
}
