import type { Tenant } from '../../domain/ids';
import type { ChatAnswer } from '../../domain/chat/chat';
import { withinProviderTime } from '../language/provider/attempt';
import type { LedgerAccess } from '../language/reranker';
import type { ModelAccess } from '../language/model-access';
import type { ModelTarget, Question } from '../language/attempt';

export interface GuardQuestion {
  readonly target: ModelTarget;
  readonly question: Question;
  /** Use the provider's moderation instead of its chat. */
  readonly moderates: boolean;
  readonly signal: AbortSignal | undefined;
  readonly timeoutMs: number;
}

/** Asks a provider's model for a verdict on a text. */
export type AskGuard = (asked: GuardQuestion) => Promise<ChatAnswer>;

/**
 * Ask for the gateway. The provider's limits bound what callers can make it cost. The timeout
 * includes the waits for rate limits and retries.
 */
export function askGuardWithLimits(
  access: Pick<ModelAccess, 'chat' | 'moderate'>,
  tenant: Tenant,
): AskGuard {
  return async ({ target, question, moderates, signal, timeoutMs }) => {
    const { answer } = await withinProviderTime(
      timeoutMs,
      signal,
      `provider ${target.provider} (${target.model}) gave no verdict`,
      (own) => {
        const options = { tenant, signal: own, patienceMs: timeoutMs };
        return moderates
          ? access.moderate(target, question, options)
          : access.chat([target], question, options);
      },
    );
    return answer;
  };
}

/**
 * Ask for an evaluation, with the call ledger and its budgets; recorded verdicts are reused. `paid`
 * receives the cost of each in nanodollars. `timeoutMs` does not apply, because many cases may wait
 * for the rate limits at once; the provider's timeout limits each attempt.
 */
export function askGuardWithLedger(
  { chat, ...shared }: LedgerAccess,
  paid: (cost: number) => void,
): AskGuard {
  return async ({ target, question, moderates, signal }) => {
    const operation = moderates ? 'moderation' : undefined;
    const call = {
      ...shared,
      route: [target],
      question,
      operation,
      promptDigest: null,
      repeat: 0,
    } as const;
    const { answer, cost } = await chat.ask({ ...call, ...(signal && { signal }) });
    paid(cost);
    return answer;
  };
}
