/** Compares the search results of a new index version with the champion's, and moves the alias. */
import type { ArtifactStore } from '../../data/artifact/store';
import type { LedgeredPayer } from '../../data/index/embedders/embedder';
import { openIndexReader, type IndexReader } from '../../data/index/query-index';
import { readQuestions, type GoldQuestion } from '../../data/index/questions';
import { computeDigest } from '../../data/digest';
import { openScratch } from '../../data/scratch';
import type { AliasState } from '../../db/alias-register';
import type { BundleRef, IndexPromotion } from '../../db/index/records';
import type { ArtifactRef } from '../../domain/artifact';
import type { BudgetRef } from '../../domain/budget/budget';
import type { DatasetManifest } from '../../domain/dataset/dataset';
import { failure, isPerennialError } from '../../domain/failure';
import type { IdempotencyKey, Tenant } from '../../domain/ids';
import {
  decideParity,
  parityEvidence,
  type IndexParityEvidence,
  type ParityRule,
} from '../../domain/index/parity';
import type { Retrieved } from '../../domain/index/retrieval-metrics';
import type { SearchMode } from '../../domain/index/version';
import { toSeed } from '../../domain/statistics/random';
import type { Verdict } from '../../domain/verdict';
import { withHeartbeat, type HeartbeatContext } from '../run/heartbeat';
import { findPayer, type IndexDeps, type IndexVersionInput } from './version';

export interface IndexParityInput extends IndexVersionInput {
  readonly rule: ParityRule;
  readonly questions: { readonly name: string; readonly version: number };
  readonly mode: SearchMode;
  /** Budgets that pay for an embedder at an endpoint. */
  readonly budgets?: readonly BudgetRef[];
}

export interface MeasuredParity {
  readonly verdict: Verdict;
  readonly evidence: IndexParityEvidence;
  /** JSON with rule, evidence, verdict and all answers. */
  readonly record: ArtifactRef;
  /** The champion of the comparison; the alias moves only from here. */
  readonly champion: Pick<AliasState, 'version' | 'fencing'> | null;
}

/** Length of each ranking, enough for all metrics of a rule. */
const depth = 100;

export function createIndexParityActivities(deps: IndexDeps) {
  const { registry, artifacts, chunkStore: store, embedders } = deps;

  /**
   * Questions to either version belong to the build and are embedded by that version's embedder.
   */
  async function payerOfQuestions(
    { tenant, index, version, budgets }: IndexParityInput,
    which: number,
  ): Promise<LedgeredPayer> {
    const [built, asked] = await Promise.all(
      [version, which].map((each) => registry.indexes.get({ tenant, index, version: each })),
    );
    if (!built || !asked)
      throw failure('NotFound', `${index}@${built ? which : version} does not exist`);
    const work = {
      embedder: asked.recipe.embedder.spec,
      work: `parity/${index}@${version}/${which}`,
      budgets,
    };
    return (await findPayer(deps, { tenant, index, version, runId: built.runId }, work)).entry;
  }

  return {
    /** Asks both versions the same questions. Reads only, so a retry asks again. */
    measureIndexParity: (input: IndexParityInput): Promise<MeasuredParity> =>
      withHeartbeat(async (beat) => {
        const { tenant, index, version, rule } = input;
        const questions = await loadQuestions(deps, input, beat);
        const { champion } = await registry.indexes.aliases({ tenant, index });
        const reader = openIndexReader({
          find: (asked) => registry.indexes.served(asked),
          store,
          embedders,
        });
        try {
          const ask = async (which: number) =>
            answerQuestions(
              reader,
              { ...input, version: which, payer: await payerOfQuestions(input, which) },
              questions,
              beat,
            );
          const answers = {
            candidate: await ask(version),
            champion:
              champion === null || champion.version === version
                ? null
                : await ask(champion.version),
          };
          const evidence = parityEvidence(
            rule,
            answers,
            toSeed(computeDigest({ index, version, questions: questions.length })),
          );
          const verdict = decideParity(rule, evidence);
          const record = await artifacts.putJson({
            tenant,
            value: { rule, evidence, verdict, ...answers },
          });
          await registry.artifacts.reference({
            tenant,
            digest: record.digest,
            by: `index:${index}@${version}`,
          });
          return {
            verdict,
            evidence,
            record,
            champion: champion && { version: champion.version, fencing: champion.fencing },
          };
        } finally {
          reader.close();
        }
      }),

    /** The champion that a build without a gate would replace. */
    readIndexChampion: async ({
      tenant,
      index,
    }: {
      readonly tenant: Tenant;
      readonly index: string;
    }): Promise<MeasuredParity['champion']> => {
      const { champion } = await registry.indexes.aliases({ tenant, index });
      return champion && { version: champion.version, fencing: champion.fencing };
    },

    /**
     * Moves the alias in one transaction; a repeated key returns the first answer. `conflict` when
     * another version became champion meanwhile.
     */
    promoteIndexVersion: (
      input: IndexVersionInput & {
        readonly key: IdempotencyKey;
        readonly champion: MeasuredParity['champion'];
        /** The bundle whose promotion this follows. */
        readonly bundle?: BundleRef;
        readonly actor: string;
        readonly cause: string;
      },
    ): Promise<IndexPromotion> => {
      const { tenant, index, version, key: idempotencyKey, champion, bundle, actor, cause } = input;
      const expectedChampion = champion ?? { version: null };
      return registry.indexes.promote({
        tenant,
        index,
        version,
        expectedChampion,
        bundle,
        actor,
        cause,
        idempotencyKey,
      });
    },
  };
}

async function loadQuestions(
  { registry, artifacts, scratchRoot }: IndexDeps & { readonly artifacts: ArtifactStore },
  { tenant, index, questions: { name: dataset, version } }: IndexParityInput,
  { signal }: HeartbeatContext,
): Promise<readonly GoldQuestion[]> {
  const of = await registry.datasets.get({ tenant, dataset, version });
  if (!of) throw failure('NotFound', `dataset ${dataset}@${version} does not exist`);
  const manifest = await artifacts.getJson<DatasetManifest>(of.manifest);
  const scratch = await openScratch(scratchRoot, `questions-${index}`);
  try {
    return await readQuestions(manifest, { artifacts, scratch, signal });
  } finally {
    await scratch.dispose();
  }
}

/** Null for a question without an answer, which is counted separately and not as a miss. */
async function answerQuestions(
  reader: IndexReader,
  { tenant, index, version, mode, payer }: IndexParityInput & { readonly payer: LedgeredPayer },
  questions: readonly GoldQuestion[],
  { signal, report }: HeartbeatContext,
): Promise<readonly (Retrieved | null)[]> {
  const answers: (Retrieved | null)[] = [];
  for (const { id: question, text, gold } of questions) {
    signal.throwIfAborted();
    const answer = await reader
      .query({ tenant, index, version, text, k: depth, mode, payer })
      .catch(nullWhenRefused);
    answers.push(
      answer && {
        question,
        gold,
        found: [...new Set(answer.hits.map(({ documentId }) => documentId))],
      },
    );
    report({ phase: 'parity', version, questions: answers.length, of: questions.length });
  }
  return answers;
}

/** An invalid question is not the index's failure; any other failure is retried. */
function nullWhenRefused(error: unknown): null {
  if (isPerennialError(error) && error.type === 'InvalidInput') return null;
  throw error;
}
