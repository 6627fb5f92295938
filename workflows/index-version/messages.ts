/** What others say to the workflows of an index. The constant is the wire name and its kind. */
import { defineQuery, defineSignal } from '@temporalio/workflow';
import type { ArtifactRef } from '../../domain/dataset/artifact';
import type { BudgetRef } from '../../domain/budget/budget';
import type { IdempotencyKey, RunId, Tenant } from '../../domain/ids';
import type { AnswersRule } from '../../domain/index/answers';
import type { ChunkingPlan } from '../../domain/index/chunking';
import type { RejectionCounts } from '../../domain/index/document';
import type { EmbedderSpec } from '../../domain/index/embedder';
import type { ParityRule } from '../../domain/index/parity';
import type { VectorChoice } from '../../domain/index/vector-index';
import type { IndexReport } from '../../domain/index/version';
import type { Verdict } from '../../domain/decision/verdict';

export const indexBuildWorkflow = 'indexBuild';
export const indexChangesWorkflow = 'indexChanges';
export const indexRetirementWorkflow = 'indexRetirement';

export interface IndexBuildInput {
  readonly tenant: Tenant;
  readonly index: string;
  /** Of this build: its effects go under it. */
  readonly key: IdempotencyKey;
  readonly runId: RunId | null;
  readonly actor: string;
  readonly dataset: { readonly name: string; readonly version: number };
  readonly embedder: EmbedderSpec;
  readonly chunking: ChunkingPlan;
  /** `auto` is decided when all pieces are counted. */
  readonly vectors: { readonly kind: VectorChoice };
  readonly shardDocuments: number;
  /** Shards at once. */
  readonly parallel: number;
  readonly maxDocumentBytes: number;
  readonly maxRejectedShare: number;
  /** Null takes the new version without a comparison. */
  readonly parity: {
    readonly rule: ParityRule;
    readonly questions: { readonly name: string; readonly version: number };
    readonly mode: 'vector' | 'text' | 'hybrid';
  } | null;
  /** What the answers over the new version must show; null and absent compare none. */
  readonly answers?: AnswersRule | null;
  /** `keep` leaves the alias where it is: a release decides. */
  readonly after: 'promote' | 'keep';
  /** That an embedder behind an endpoint is paid from: each must exist. */
  readonly budgets?: readonly BudgetRef[];
  /** Of this build alone, set before it asks anything; each is among `budgets`. */
  readonly limits?: readonly (BudgetRef & { readonly limit: number })[];
  /** Shards after which it continues as new at the latest; null leaves that to Temporal. */
  readonly shardsPerExecution: number | null;
  /** Where an earlier execution of this build stopped; null at the beginning. */
  readonly progress: IndexBuildProgress | null;
}

/** What continues in a new execution. */
export interface IndexBuildProgress {
  readonly startedAt: number;
  readonly version: number;
  readonly base: { readonly version: number; readonly tableVersion: number } | null;
  readonly plan: ArtifactRef;
  readonly shards: number;
  readonly documents: number;
  readonly rejected: RejectionCounts;
  /** By shard; null for one that is not written. */
  readonly chunks: readonly (number | null)[];
  readonly embedded: number;
  readonly shortened?: number;
}

export interface IndexBuildOutcome {
  readonly version: number;
  readonly report: IndexReport;
  /** Null without a gate. */
  readonly verdict: Verdict | null;
  readonly promoted: boolean;
}

export interface IndexBuildState {
  readonly phase:
    'planning' | 'embedding' | 'indexing' | 'catching up' | 'comparing' | 'answering' | 'done';
  readonly version: number | null;
  readonly shards: { readonly done: number; readonly of: number };
}

export interface IndexChangesInput {
  readonly tenant: Tenant;
  readonly index: string;
  readonly maxDocumentBytes: number;
  /**
   * Rows that no index has seen are brought into it when there are so many, or when no change has
   * come for so long; absent leaves them to the next build.
   */
  readonly compaction?: { readonly atLeast: number; readonly idleSeconds: number };
  /** Rounds after which it continues as new at the latest; null leaves that to Temporal. */
  readonly roundsPerExecution: number | null;
  /** How often a spent budget is looked at again; absent means minutes. */
  readonly budgetLookSeconds?: number;
  /** Of the execution before. */
  readonly waiting?: WaitingChanges | null;
}

/** Changes that a version has not taken up, because there is no budget to embed them from. */
export interface WaitingChanges {
  readonly versions: readonly number[];
  /** RFC 3339. */
  readonly since: string;
  readonly reason: string;
}

export interface IndexRetirementInput {
  readonly tenant: Tenant;
  readonly index: string;
  readonly version: number;
  readonly actor: string;
  readonly cause: string;
}

export interface IndexBuildRef {
  readonly tenant: Tenant;
  readonly index: string;
  readonly build: string;
}

export const indexBuildQuery = defineQuery<IndexBuildState>('status');
export const indexChangesQuery = defineQuery<{ readonly waiting: WaitingChanges | null }>('status');
/** Said after a change was accepted; `indexChanges` then applies all there are. */
export const documentsChangedSignal = defineSignal('documentsChanged');

/** Of one that no lifecycle began. */
export function indexBuildWorkflowId({ tenant, index, build }: IndexBuildRef): string {
  return `index-build/${tenant}/${index}/${build}`;
}

export function indexChangesWorkflowId({
  tenant,
  index,
}: Pick<IndexChangesInput, 'tenant' | 'index'>): string {
  return `index-changes/${tenant}/${index}`;
}

export function indexRetirementWorkflowId({
  tenant,
  index,
  version,
}: Pick<IndexRetirementInput, 'tenant' | 'index' | 'version'>): string {
  return `index-retirement/${tenant}/${index}/${version}`;
}
