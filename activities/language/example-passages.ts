import type { ArtifactStore } from '../../data/artifact/store';
import { computeDigest } from '../../data/digest';
import type { CaseRetrieval } from '../../data/language/evaluation/answerer';
import { inParallel } from '../../data/language/evaluation/pool';
import type { OmittedPassages, RetrievedPassages } from '../../data/language/retrieval';
import type { ExampleBatch } from '../../data/training/examples';
import type { Registry } from '../../db/registry';
import type { ArtifactRef } from '../../domain/artifact';
import { isPerennialError, type FailureType } from '../../domain/failure';
import type { IdempotencyKey, RunId, Tenant } from '../../domain/ids';
import type { BundleIndex } from '../../domain/bundle/bundle';
import type { Passage } from '../../domain/bundle/passages';
import { withIdempotencyKey } from '../run/idempotent-effect';

/** The passages that fine-tuning examples quote. */
export interface ExamplePassages {
  readonly index: Pick<BundleIndex, 'name' | 'version' | 'digest'>;
  /** Number of passages in all conversations. */
  readonly shown: number;
  /** Number of examples without a passage, because none was found or none may be shown. */
  readonly without: number;
  readonly leftOut: OmittedPassages;
  /**
   * Number of examples that were left out because a provider, such as the reranker's, refused them
   * or gave an unusable answer, by reason. Absent when there is none.
   */
  readonly refused?: Readonly<Partial<Record<FailureType, number>>>;
}

export interface ExampleSearch {
  /**
   * Passages for each example of the batch. Null for an example that is left out, because it is
   * longer than the embedder's limit or was refused.
   */
  find(batch: ExampleBatch): Promise<readonly (readonly Passage[] | null)[]>;
  /** Totals of all batches so far. */
  told(): ExamplePassages;
}

export interface ExampleSearchOptions {
  readonly tenant: Tenant;
  readonly runId: RunId;
  readonly key: IdempotencyKey;
  readonly bundle: ArtifactRef;
  readonly index: BundleIndex;
  /** The prompt's variable that takes the question. */
  readonly input: string;
  /** Retrieval as the bundle serves. */
  readonly retrieval: CaseRetrieval;
  readonly signal: AbortSignal;
}

type KeptPassages = readonly (
  Pick<RetrievedPassages, 'passages' | 'left'> | { readonly refused: FailureType } | null
)[];

/** Parallel lookups: enough for an embedder at an endpoint, and within one machine's capacity. */
const atOnce = 4;

/**
 * Finds passages for examples, batch by batch. Each batch is stored before the next begins, so
 * after a lost worker only the batch in progress is repeated. Results are used as found: with the
 * right passage the model learns to read it among others, without it to answer anyway (RAFT, Zhang
 * et al. 2024, mixes both in fixed shares; here the shares are those of the index).
 */
export function openExampleSearch(
  {
    effects,
    artifacts,
  }: {
    readonly effects: Registry['effects'];
    readonly artifacts: Pick<ArtifactStore, 'getJson' | 'putJson'>;
  },
  { tenant, runId, key, bundle, index, input, retrieval, signal }: ExampleSearchOptions,
): ExampleSearch {
  const { name, version, digest } = index;
  const sum = { shown: 0, without: 0, room: 0, policy: 0 };
  const refused: Partial<Record<FailureType, number>> = {};

  return {
    async find({ place, inputs }) {
      // The key includes the questions: other examples at the same place are another effect.
      const part =
        `${key}/${place}-${computeDigest({ bundle: bundle.digest, inputs }).slice(-12)}` as IdempotencyKey;
      const kept = await withIdempotencyKey(effects, { tenant, key: part }, async () => {
        return artifacts.putJson({ tenant, runId, value: await look(place, inputs) });
      });
      const found = await artifacts.getJson<KeptPassages>(kept).catch(async (error: unknown) => {
        // Unreferenced, so garbage collection may have deleted it if the run stopped for days.
        if (isPerennialError(error) && error.type === 'ArtifactMissing') return look(place, inputs);
        throw error;
      });
      for (const each of found) {
        if (each === null) continue;
        if ('refused' in each) {
          refused[each.refused] = (refused[each.refused] ?? 0) + 1;
          continue;
        }
        sum.shown += each.passages.length;
        sum.without += each.passages.length === 0 ? 1 : 0;
        sum.room += each.left.room;
        sum.policy += each.left.policy;
      }
      return found.map((each) => (each === null || 'refused' in each ? null : each.passages));
    },
    told: () => ({
      index: { name, version, digest },
      shown: sum.shown,
      without: sum.without,
      leftOut: { room: sum.room, policy: sum.policy },
      ...(Object.keys(refused).length > 0 && { refused: { ...refused } }),
    }),
  };

  async function look(place: number, inputs: readonly string[]): Promise<KeptPassages> {
    const refusals: unknown[] = [];
    const found = await inParallel(
      inputs,
      atOnce,
      async (text, offset): Promise<KeptPassages[number]> => {
        const example = { ...unjudged, id: `example ${place + offset}`, input: { [input]: text } };
        try {
          const { passages, left } = await retrieval.retrieve(example, { signal });
          return { passages, left };
        } catch (error) {
          if (isPerennialError(error) && error.type === 'ContextOverflow') return null;
          if (!isPerennialError(error) || !ofTheExample.includes(error.type)) throw error;
          refusals.push(error);
          return { refused: error.type };
        }
      },
    );
    // When the whole first batch is refused, the cause is not in the examples.
    if (place === 1 && refusals.length === inputs.length) throw refusals[0];
    return found;
  }
}

/**
 * Failures that a retry would repeat, because the answers are on the call ledger. Falling back to
 * the index's own order would train on input that the bundle does not get.
 */
const ofTheExample: readonly FailureType[] = ['AnswerInvalid', 'AnswerWithheld', 'ProviderRefused'];

/** An example is looked up like a case; its answer is only for the trainer. */
const unjudged = { expected: {}, tags: [], group: null, pair: null, rules: [] } as const;
