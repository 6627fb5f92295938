import { isPerennialError } from '../../domain/failure';
import type { ChatAnswer, ChatRequest } from '../../domain/llm/chat';
import { free, likelyTokens } from '../../domain/llm/price';
import type { AccessOptions, Answered, ModelTarget, Question } from './model-access';
import type { ProviderGate } from './provider-gate';

/** One request in its turn, on record before it is sent and after it has ended. */
export function onRecord(
  gate: ProviderGate,
  target: ModelTarget,
  question: Question,
  options: AccessOptions,
  send: (request: ChatRequest, sent: { readonly requestId?: string }) => Promise<ChatAnswer>,
): Promise<Answered> {
  const { provider, settings } = gate;
  const request: ChatRequest = { ...question, model: target.model, adapter: target.adapter ?? null };
  const price = settings.prices[target.model] ?? free;
  return gate.run(options, likelyTokens(request), async (used) => {
    const begun = await options.journal?.begin({ target, request, price, totalMs: settings.timeouts.totalMs });
    if (begun?.kind === 'answered') return begun.answered;
    const answer = await send(request, begun ? { requestId: begun.requestId } : {}).catch(async (error: unknown) => {
      await begun?.failed(isPerennialError(error) ? error.type : null);
      throw error;
    });
    used(answer.usage.promptTokens + answer.usage.completionTokens);
    return begun ? begun.answered(answer) : { answer, provider: provider.name };
  });
}
