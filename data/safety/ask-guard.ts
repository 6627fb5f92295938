import type { Tenant } from '../../domain/ids';
import type { ChatAnswer } from '../../domain/language/chat';
import { withinProviderTime } from '../language/provider/attempt';
import type { Asking } from '../language/evaluation/answerer';
import type { ModelAccess, ModelTarget, Question } from '../language/model-access';

export interface GuardQuestion {
  readonly target: ModelTarget;
  readonly question: Question;
  /** Put to the provider's moderation; else to its chat. */
  readonly moderates: boolean;
  readonly signal: AbortSignal | undefined;
  readonly timeoutMs: number;
}

/** Asks a model of a provider what it thinks of a text, on somebody's behalf. */
export type AskGuard = (asked: GuardQuestion) => Promise<ChatAnswer>;

/**
 * Within the limits of the provider, which bound what a gateway's callers can make it cost, and in
 * time, waits for a turn and for another attempt with it: a text that is not judged in time waits
 * for nobody.
 */
export function askWithin(
  access: Pick<ModelAccess, 'chat' | 'moderate'>,
  tenant: Tenant,
): AskGuard {
  return async ({ target, question, moderates, signal, timeoutMs }) => {
    const { answer } = await withinProviderTime(
      timeoutMs,
      signal,
      `${target.provider} (${target.model}) gave no verdict`,
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
 * On the call ledger and from the budgets of whoever evaluates: a verdict that was paid is read,
 * whoever asks again. `paid` hears of each in nanodollars. Nobody waits for an answer there, so
 * that many cases at once may stand in line for as long as the provider's limits say: its own time
 * bounds each attempt.
 */
export function askOnLedger({ chat, ...shared }: Asking, paid: (cost: number) => void): AskGuard {
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
