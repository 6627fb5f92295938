/** Puts what an index found into the order of a provider's cross-encoder, on somebody's behalf. */
import { isPerennialError, type FailureType } from '../../domain/failure';
import type { Tenant } from '../../domain/ids';
import type { BundleReranker } from '../../domain/language/bundle';
import { withinProviderTime } from './provider/attempt';
import type { Asking } from './evaluation/answerer';
import type { ModelAccess } from './model-access';
import { readRanking, rerankQuestion, type RankedDocument } from './rerank';

export type Rerank = (asked: {
  readonly by: BundleReranker;
  readonly query: string;
  readonly documents: readonly string[];
  readonly signal?: AbortSignal | undefined;
}) => Promise<Reranked>;

export type Reranked =
  | { readonly kind: 'ranked'; readonly documents: readonly RankedDocument[] }
  /** The index's own order stands, by the bundle's choice. */
  | { readonly kind: 'kept'; readonly failure: FailureType };

export interface ServedRerankOptions {
  readonly access: Pick<ModelAccess, 'rerank'>;
  readonly tenant: Tenant;
  /** Waits for turns and retries are within it: what is not ranked in time waits for nobody. */
  readonly timeoutMs: number;
}

/** Within the provider's limits, which bound what a gateway's callers can make it cost. */
export function rerankServed({ access, tenant, timeoutMs }: ServedRerankOptions): Rerank {
  return async ({ by: { provider, model, onError }, query, documents, signal }) => {
    const what = `${provider} (${model}) did not rank what was found`;
    try {
      const { answer } = await withinProviderTime(timeoutMs, signal, what, (inTime) =>
        access.rerank({ provider, model }, rerankQuestion(query, documents), {
          tenant,
          signal: inTime,
          patienceMs: timeoutMs,
        }),
      );
      return { kind: 'ranked', documents: readRanking(answer, documents.length) };
    } catch (error) {
      // Who has gone needs no order.
      if (signal?.aborted === true || onError === 'fail' || !isPerennialError(error)) throw error;
      return { kind: 'kept', failure: error.type };
    }
  };
}

/**
 * On the call ledger and from the budgets of whoever evaluates. Never the index's own order in its
 * place: that would be another bundle than the one that is measured. `paid` hears of each in
 * nanodollars.
 */
export function rerankOnLedger({ chat, ...shared }: Asking, paid: (cost: number) => void): Rerank {
  return async ({ by: { provider, model }, query, documents, signal }) => {
    const { answer, cost } = await chat.ask({
      ...{
        ...shared,
        route: [{ provider, model }],
        operation: 'rerank',
        promptDigest: null,
        repeat: 0,
      },
      question: rerankQuestion(query, documents),
      ...(signal && { signal }),
    });
    paid(cost);
    return { kind: 'ranked', documents: readRanking(answer, documents.length) };
  };
}
