/** The steps of `indexBuild` that fill a version's table (workflows/index-version/build.ts). */
import type { ArtifactStore } from '../../data/artifact/store';
import { readDocumentFile, type DocumentSource } from '../../data/index/documents';
import type { Embedder } from '../../data/index/embedders/embedder';
import { planShards, type IndexPlan } from '../../data/index/shards';
import type { IndexVersionRecord } from '../../db/index/records';
import type { ArtifactRef } from '../../domain/artifact';
import type { BudgetRef } from '../../domain/budget/budget';
import type { DatasetManifest } from '../../domain/dataset/dataset';
import { failure } from '../../domain/failure';
import type { IdempotencyKey, RunId, Tenant } from '../../domain/ids';
import { buildHolder } from '../../domain/index-version/answers';
import type { ChunkingPlan } from '../../domain/index/chunking';
import { countRejected, type RejectionCounts } from '../../domain/index/document';
import { sameSpace, type EmbedderSpec } from '../../domain/index/embedder';
import { vectorKindFor, type VectorChoice, type VectorKind } from '../../domain/index/vector-index';
import { withIdempotencyKey } from '../run/idempotent-effect';
import { withHeartbeat, type HeartbeatContext } from '../run/heartbeat';
import { openRunProgress } from '../run/progress';
import {
  openEmbedder,
  embedDocuments,
  inScratch,
  isDocument,
  knownVectors,
  nameVersion,
  findPayer,
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
  /** The cases for comparing answers, kept for this build so far. */
  readonly cases?: ArtifactRef | undefined;
}

/** A version by the same embedder, whose vectors are reused for equal texts. */
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
  /** Budgets that pay for an embedder at an endpoint. */
  readonly budgets?: readonly BudgetRef[];
}

