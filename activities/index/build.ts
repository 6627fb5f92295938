/** The steps of `indexBuild` that fill a version's table (workflows/index-version/build.ts). */
import type { ArtifactStore } from '../../data/artifact/store';
import { readDocumentFile, type DocumentSource } from '../../data/index/documents';
import type { Embedder } from '../../data/index/embedders/embedder';
import { planShards, type IndexPlan } from '../../data/index/shards';
import type { IndexVersionRecord } from '../../db/index/repository';
import type { ArtifactRef } from '../../domain/dataset/artifact';
import type { BudgetRef } from '../../domain/budget/budget';
import type { DatasetManifest } from '../../domain/dataset/dataset';
import { failure } from '../../domain/failure';
import type { IdempotencyKey, RunId, Tenant } from '../../domain/ids';
import { orderHolder } from '../../domain/index/answers';
import type { ChunkingPlan } from '../../domain/index/chunking';
import { rejectedOf, type RejectionCounts } from '../../domain/index/document';
import { sameSpace, type EmbedderSpec } from '../../domain/index/embedder';
import { vectorKindFor, type VectorChoice, type VectorKind } from '../../domain/index/vector-index';
import { effectOnce } from '../run/effect-once';
import { whileBeating, type Beat } from '../run/heartbeating';
import { openRunProgress } from '../run/progress';
import {
  embedderOf,
  embedDocuments,
  inScratch,
  isDocument,
  knownVectors,
  nameOf,
  payerOf,
  type IndexDeps,
  type IndexVersionInput,
} from './version';

export interface OpenIndexVersionInput {
  readonly tenant: Tenant;
  readonly index: string;
  readonly key: IdempotencyKey;
  readonly runId: RunId | null;
  readonly actor: string;
  readonly dataset: { readonly name: string; readonly version: number };
  readonly embedder: EmbedderSpec;
  readonly chunking: ChunkingPlan;
  /** The cases of its answers, which were kept for its build until now. */
  readonly cases?: ArtifactRef | undefined;
}

/** A version whose vectors of equal texts are taken over: the same embedder made them. */
export interface IndexBase {
  readonly version: number;
  readonly tableVersion: number;
}

export interface PlanIndexInput extends IndexVersionInput {
  readonly shardDocuments: number;
  readonly maxDocumentBytes: number;
  readonly maxRejectedShare: number;
}

export interface PlannedIndex {
  /** IndexPlan. */
  readonly plan: ArtifactRef;
  readonly shards: number;
  readonly documents: number;
  readonly rejected: RejectionCounts;
}

export interface IndexShardInput extends IndexVersionInput {
  readonly key: IdempotencyKey;
  readonly plan: ArtifactRef;
  readonly shard: number;
  readonly maxDocumentBytes: number;
  readonly base: IndexBase | null;
  /** That an embedder behind an endpoint is paid from. */
  readonly budgets?: readonly BudgetRef[];
}

export interface IndexedShard {
  readonly chunks: number;
  readonly embedded: number;
  /** Chunks whose heading is not embedded whole, where there are any. */
  readonly shortened?: number;
}

export type FinishedTable =
  | {
      readonly kind: 'complete';
      readonly tableVersion: number;
      readonly chunks: number;
      readonly documents: number;
      readonly vectors: VectorKind;
    }
  /**
   * Shards that do not hold what was written to them: a worker that was thought dead wrote late, or
   * storage lost a commit. They are done again.
   */
  | { readonly kind: 'damaged'; readonly shards: readonly number[] };

