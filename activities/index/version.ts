/** Shared by the index activities: version, embedder, documents. */
import { activityInfo } from '@temporalio/activity';
import type { ArtifactStore } from '../../data/artifact/store';
import {
  chunkDocument,
  embedChunks,
  type EmbeddedChunks,
  type UnembeddedChunk,
} from '../../data/index/chunk-document';
import type { ChunkStore } from '../../data/index/chunk-store';
import type { ReadDocument } from '../../data/index/document-lines';
import type { DocumentSource } from '../../data/index/documents';
import type { Embedder, EmbeddingPayer, LedgeredPayer } from '../../data/index/embedders/embedder';
import type { Embedders } from '../../data/index/embedders/open-embedder';
import { openScratch } from '../../data/scratch';
import { openEventLoopYield } from '../../data/event-loop-yield';
import type { Registry } from '../../db/registry';
import type { BudgetRepository } from '../../db/budget/repository';
import type { IndexVersionRecord } from '../../db/index/records';
import type { BudgetRef } from '../../domain/budget/budget';
import { failure } from '../../domain/failure';
import type { RunId, Tenant } from '../../domain/ids';
import type { IndexDocument } from '../../domain/index/document';
import { sameSpace, type EmbedderSpec } from '../../domain/index/embedder';
import type { HeartbeatContext } from '../run/heartbeat';
import { operatorBudgets } from '../language/question-budgets';

export interface IndexDeps {
  readonly registry: Pick<
    Registry,
    'indexes' | 'datasets' | 'artifacts' | 'effects' | 'events' | 'budgets'
  >;
  readonly artifacts: ArtifactStore;
  readonly chunkStore: ChunkStore;
  readonly embedders: Embedders;
  readonly scratchRoot: string;
}

type Payer = Required<EmbeddingPayer> & { readonly entry: LedgeredPayer };

export interface IndexVersionInput {
  readonly tenant: Tenant;
  readonly index: string;
  readonly version: number;
}

export function nameVersion({ tenant, index, version }: IndexVersionInput): IndexVersionInput {
  return { tenant, index, version };
}

export async function openEmbedder(
  { index, version, recipe }: IndexVersionRecord,
  embedders: Embedders,
): Promise<Embedder> {
  const embedder = await embedders.get(recipe.embedder.spec);
  if (!sameSpace(embedder.identity, recipe.embedder)) {
    throw failure(
      'IndexMismatch',
      `${index}@${version} was built with another ${recipe.embedder.name} ` +
        `than the installed one (${embedder.identity.digest})`,
      { next: `build ${index} again: its embedder changed` },
    );
  }
  return embedder;
}

export async function inScratch<T>(
  { artifacts, scratchRoot }: Pick<IndexDeps, 'artifacts' | 'scratchRoot'>,
  { signal }: HeartbeatContext,
  { index, version, maxDocumentBytes }: IndexVersionInput & { readonly maxDocumentBytes: number },
  work: (source: DocumentSource & { readonly artifacts: ArtifactStore }) => Promise<T>,
): Promise<T> {
  const scratch = await openScratch(scratchRoot, `index-${index}-${version}`);
  try {
    return await work({ artifacts, scratch, maxBytes: maxDocumentBytes, signal });
  } finally {
    await scratch.dispose();
  }
}

/**
 * The payer of embedding requests. A retry of the same `work` reads earlier answers from the call
 * ledger. The operator's limits apply beside the caller's budgets.
 */
export async function findPayer(
  { registry }: Pick<IndexDeps, 'registry'>,
  { tenant, index, version, runId }: IndexVersionInput & { readonly runId: RunId | null },
  {
    embedder,
    work,
    budgets = [],
  }: {
    readonly embedder: EmbedderSpec;
    readonly work: string;
    readonly budgets?: readonly BudgetRef[] | undefined;
  },
): Promise<Payer> {
  const scope = runId === null ? `index/${index}@${version}` : `run/${runId}/rag-index`;
  const limits = await embedderLimits(registry.budgets, tenant, embedder);
  return {
    tenant,
    entry: {
      scope,
      owner: { execution: work, attempt: activityInfo().attempt },
      budgets: [...budgets, ...limits],
    },
  };
}

/** The operator's limits for the embedding provider; none for a local embedder. */
export async function embedderLimits(
  budgets: Pick<BudgetRepository, 'get'>,
  tenant: Tenant,
  spec: EmbedderSpec,
): Promise<readonly BudgetRef[]> {
  return spec.kind === 'endpoint'
    ? operatorBudgets(budgets, { tenant, providers: [spec.provider] })
    : [];
}

export async function embedDocuments(
  documents: readonly IndexDocument[],
  options: {
    readonly record: IndexVersionRecord;
    readonly embedder: Embedder;
    readonly shard: number;
    readonly known: ReadonlyMap<string, Float32Array>;
    readonly signal: AbortSignal;
    readonly payer: EmbeddingPayer;
  },
): Promise<EmbeddedChunks> {
  const { record, embedder, shard, known, signal, payer } = options;
  const { chunking: plan } = record.recipe;
  const turn = openEventLoopYield(signal);
  const chunks: UnembeddedChunk[] = [];
  for (const document of documents) {
    await turn();
    chunks.push(...chunkDocument(document, { plan, measureTokens: embedder.measureTokens, shard }));
  }
  return embedChunks(chunks, { embedder, known, signal, payer });
}

/** Vectors of these documents in an earlier version by the same embedder, by digest of the text. */
export async function knownVectors(
  store: ChunkStore,
  { tenant, index, version, tableVersion }: IndexVersionInput & { readonly tableVersion: number },
  documents: readonly IndexDocument[],
): Promise<ReadonlyMap<string, Float32Array>> {
  const table = await store.open({ tenant, index, version }, tableVersion);
  try {
    return await table.readVectors(documents.map(({ id }) => id));
  } finally {
    table.close();
  }
}

export function isDocument(read: ReadDocument): read is IndexDocument {
  return !('rejected' in read);
}
