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
  const { journal } = options;
  const asked = { target, request, price, totalMs: settings.timeouts.totalMs };
  const begin = journal && { ...journal, begin: () => journal.begin(asked) };
  return begunInTurn(gate, options, likelyTokens(request), begin, async (begun, used) => {
    if (begun?.kind === 'answered') return begun.answered;
    const answer = await send(request, begun ? { requestId: begun.requestId } : {}).catch(async (error: unknown) => {
      await begun?.failed(isPerennialError(error) ? error.type : null);
      throw error;
    });
    used(answer.usage.promptTokens + answer.usage.completionTokens);
    return begun ? begun.answered(answer) : { answer, provider: provider.name };
  });
}

interface Beginning<Begun> {
  readonly beforeTurn?: boolean;
  begin(): Promise<Begun>;
}

/** One attempt in its turn, on record before it or in it, as the journal has it. What was begun and did not come to its turn is told so. */
export async function begunInTurn<Begun extends { readonly kind: string; unsent?(): void }, T>(
  gate: ProviderGate,
  options: Pick<AccessOptions, 'tenant' | 'signal' | 'patienceMs'>,
  tokens: number,
  journal: Beginning<Begun> | undefined,
  work: (begun: Begun | undefined, used: (tokens: number) => void) => Promise<T>,
): Promise<T> {
  if (journal?.beforeTurn !== true) return gate.run(options, tokens, async (used) => work(await journal?.begin(), used));
  const begun = await journal.begin();
  const turn = { came: false };
  try {
    return await gate.run(options, tokens, (used) => {
      // A turn that comes when nobody waits any more is nobody's.
      options.signal?.throwIfAborted();
      turn.came = true;
      return work(begun, used);
    });
  } finally {
    if (!turn.came) begun.unsent?.();
  }
}
