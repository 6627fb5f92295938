import type { ArtifactStore } from '../../data/artifact/store';
import { digestOf } from '../../data/digest';
import type { CaseRetrieval } from '../../data/language/evaluation/answerer';
import { inParallel } from '../../data/language/evaluation/pool';
import type { LeftOut, RetrievedForAnswer } from '../../data/language/retrieval';
import type { ExampleBatch } from '../../data/training/examples';
import type { Registry } from '../../db/registry';
import type { ArtifactRef } from '../../domain/dataset/artifact';
import { isPerennialError, type FailureType } from '../../domain/failure';
import type { IdempotencyKey, RunId, Tenant } from '../../domain/ids';
import type { BundleIndex } from '../../domain/language/bundle';
import type { Passage } from '../../domain/language/passages';
import { effectOnce } from '../run/effect-once';

/** What the examples of a fine-tuning were given beside their questions. */
export interface ExamplePassages {
  readonly index: Pick<BundleIndex, 'name' | 'version' | 'digest'>;
  /** Passages in all conversations together. */
  readonly shown: number;
  /** Examples that nothing was found for, or nothing that may be shown. */
  readonly without: number;
  readonly leftOut: LeftOut;
  /**
   * Examples that are left out because a provider, such as the reranker's, refused them or said
   * nothing of use: reason → examples. Not given where none was.
   */
  readonly refused?: Readonly<Partial<Record<FailureType, number>>>;
}

export interface ExampleSearch {
  /**
   * For each example of the batch; null for one that is left out: its question is longer than the
   * embedder takes, or it was refused.
   */
  find(batch: ExampleBatch): Promise<readonly (readonly Passage[] | null)[]>;
  /** Of all batches so far. */
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
  /** As the bundle looks up what it is asked. */
  readonly retrieval: CaseRetrieval;
  readonly signal: AbortSignal;
}

type KeptPassages = readonly (
  Pick<RetrievedForAnswer, 'passages' | 'left'> | { readonly refused: FailureType } | null
)[];

/**
 * Looked up at once: enough for an embedder behind an endpoint, and no more than one machine's own
 * can do.
 */
const atOnce = 4;

/**
 * Passages for examples, batch by batch, each batch kept before the next is begun: whoever comes
 * after a death looks up the batch that was under way, and no other. Nothing is added to what is
 * found and nothing held back: where the index finds the right passage the model learns to read it
 * among others, where it does not, to do without (RAFT, Zhang et al. 2024, has both, in shares;
 * here the shares are the index's own, as they will be when it is asked).
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
      // By what is asked as well: other examples at the same place are another effect.
      const part =
        `${key}/${place}-${digestOf({ bundle: bundle.digest, inputs }).slice(-12)}` as IdempotencyKey;
      const kept = await effectOnce(effects, { tenant, key: part }, async () => {
        return artifacts.putJson({ tenant, runId, value: await look(place, inputs) });
      });
      const found = await artifacts.getJson<KeptPassages>(kept).catch(async (error: unknown) => {
        // Nobody refers to it, so that a run that was away for days may find it collected.
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
      ...{ shown: sum.shown, without: sum.without },
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
    // Refused one and all from the first on, it is not the examples that are wrong.
    if (place === 1 && refusals.length === inputs.length) throw refusals[0];
    return found;
  }
}

/**
 * Asked again it would end the same: what is of no use is on the ledger for good. The index's own
 * order in its place would teach what the bundle is not asked with.
 */
const ofTheExample: readonly FailureType[] = ['AnswerInvalid', 'AnswerWithheld', 'ProviderRefused'];

/** An example is asked as a case is, and what is known of its answer is for the trainer. */
const unjudged = { expected: {}, tags: [], group: null, pair: null, rules: [] } as const;