export interface IndexedShard {
  readonly chunks: number;
  readonly embedded: number;
  /** Number of chunks whose heading was shortened before embedding; absent if none. */
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
   * Shards that lost rows, because another worker wrote late or storage lost a commit. They are
   * written again.
   */
  | { readonly kind: 'damaged'; readonly shards: readonly number[] };

export function createIndexBuildActivities(deps: IndexDeps) {
  const { registry, artifacts, chunkStore, embedders } = deps;

  /** A build always uses the recipe of its version, whatever the caller passes. */
  async function building(
    at: IndexVersionInput,
  ): Promise<{ readonly record: IndexVersionRecord; readonly embedder: Embedder }> {
    const record = await registry.indexes.get(at);
    if (record?.state !== 'building')
      throw failure(
        'FencedOff',
        `${at.index}@${at.version} is not being built; it is ${record?.state ?? 'absent'}`,
      );
    return { record, embedder: await openEmbedder(record, embedders) };
  }

  return {
    /** Releases the cases that were kept for a build without a version. Idempotent. */
    releaseIndexOrder: async ({
      tenant,
      key,
    }: Pick<OpenIndexVersionInput, 'tenant' | 'key'>): Promise<void> => {
      await registry.artifacts.unreference({ tenant, by: buildHolder(key) });
    },

    /** Registers the version with the vector space of its embedder. Idempotent by key. */
    openIndexVersion: (
      input: OpenIndexVersionInput,
    ): Promise<{ readonly version: number; readonly base: IndexBase | null }> =>
      withHeartbeat(async () => {
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
            `chunks of ${chunking.size} tokens exceed the limit of ${embedder.identity.name}, ` +
              `${embedder.maxTokens} tokens`,
            { next: `set chunking.size to ${embedder.maxTokens} or less` },
          );
        }
        const recipe = { embedder: { ...embedder.identity, spec }, chunking };
        const { version } = await registry.indexes.open({
          tenant,
          index,
          recipe,
          runId,
          actor,
          idempotencyKey: key,
          dataset: dataset.name,
          datasetVersion: dataset.version,
        });
        if (cases) {
          await registry.artifacts.reference({
            tenant,
            digest: cases.digest,
            by: holder({ tenant, index, version }),
          });
          await registry.artifacts.unreference({ tenant, by: buildHolder(key) });
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
     * Splits the dataset version into shards and creates the empty table. Idempotent.
     * @throws InvalidInput or DatasetEmpty when too few documents can be indexed.
     */
    planIndexBuild: (input: PlanIndexInput): Promise<PlannedIndex> =>
      withHeartbeat(async (beat) => {
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
     * Chunks, embeds and writes one shard in one commit, so that a lost worker leaves all of it or
     * nothing. A retry finds which by counting. Texts with a vector in `base` are not embedded
     * again.
     */
    buildIndexShard: (input: IndexShardInput): Promise<IndexedShard> =>
      withHeartbeat((beat) =>
        withIdempotencyKey(registry.effects, input, async (assertOwned) => {
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
              : await knownVectors(
                  deps.chunkStore,
                  { ...nameVersion(input), ...input.base },
                  documents,
                );
          const asked = {
            embedder: record.recipe.embedder.spec,
            work: input.key,
            budgets: input.budgets,
          };
          const payer = await findPayer(deps, { ...nameVersion(input), runId }, asked);
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

    /** Counts all shards, checks for duplicate chunks and builds the indexes. Repeatable. */
    finishIndexTable: (
      input: IndexVersionInput & {
        readonly chunks: readonly number[];
        readonly vectors: { readonly kind: VectorChoice };
      },
    ): Promise<FinishedTable> =>
      withHeartbeat(async () => {
        const { record } = await building(input);
        const table = await chunkStore.open(input);
        try {
          const findDamaged = async (): Promise<readonly number[]> => {
            const counts: number[] = [];
            for (const shard of input.chunks.keys()) counts.push(await table.countShard(shard));
            return counts.flatMap((count, shard) => (count === input.chunks[shard] ? [] : [shard]));
          };
          const first = await findDamaged();
          if (first.length > 0) return { kind: 'damaged', shards: first };
          const { chunks, documents, duplicates } = await table.audit();
          if (duplicates.length > 0)
            throw failure(
              'IndexIncomplete',
              `${duplicates.length} chunks of ${input.index}@${input.version} are duplicates`,
            );
          const vectors = vectorKindFor(input.vectors.kind, chunks);
          await table.buildIndexes(vectors);
          // Counted again in the exact state that will be served, because another worker may have
          // written late while the indexes were built.
          const tableVersion = await table.tableVersion();
          const kept = await chunkStore.open(input, tableVersion);
          const count = await kept.count().finally(() => kept.close());
          if (count !== chunks) return { kind: 'damaged', shards: await findDamaged() };
          const { applied } = record;
          await registry.indexes.changes.applied({
            ...nameVersion(input),
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
     * Ends a failed build or retires a version: records the state, then deletes table and plan.
     * Idempotent.
     * @throws Conflict while an alias points to the version.
     */
    endIndexVersion: (
      input: IndexVersionInput & {
        readonly state: 'failed' | 'retired';
        readonly actor: string;
        readonly cause: string;
      },
    ): Promise<void> =>
      withHeartbeat(async () => {
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
  { report }: HeartbeatContext,
): Promise<IndexPlan> {
  const of = await registry.datasets.get({ tenant, dataset, version });
  if (!of) throw failure('NotFound', `dataset ${dataset}@${version} does not exist`);
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
  const left = countRejected(rejected);
  const told = Object.entries(rejected)
    .map(([reason, count]) => `${count} ${reason}`)
    .join(', ');
  if (documents === 0) {
    throw failure(
      'DatasetEmpty',
      `${dataset}@${datasetVersion} has no document that can be indexed` +
        (left > 0 ? `: ${told}` : ''),
      {
        next: 'check the columns id and text of the dataset',
      },
    );
  }
  if (left > maxShare * (documents + left)) {
    const ids = examples.flatMap(({ id }) => (id === null ? [] : [id])).slice(0, 5);
    const where = ids.length > 0 ? ids.join(', ') : 'the rows without an id';
    throw failure(
      'InvalidInput',
      `${left} of ${documents + left} documents of ${dataset}@${datasetVersion} ` +
        `cannot be indexed: ${told}`,
      {
        next: `check ${where}, or raise maxRejectedShare (${maxShare})`,
      },
    );
  }
}
