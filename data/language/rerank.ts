import { failure } from '../../domain/failure';
import type { ChatAnswer } from '../../domain/chat/chat';
import { likelyTokens } from '../../domain/provider/price';
import { withinProviderTime } from './provider/attempt';
import type { AccessOptions, ModelTarget, Question, RoutedAnswer } from './attempt';
import { withAttemptJournal } from './attempt-journal';
import type { ProviderReranking, RankedPlace } from './provider/openai-rerank';
import type { ProviderGate } from './provider/provider-gate';

export interface RankedDocument {
  /** The position among the documents that were sent, from 0. */
  readonly index: number;
  readonly score: number;
}

/** @throws InvalidInput for a provider without reranking */
export function requireReranking({ provider }: ProviderGate): ProviderReranking {
  if (provider.reranking) return provider.reranking;
  throw failure('InvalidInput', `the protocol of provider ${provider.name} has no reranking`, {
    next: 'use a provider with protocol: openai',
  });
}

/**
 * The reranking as a question: one pair of messages per document. A cross-encoder reads the query
 * with each document and bills both, so the pairs give the call's key and its maximum cost.
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

export function sendReranking(
  gate: ProviderGate,
  reranking: ProviderReranking,
  target: ModelTarget,
  question: Question,
  options: AccessOptions,
): Promise<RoutedAnswer> {
  const { totalMs } = gate.settings.timeouts;
  const { model } = target;
  const query = question.messages[0]?.content ?? '';
  const documents = question.messages
    .filter(({ role }) => role === 'assistant')
    .map(({ content }) => content);
  return withAttemptJournal(gate, target, question, options, async (request, sent) => {
    const startedAt = performance.now();
    const what = `provider ${target.provider} (${model}) did not complete the reranking`;
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
 * The documents, best first; ties keep the order in which they were sent. @throws AnswerInvalid
 * unless each document appears once with a score
 */
export function parseRanking(
  { text, model }: Pick<ChatAnswer, 'text' | 'model'>,
  count: number,
): readonly RankedDocument[] {
  const invalid = (problem: string) =>
    failure('AnswerInvalid', `${model}: the ranking of ${count} documents is invalid: ${problem}`);
  const ranked = (JSON.parse(text) as readonly RankedPlace[]).map(
    ({ index, relevanceScore: score }): RankedDocument => {
      if (typeof index !== 'number' || !Number.isInteger(index) || index < 0 || index >= count)
        throw invalid('it names a document that was not sent');
      if (typeof score !== 'number' || !Number.isFinite(score))
        throw invalid(`the score of document ${index} is not a number`);
      return { index, score };
    },
  );
  const named = new Set(ranked.map(({ index }) => index));
  if (named.size < ranked.length) throw invalid('it names a document twice');
  if (named.size < count) throw invalid(`${count - named.size} documents are missing`);
  return ranked.toSorted((a, b) => b.score - a.score || a.index - b.index);
}
