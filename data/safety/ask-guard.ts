import type { Tenant } from '../../domain/ids';
import type { ChatAnswer } from '../../domain/llm/chat';
import type { Asking } from '../llm/evaluation/answerer';
import type { ModelAccess, ModelTarget, Question } from '../llm/model-access';

export interface GuardQuestion {
  readonly target: ModelTarget;
  readonly question: Question;
  /** Put to the provider's moderation; else to its chat. */
  readonly moderates: boolean;
  readonly signal: AbortSignal;
  readonly timeoutMs: number;
}

/** Asks a model of a provider what it thinks of a text, on somebody's behalf. */
export type AskGuard = (asked: GuardQuestion) => Promise<ChatAnswer>;

/** Within the limits of the provider, which bound what a gateway's callers can make it cost. */
export function askWithin(access: Pick<ModelAccess, 'chat' | 'moderate'>, tenant: Tenant): AskGuard {
  return async ({ target, question, moderates, signal, timeoutMs }) => {
    const options = { tenant, signal, patienceMs: timeoutMs };
    const asked = moderates ? access.moderate(target, question, options) : access.chat([target], question, options);
    return (await asked).answer;
  };
}

/** On the call ledger and from the budgets of whoever evaluates: a verdict that was paid is read, whoever asks again. `paid` hears of each in nanodollars. */
export function askOnLedger({ chat, ...shared }: Asking, paid: (cost: number) => void): AskGuard {
  return async ({ target, question, moderates, signal }) => {
    const operation = moderates ? 'moderation' : undefined;
    const { answer, cost } = await chat.ask({ ...shared, route: [target], question, operation, promptDigest: null, repeat: 0, signal });
    paid(cost);
    return answer;
  };
}
