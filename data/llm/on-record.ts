import { isPerennialError } from '../../domain/failure';
import type { ChatAnswer, ChatRequest } from '../../domain/llm/chat';
import { free, likelyTokens } from '../../domain/llm/price';
import type { AccessOptions, Answered, Journal, ModelTarget, Question } from './model-access';
import type { ProviderGate } from './provider-gate';
import type { Turn } from './rate-limiter';

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
  const asked = { target, request, price, totalMs: settings.timeouts.totalMs };
  return begunInTurn(gate, options, likelyTokens(request), asked, async (begun, used) => {
    if (begun?.kind === 'answered') return begun.answered;
    const answer = await send(request, begun ? { requestId: begun.requestId } : {}).catch(async (error: unknown) => {
      await begun?.failed(isPerennialError(error) ? error.type : null);
      throw error;
    });
    used(answer.usage.promptTokens + answer.usage.completionTokens);
    return begun ? begun.answered(answer) : { answer, provider: provider.name };
  });
}

/** One attempt in its turn, on record before it or in it, as the journal has it. What was begun and did not come to its turn is told so. */
export async function begunInTurn<Asked, Begun extends { readonly kind: 'answered' | 'send'; unsent?(): void }, T>(
  gate: ProviderGate,
  options: Pick<AccessOptions, 'tenant' | 'signal' | 'patienceMs'> & { readonly journal?: Journal<Asked, Begun> | undefined },
  tokens: number,
  asked: Asked,
  work: (begun: Begun | undefined, used: Turn['used']) => Promise<T>,
): Promise<T> {
  const { journal } = options;
  if (journal === undefined) return gate.run(options, tokens, ({ used }) => work(undefined, used));
  if (journal.beforeTurn !== true) {
    await journal.afford?.(asked);
    return gate.run(options, tokens, async (turn) => {
      requireCaller(options.signal, turn);
      const begun = await journal.begin(asked).catch((error: unknown) => {
        turn.unsent();
        throw error;
      });
      if (begun.kind === 'answered') turn.unsent();
      return work(begun, turn.used);
    });
  }
  const begun = await journal.begin(asked);
  const turn = { came: false };
  try {
    return await gate.run(options, tokens, (come) => {
      requireCaller(options.signal, come);
      turn.came = true;
      return work(begun, come.used);
    });
  } finally {
    if (!turn.came) begun.unsent?.();
  }
}

/** A turn that comes when nobody waits any more is nobody's: what is begun then counts as sent, and as perhaps paid. */
function requireCaller(signal: AbortSignal | undefined, { unsent }: Turn): void {
  if (signal?.aborted === true) unsent();
  signal?.throwIfAborted();
}
