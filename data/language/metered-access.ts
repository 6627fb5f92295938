import { randomUUID } from 'node:crypto';
import type { FailureType } from '../../domain/failure';
import type { Tenant } from '../../domain/ids';
import type { Usage } from '../../domain/chat/chat';
import { computeCost, maxEmbeddingUsage, maxUsage, type Price } from '../../domain/provider/price';
import type { ServingBudgets, Amounts } from './serving-budgets';
import { unbilledFailures } from './ledger-attempt';
import type { EmbedJournal, ModelAccess } from './model-access';
import type { AttemptJournal } from './attempt';

export interface MeteredOptions {
  readonly access: ModelAccess;
  readonly allowances: Pick<ServingBudgets, 'hold'>;
  /** Whether the provider costs nothing. */
  readonly isFree: (provider: string) => boolean;
}

/**
 * Model access that reserves the cost of each request from the operator's budgets before it is
 * sent. That includes standbys, retries, moderation and reranking.
 */
export function meteredAccess({ access, allowances, isFree }: MeteredOptions): ModelAccess {
  async function begin(tenant: Tenant, provider: string, price: Price, worstCase: Usage) {
    const toAmounts = (usage: Usage): Amounts => ({
      usd: computeCost(usage, price),
      tokens: usage.promptTokens + usage.completionTokens,
    });
    const allowance = isFree(provider)
      ? null
      : await allowances.hold({ tenant, provider, worstCase: toAmounts(worstCase) });
    return {
      kind: 'send' as const,
      requestId: randomUUID(),
      spent: (usage: Usage) => allowance?.settle(toAmounts(usage)),
      unsent: () => allowance?.settle({ usd: 0, tokens: 0 }),
      /** An attempt with an unknown end counts with its maximum cost, as in the call ledger. */
      failed: (type: FailureType | null) => {
        allowance?.settle(
          type !== null && unbilledFailures.includes(type)
            ? { usd: 0, tokens: 0 }
            : toAmounts(worstCase),
        );
        return Promise.resolve();
      },
    };
  }

  const openJournal = (tenant: Tenant): AttemptJournal => ({
    beforeTurn: true,
    async begin({ target: { provider }, request, price }) {
      const { spent, ...begun } = await begin(tenant, provider, price, maxUsage(request));
      return {
        ...begun,
        answered: (answer) => {
          spent(answer.usage);
          return Promise.resolve({ answer, provider });
        },
      };
    },
  });

  const openEmbedJournal = (tenant: Tenant): EmbedJournal => ({
    beforeTurn: true,
    async begin({ target: { provider }, texts, price }) {
      const { spent, ...begun } = await begin(tenant, provider, price, maxEmbeddingUsage(texts));
      return {
        ...begun,
        answered: (embeddings) => {
          spent(embeddings.usage);
          return Promise.resolve(embeddings);
        },
      };
    },
  });

  return {
    ...access,
    chat: (route, question, options) =>
      access.chat(route, question, { ...options, journal: openJournal(options.tenant) }),
    moderate: (target, question, options) =>
      access.moderate(target, question, { ...options, journal: openJournal(options.tenant) }),
    rerank: (target, question, options) =>
      access.rerank(target, question, { ...options, journal: openJournal(options.tenant) }),
    embed: (target, texts, options) =>
      access.embed(target, texts, { ...options, journal: openEmbedJournal(options.tenant) }),
  };
}
