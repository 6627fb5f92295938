import { failure } from '../../domain/failure';
import type { ChatAnswer } from '../../domain/language/chat';
import { likelyTokens } from '../../domain/language/provider/price';
import { withinProviderTime } from './provider/attempt';
import type { AccessOptions, Answered, ModelTarget, Question } from './model-access';
import { onRecord } from './on-record';
import type { ProviderReranking, RankedPlace } from './provider/openai-rerank';
import type { ProviderGate } from './provider/provider-gate';

export interface RankedDocument {
  /** Place among the documents that were sent, from 0. */
  readonly index: number;
  readonly score: number;
}

/** @throws InvalidInput for a provider that has none */
export function rerankingOf({ provider }: ProviderGate): ProviderReranking {
  if (provider.reranking) return provider.reranking;
  throw failure('InvalidInput', `${provider.name} has no reranking in its protocol`, {
    next: 'name a provider with protocol: openai',
  });
}

/**
 * A cross-encoder reads the question anew with each document, and what it reads is what is billed:
 * so a pair each stands for both, in the key of the call as in the most that it can cost.
 */
export function rerankQuestion(query: string, documents: readonly string[]): Question {
  const messages = documents.flatMap((content) => [
    { role: 'user', content: query } as const,
    { role: 'assistant', content } as const,
  ]);
  return {
    messages,
    sampling: { temperature: 0, topP: 1, maxTokens: 0, seed: null, stop: [] },
    jsonSchema: null,
  };
}

export function rerankOnce(
  gate: ProviderGate,
  reranking: ProviderReranking,
  target: ModelTarget,
  question: Question,
  options: AccessOptions,
): Promise<Answered> {
  const { totalMs } = gate.settings.timeouts;
  const { model } = target;
  const query = question.messages[0]?.content ?? '';
  const documents = question.messages
    .filter(({ role }) => role === 'assistant')
    .map(({ content }) => content);
  return onRecord(gate, target, question, options, async (request, sent) => {
    const startedAt = performance.now();
    const what = `${target.provider} (${model}) did not end its reranking`;
    const ask = (signal: AbortSignal) =>
      reranking.rerank({ model, query, documents }, { signal, ...sent });
    const { places, promptTokens } = await withinProviderTime(totalMs, options.signal, what, ask);
    const usage = { promptTokens: promptTokens ?? likelyTokens(request), completionTokens: 0 };
    const ms = performance.now() - startedAt;
    return {
      text: JSON.stringify(places),
      finish: 'stop',
      usage,
      model,
      firstTokenMs: null,
      totalMs: ms,
    };
  });
}

/**
 * Best first, equals as they were sent. @throws AnswerInvalid unless each of the documents has its
 * place and a score: half an order is none.
 */
export function readRanking(
  { text, model }: Pick<ChatAnswer, 'text' | 'model'>,
  count: number,
): readonly RankedDocument[] {
  const invalid = (said: string) =>
    failure('AnswerInvalid', `${model} ranked ${count} documents, and ${said}`);
  const ranked = (JSON.parse(text) as readonly RankedPlace[]).map(
    ({ index, relevanceScore: score }): RankedDocument => {
      if (typeof index !== 'number' || !Number.isInteger(index) || index < 0 || index >= count)
        throw invalid('named one that was not sent');
      if (typeof score !== 'number' || !Number.isFinite(score))
        throw invalid(`gave document ${index} a score that is no number`);
      return { index, score };
    },
  );
  const named = new Set(ranked.map(({ index }) => index));
  if (named.size < ranked.length) throw invalid('named one twice');
  if (named.size < count) throw invalid(`left ${count - named.size} out`);
  return ranked.toSorted((a, b) => b.score - a.score || a.index - b.index);
}
