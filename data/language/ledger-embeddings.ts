import type { ArtifactRef } from '../../domain/artifact';
import type { BudgetRef } from '../../domain/budget/budget';
import { failure, isPerennialError } from '../../domain/failure';
import type { Tenant } from '../../domain/ids';
import type {
  CallLedger,
  CallOwner,
  LedgerCall,
  RecordedAnswer,
} from '../../domain/provider/call-ledger';
import { maxEmbeddingUsage } from '../../domain/provider/price';
import type { ArtifactStore } from '../artifact/store';
import { computeDigest } from '../digest';
import { checkBudgets, attemptRecorder, claimAttempt, type LedgerEntry } from './ledger-attempt';
import type { EmbedJournal, ModelAccess } from './model-access';
import type { ModelTarget } from './attempt';
import type { Embeddings } from './provider/provider';
import { shareConcurrentCalls } from '../share-in-flight';

export interface LedgerTexts {
  readonly tenant: Tenant;
  /** The run and stage for reports: `run_…/rag-index`. */
  readonly scope: string;
  readonly owner: CallOwner;
  readonly budgets: readonly BudgetRef[];
  /** Receives the cost of the vectors in nanodollars, also when another call paid for them. */
  readonly paid?: ((cost: number) => void) | undefined;
  readonly target: ModelTarget;
  /** One request. The same texts in the same order are the same call. */
  readonly texts: readonly string[];
  readonly signal?: AbortSignal | undefined;
  /**
   * Whether the vectors come from the expected model. The provider may have replaced the model
   * behind a name since they were recorded.
   */
  readonly accepts?: ((vectors: readonly Float32Array[]) => boolean) | undefined;
}

/**
 * One vector per text, in order. Recorded vectors are reused. @throws IndexMismatch when new
 * vectors of the provider are not accepted
 */
export type LedgerEmbeddings = (asked: LedgerTexts) => Promise<readonly Float32Array[]>;

/**
 * Vectors are too large for the registry. They are stored as an artifact first, and then the ledger
 * records its reference as the text of the answer. A process that dies in between pays this one
 * request again. Recorded vectors may come from a replaced model, or the artifact may have been
 * deleted; each time, the request is made again under the next repeat number.
 */
export function openLedgerEmbeddings(
  access: Pick<ModelAccess, 'embed'>,
  ledger: CallLedger,
  artifacts: Pick<ArtifactStore, 'putBytes' | 'getBytes'>,
): LedgerEmbeddings {
  /**
   * Concurrent requests of one owner for the same texts share one call; otherwise the second would
   * take over the call of the first. Owners do not share: each has its own budgets and
   * cancellation.
   */
  const asking = new Map<string, Promise<RecordedVectors>>();

  return async (asked) => {
    const { tenant, owner, target, texts, paid, accepts = () => true } = asked;
    for (let repeat = 0; ; repeat += 1) {
      const name = computeDigest({
        tenant,
        owner,
        provider: target.provider,
        model: target.model,
        texts,
        repeat,
      });
      const { recorded, isNew } = await shareConcurrentCalls(asking, name, () =>
        readRecorded(asked, repeat),
      );
      const vectors = await parseVectors(recorded).catch((error: unknown) => {
        if (!isNew && isPerennialError(error) && error.type === 'ArtifactMissing') return null;
        throw error;
      });
      if (vectors === null) continue;
      if (accepts(vectors)) {
        paid?.(recorded.cost);
        return vectors;
      }
      if (isNew)
        throw failure(
          'IndexMismatch',
          `the model behind ${target.model} at provider ${target.provider} has changed`,
          {
            next: 'build the index again, or restore the previous model under this name',
          },
        );
    }
  };

  async function readRecorded(asked: LedgerTexts, repeat: number): Promise<RecordedVectors> {
    const { tenant, scope, owner, budgets, target, texts, signal } = asked;
    const { provider, model } = target;
    const inputDigest = computeDigest(texts);
    const key = computeDigest({ kind: 'embeddings', provider, model, inputDigest, repeat });
    const call: LedgerCall = {
      tenant,
      key,
      scope,
      provider,
      model,
      promptDigest: null,
      inputDigest,
      repeat,
    };
    const known = (await ledger.find({ tenant, scope, keys: [key] }))[key];
    if (known) return { recorded: known, isNew: false };
    const entry: LedgerEntry = { ledger, call, owner, budgets };
    const seen: { found: RecordedVectors | null } = { found: null };
    const worstCase = maxEmbeddingUsage(texts);
    const journal: EmbedJournal = {
      afford: ({ price, totalMs }) => checkBudgets(entry, { target, worstCase, price, totalMs }),
      async begin({ price, totalMs }) {
        const claim = await claimAttempt(entry, { target, worstCase, price, totalMs });
        if (claim.kind === 'held') return claim;
        if (claim.kind === 'answered') {
          seen.found = { recorded: claim.recorded, isNew: false };
          return { kind: 'answered', answered: nothing };
        }
        const { answered, ...ends } = attemptRecorder(entry, claim.number, price);
        return {
          kind: 'send',
          requestId: claim.requestId,
          ...ends,
          async answered({ totalMs: ms, ...embeddings }) {
            const text = JSON.stringify(await keepVectors(tenant, embeddings));
            const recorded = await answered({
              text,
              finish: 'stop',
              usage: embeddings.usage,
              model,
              firstTokenMs: null,
              totalMs: ms,
            });
            seen.found = { recorded, isNew: true };
            return nothing;
          },
        };
      },
    };
    try {
      await access.embed(target, texts, { tenant, signal, journal });
    } catch (error) {
      // When this cannot be recorded either, the lease expires.
      await ledger
        .giveUp({ call, owner, failure: isPerennialError(error) ? error.type : null })
        .catch(() => undefined);
      throw error;
    }
    return seen.found ?? readRecorded(asked, repeat);
  }

  async function keepVectors(tenant: Tenant, { vectors }: Embeddings): Promise<KeptVectors> {
    const dimensions = vectors[0]?.length ?? 0;
    const all = new Float32Array(vectors.length * dimensions);
    vectors.forEach((vector, row) => all.set(vector, row * dimensions));
    const bytes = new Uint8Array(all.buffer);
    return {
      dimensions,
      file: await artifacts.putBytes({ tenant, bytes, mediaType: 'application/octet-stream' }),
    };
  }

  async function parseVectors({
    answer: { text },
  }: RecordedAnswer): Promise<readonly Float32Array[]> {
    const { dimensions, file } = JSON.parse(text) as KeptVectors;
    // Copied, because a Float32Array needs an aligned offset and a pooled buffer may have none.
    const all = new Float32Array(Uint8Array.from(await artifacts.getBytes(file)).buffer);
    return Array.from({ length: all.length / dimensions }, (_, row) =>
      all.slice(row * dimensions, (row + 1) * dimensions),
    );
  }
}

interface RecordedVectors {
  readonly recorded: RecordedAnswer;
  /** Whether the provider answered just now, rather than the ledger. */
  readonly isNew: boolean;
}

/** The vectors of one request: 32-bit floats, row by row, little-endian. */
interface KeptVectors {
  readonly dimensions: number;
  readonly file: ArtifactRef;
}

/** The vectors are always read from the store, so that first and later callers get the same. */
const nothing: Embeddings = { vectors: [], usage: { promptTokens: 0, completionTokens: 0 } };