export function createIndexBuildActivities(deps: IndexDeps) {
  const { registry, artifacts, chunkStore, embedders } = deps;

  /**
   * Everything that a build reads and writes goes by the version's own recipe, never by what a
   * caller says.
   */
  async function building(
    at: IndexVersionInput,
  ): Promise<{ readonly record: IndexVersionRecord; readonly embedder: Embedder }> {
    const record = await registry.indexes.get(at);
    if (record?.state !== 'building')
      throw failure(
        'FencedOff',
        `${at.index}@${at.version} is not being built (${record?.state ?? 'not there'})`,
      );
    return { record, embedder: await embedderOf(record, embedders) };
  }

  return {
    /** What was kept for a build that has no version. Again: nothing is left. */
    releaseIndexOrder: async ({
      tenant,
      key,
    }: Pick<OpenIndexVersionInput, 'tenant' | 'key'>): Promise<void> => {
      await registry.artifacts.unreference({ tenant, by: orderHolder(key) });
    },

    /**
     * Registers the version with the vector space that its embedder has here. A second attempt
     * finds the first one's.
     */
    openIndexVersion: (
      input: OpenIndexVersionInput,
    ): Promise<{ readonly version: number; readonly base: IndexBase | null }> =>
      whileBeating(async () => {
        const {
          tenant,
          index,
          key,
          runId,
          actor,
          dataset,
          embedder: spec,
          chunking,
          cases,
        } = input;
        const embedder = await embedders.get(spec);
        if (chunking.size > embedder.maxTokens) {
          throw failure(
            'InvalidInput',
            `chunks of ${chunking.size} tokens are cut off by ${embedder.identity.name}, which takes ${embedder.maxTokens}`,
            {
              next: `make chunking.size ${embedder.maxTokens} or less`,
            },
          );
        }
        const recipe = { embedder: { ...embedder.identity, spec }, chunking };
        const { version } = await registry.indexes.open({
          ...{ tenant, index, recipe, runId, actor, idempotencyKey: key },
          ...{ dataset: dataset.name, datasetVersion: dataset.version },
        });
        if (cases) {
          await registry.artifacts.reference({
            tenant,
            digest: cases.digest,
            by: holder({ tenant, index, version }),
          });
          await registry.artifacts.unreference({ tenant, by: orderHolder(key) });
        }
        const champion = await registry.indexes.served({ tenant, index });
        const usable =
          champion?.tableVersion != null && sameSpace(champion.recipe.embedder, embedder.identity);
        return {
          version,
          base: usable ? { version: champion.version, tableVersion: champion.tableVersion } : null,
        };
      }),

    /**
     * Cuts the dataset version into shards and makes the empty table. A second attempt makes the
     * same ones. InvalidInput or DatasetEmpty when too much of it cannot be indexed.
     */
    planIndexBuild: (input: PlanIndexInput): Promise<PlannedIndex> =>
      whileBeating(async (beat) => {
        const { record } = await building(input);
        await chunkStore.create(input, {
          embedder: record.recipe.embedder.digest,
          dimensions: record.recipe.embedder.dimensions,
        });
        const plan = await inScratch(deps, beat, input, (source) =>
          plannedFrom(deps, source, record, input, beat),
        );
        checkRejected(plan, record, input.maxRejectedShare);
        const ref = await artifacts.putJson({ tenant: input.tenant, value: plan });
        const by = holder(input);
        for (const { digest } of [ref, ...plan.shards.map(({ file }) => file)])
          await registry.artifacts.reference({ tenant: input.tenant, digest, by });
        return {
          plan: ref,
          shards: plan.shards.length,
          documents: plan.documents,
          rejected: plan.rejected,
        };
      }),

    /**
     * Chunks, embeds and writes one shard in one commit. A worker that dies in it leaves all of it
     * or nothing; a second attempt finds which by counting. Texts that `base` holds are not
     * embedded again.
     */
    buildIndexShard: (input: IndexShardInput): Promise<IndexedShard> =>
      whileBeating((beat) =>
        effectOnce(registry.effects, input, async (assertOwned) => {
          const { record, embedder } = await building(input);
          const { runId } = record;
          const run = { tenant: input.tenant, stage: 'rag-index', kind: 'index.progress' } as const;
          const tell = runId === null ? null : openRunProgress(registry.events, { ...run, runId });
          const { shards } = await artifacts.getJson<IndexPlan>(input.plan);
          const file = shards[input.shard]?.file;
          if (!file)
            throw failure(
              'NotFound',
              `the plan of ${input.index}@${input.version} has no shard ${input.shard}`,
            );
          const read = await inScratch(deps, beat, input, (source) =>
            readDocumentFile(file, source),
          );
          const documents = read.filter(isDocument);
          const known =
            input.base === null
              ? new Map()
              : await knownVectors(deps.chunkStore, { ...nameOf(input), ...input.base }, documents);
          const asked = {
            embedder: record.recipe.embedder.spec,
            work: input.key,
            budgets: input.budgets,
          };
          const payer = await payerOf(deps, { ...nameOf(input), runId }, asked);
          const { shard } = input;
          const options = { record, embedder, shard, known, payer, signal: beat.signal };
          const { rows, embedded, shortened } = await embedDocuments(documents, options);
          await assertOwned();
          const table = await chunkStore.open(input);
          try {
            await table.putShard(input.shard, rows);
          } finally {
            table.close();
          }
          tell?.({ shard: input.shard + 1, of: shards.length, chunks: rows.length, embedded });
          return { chunks: rows.length, embedded, ...(shortened > 0 && { shortened }) };
        }),
      ),

    /**
     * Counts every shard, looks for chunks that are there twice, and builds the indexes. A second
     * attempt counts again.
     */
    finishIndexTable: (
      input: IndexVersionInput & {
        readonly chunks: readonly number[];
        readonly vectors: { readonly kind: VectorChoice };
      },
    ): Promise<FinishedTable> =>
      whileBeating(async () => {
        const { record } = await building(input);
        const table = await chunkStore.open(input);
        try {
          const damaged = async (): Promise<readonly number[]> => {
            const counts: number[] = [];
            for (const shard of input.chunks.keys()) counts.push(await table.countShard(shard));
            return counts.flatMap((count, shard) => (count === input.chunks[shard] ? [] : [shard]));
          };
          const first = await damaged();
          if (first.length > 0) return { kind: 'damaged', shards: first };
          const { chunks, documents, duplicates } = await table.audit();
          if (duplicates.length > 0)
            throw failure(
              'IndexIncomplete',
              `${duplicates.length} chunks of ${input.index}@${input.version} are there twice`,
            );
          const vectors = vectorKindFor(input.vectors.kind, chunks);
          await table.buildIndexes(vectors);
          // The state that questions are answered from is counted as it is: building indexes takes
          // long enough for a worker that was thought dead to write.
          const tableVersion = await table.tableVersion();
          const kept = await chunkStore.open(input, tableVersion);
          const count = await kept.count().finally(() => kept.close());
          if (count !== chunks) return { kind: 'damaged', shards: await damaged() };
          const { applied } = record;
          await registry.indexes.changes.applied({
            ...nameOf(input),
            from: applied,
            to: applied,
            tableVersion,
            chunks,
            documents,
          });
          return { kind: 'complete', tableVersion, chunks, documents, vectors };
        } finally {
          table.close();
        }
      }),

    /**
     * A build that failed, or a version that is not wanted any more: its row says so, then its
     * table and its plan go. Fine when they are gone. Conflict while an alias points at it.
     */
    endIndexVersion: (
      input: IndexVersionInput & {
        readonly state: 'failed' | 'retired';
        readonly actor: string;
        readonly cause: string;
      },
    ): Promise<void> =>
      whileBeating(async () => {
        await registry.indexes.end(input);
        await chunkStore.drop(input);
        await registry.artifacts.unreference({ tenant: input.tenant, by: holder(input) });
      }),
  };
}

