/** Order passages by a provider's cross-encoder, for the gateway and for evaluations. */
import { isPerennialError, type FailureType } from '../../domain/failure';
import type { Tenant } from '../../domain/ids';
import type { BundleReranker } from '../../domain/bundle/bundle';
import { withinProviderTime } from './provider/attempt';
import type { ModelAccess } from './model-access';
import { parseRanking, rerankQuestion, type RankedDocument } from './rerank';
import type { BudgetRef } from '../../domain/budget/budget';
import type { CallOwner } from '../../domain/provider/call-ledger';
import type { LedgerChat } from './ledger-chat';

/** What all calls of one evaluation share. */
export interface LedgerAccess {
  readonly chat: LedgerChat;
  readonly tenant: Tenant;
  readonly scope: string;
  readonly owner: CallOwner;
  readonly budgets: readonly BudgetRef[];
}

export type Rerank = (asked: {
  readonly by: BundleReranker;
  readonly query: string;
  readonly documents: readonly string[];
  readonly signal?: AbortSignal | undefined;
}) => Promise<RerankResult>;

export type RerankResult =
  | { readonly kind: 'ranked'; readonly documents: readonly RankedDocument[] }
  /** The reranker failed and the bundle permits the index's own order. */
  | { readonly kind: 'kept'; readonly failure: FailureType };

export interface ServedRerankOptions {
  readonly access: Pick<ModelAccess, 'rerank'>;
  readonly tenant: Tenant;
  /** Includes the waits for rate limits and retries. */
  readonly timeoutMs: number;
}

/** Rerank for the gateway. The provider's limits bound what callers can make it cost. */
export function rerankServed({ access, tenant, timeoutMs }: ServedRerankOptions): Rerank {
  return async ({ by: { provider, model, onError }, query, documents, signal }) => {
    const what = `provider ${provider} (${model}) did not rank the passages`;
    try {
      const { answer } = await withinProviderTime(timeoutMs, signal, what, (inTime) =>
        access.rerank({ provider, model }, rerankQuestion(query, documents), {
          tenant,
          signal: inTime,
          patienceMs: timeoutMs,
        }),
      );
      return { kind: 'ranked', documents: parseRanking(answer, documents.length) };
    } catch (error) {
      // A cancelled caller must get its own reason.
      if (signal?.aborted === true || onError === 'fail' || !isPerennialError(error)) throw error;
      return { kind: 'kept', failure: error.type };
    }
  };
}

/**
 * Rerank for an evaluation, with the call ledger and its budgets. A failure is thrown: the index's
 * own order would measure a different bundle. `paid` receives the cost of each call in nanodollars.
 */
export function rerankOnLedger(
  { chat, ...shared }: LedgerAccess,
  paid: (cost: number) => void,
): Rerank {
  return async ({ by: { provider, model }, query, documents, signal }) => {
    const { answer, cost } = await chat.ask({
      ...shared,
      route: [{ provider, model }],
      operation: 'rerank',
      promptDigest: null,
      repeat: 0,
      question: rerankQuestion(query, documents),
      ...(signal && { signal }),
    });
    paid(cost);
    return { kind: 'ranked', documents: parseRanking(answer, documents.length) };
  };
}
