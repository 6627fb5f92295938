import type { ArtifactRef } from '../../domain/dataset/artifact';
import type { BudgetRef } from '../../domain/budget/budget';
import { failure, isPerennialError } from '../../domain/failure';
import type { Tenant } from '../../domain/ids';
import type {
  CallLedger,
  CallOwner,
  LedgerCall,
  RecordedAnswer,
} from '../../domain/language/provider/call-ledger';
import { mostEmbeddingUsage } from '../../domain/language/provider/price';
import type { ArtifactStore } from '../artifact/store';
import { digestOf } from '../digest';
import { affordAttempt, attemptEnds, claimAttempt, type LedgerEntry } from './ledger-attempt';
import type { EmbedJournal, ModelAccess, ModelTarget } from './model-access';
import type { Embeddings } from './provider/provider';
import { shareInFlight } from '../share-in-flight';

export interface LedgeredTexts {
  readonly tenant: Tenant;
  /** Where its report is found: `run_…/rag-index`. */
  readonly scope: string;
  readonly owner: CallOwner;
  readonly budgets: readonly BudgetRef[];
  /** What the vectors cost in nanodollars, whoever paid. */
  readonly paid?: ((cost: number) => void) | undefined;
  readonly target: ModelTarget;
  /** One request: the same ones in the same order are the same call, whoever asks. */
  readonly texts: readonly string[];
  readonly signal?: AbortSignal | undefined;
  /**
   * Whether the vectors are of the model that is meant: by the same name the provider may have had
   * another when they were recorded.
   */
  readonly accepts?: ((vectors: readonly Float32Array[]) => boolean) | undefined;
}

/**
 * One vector a text, in order. What is on the ledger is not asked again. @throws IndexMismatch
 * where the provider's own answer is not accepted
 */
export type LedgeredEmbeddings = (asked: LedgeredTexts) => Promise<readonly Float32Array[]>;

/**
 * Vectors are too large for the registry: they go to the artifact store before the ledger says that
 * they are there, and the ledger has their reference in the place of an answer's text. Whoever dies
 * between the two pays this one request again. Those that are on the ledger may be of another
 * model, or gone from the store, which keeps what nobody refers to for a while only: the request is
 * repeated as often as that has happened, and what is new is the last.
 */
export function ledgeredEmbeddings(
  access: Pick<ModelAccess, 'embed'>,
  ledger: CallLedger,
  artifacts: Pick<ArtifactStore, 'putBytes' | 'getBytes'>,
): LedgeredEmbeddings {
  /**
   * The same texts asked for twice at once by one owner are one request: the second would take the
   * first one's over as if it had died. Another owner's end is another's: its budget, its
   * cancellation.
   */
  const asking = new Map<string, Promise<RecordedVectors>>();

  return async (asked) => {
    const { tenant, owner, target, texts, paid, accepts = () => true } = asked;
    for (let repeat = 0; ; repeat += 1) {
      const name = digestOf({
        tenant,
        owner,
        provider: target.provider,
        model: target.model,
        texts,
        repeat,
      });
      const { recorded, isNew } = await shareInFlight(asking, name, () =>
        recordedOf(asked, repeat),
      );
      const vectors = await vectorsOf(recorded).catch((error: unknown) => {
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
          `${target.model} of ${target.provider} is another model than before`,
          {
            next: 'build the index again, or have the provider put the model before behind the name',
          },
        );
    }
  };

  async function recordedOf(asked: LedgeredTexts, repeat: number): Promise<RecordedVectors> {
    const { tenant, scope, owner, budgets, target, texts, signal } = asked;
    const { provider, model } = target;
    const inputDigest = digestOf(texts);
    const key = digestOf({ kind: 'embeddings', provider, model, inputDigest, repeat });
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
    const most = mostEmbeddingUsage(texts);
    const journal: EmbedJournal = {
      afford: ({ price, totalMs }) => affordAttempt(entry, { target, most, price, totalMs }),
      async begin({ price, totalMs }) {
        const claim = await claimAttempt(entry, { target, most, price, totalMs });
        if (claim.kind === 'held') return claim;
        if (claim.kind === 'answered') {
          seen.found = { recorded: claim.recorded, isNew: false };
          return { kind: 'answered', answered: nothing };
        }
        const { answered, ...ends } = attemptEnds(entry, claim.number, price);
        return {
          kind: 'send',
          requestId: claim.requestId,
          ...ends,
          async answered({ totalMs: ms, ...embeddings }) {
            const text = JSON.stringify(await kept(tenant, embeddings));
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
      // When that cannot be written either, the lease runs out.
      await ledger
        .giveUp({ call, owner, failure: isPerennialError(error) ? error.type : null })
        .catch(() => undefined);
      throw error;
    }
    return seen.found ?? recordedOf(asked, repeat);
  }

  async function kept(tenant: Tenant, { vectors }: Embeddings): Promise<KeptVectors> {
    const dimensions = vectors[0]?.length ?? 0;
    const all = new Float32Array(vectors.length * dimensions);
    vectors.forEach((vector, row) => all.set(vector, row * dimensions));
    const bytes = new Uint8Array(all.buffer);
    return {
      dimensions,
      file: await artifacts.putBytes({ tenant, bytes, mediaType: 'application/octet-stream' }),
    };
  }

  async function vectorsOf({ answer: { text } }: RecordedAnswer): Promise<readonly Float32Array[]> {
    const { dimensions, file } = JSON.parse(text) as KeptVectors;
    // A copy: four-byte numbers want an address that a slice of a pool need not have.
    const all = new Float32Array(Uint8Array.from(await artifacts.getBytes(file)).buffer);
    return Array.from({ length: all.length / dimensions }, (_, row) =>
      all.slice(row * dimensions, (row + 1) * dimensions),
    );
  }
}

interface RecordedVectors {
  readonly recorded: RecordedAnswer;
  /** Just now, by the provider. */
  readonly isNew: boolean;
}

/**
 * Of one request; 32-bit numbers one after another, in the byte order of all machines that this
 * runs on.
 */
interface KeptVectors {
  readonly dimensions: number;
  readonly file: ArtifactRef;
}

/**
 * The vectors are read from the store, so that whoever asked first and whoever asks again have the
 * same.
 */
const nothing: Embeddings = { vectors: [], usage: { promptTokens: 0, completionTokens: 0 } };