function holder({ index, version }: IndexVersionInput): string {
  return `index:${index}@${version}`;
}

async function plannedFrom(
  { registry, artifacts }: IndexDeps,
  source: DocumentSource & { readonly artifacts: ArtifactStore },
  { dataset, datasetVersion: version }: IndexVersionRecord,
  { tenant, shardDocuments }: PlanIndexInput,
  { report }: Beat,
): Promise<IndexPlan> {
  const of = await registry.datasets.get({ tenant, dataset, version });
  if (!of) throw failure('NotFound', `there is no dataset ${dataset}@${version}`);
  const manifest = await artifacts.getJson<DatasetManifest>(of.manifest);
  return planShards(manifest, source, {
    tenant,
    shardDocuments,
    onProgress: (documents) => report({ phase: 'plan', documents }),
  });
}

function checkRejected(
  { documents, rejected, examples }: IndexPlan,
  { dataset, datasetVersion }: IndexVersionRecord,
  maxShare: number,
): void {
  const left = rejectedOf(rejected);
  const told = Object.entries(rejected)
    .map(([reason, count]) => `${count} ${reason}`)
    .join(', ');
  if (documents === 0) {
    throw failure(
      'DatasetEmpty',
      `${dataset}@${datasetVersion} has no document that can be indexed${left > 0 ? `: ${told}` : ''}`,
      {
        next: 'look at the columns id and text of the dataset',
      },
    );
  }
  if (left > maxShare * (documents + left)) {
    const ids = examples.flatMap(({ id }) => (id === null ? [] : [id])).slice(0, 5);
    throw failure(
      'InvalidInput',
      `${left} of ${documents + left} documents of ${dataset}@${datasetVersion} cannot be indexed: ${told}`,
      {
        next: `look at ${ids.length > 0 ? ids.join(', ') : 'the rows without an id'}, or raise maxRejectedShare (${maxShare})`,
      },
    );
  }
}
