/** Inputs, signals and queries of the index workflows. Constant = wire name + kind. */
import { defineQuery, defineSignal } from '@temporalio/workflow';
import type { ArtifactRef } from '../../domain/artifact';
import type { BudgetRef } from '../../domain/budget/budget';
import type { IdempotencyKey, RunId, Tenant } from '../../domain/ids';
import type { AnswersRule } from '../../domain/index-version/answers';
import type { ChunkingPlan } from '../../domain/index/chunking';
import type { RejectionCounts } from '../../domain/index/document';
import type { EmbedderSpec } from '../../domain/index/embedder';
import type { ParityRule } from '../../domain/index/parity';
import type { VectorChoice } from '../../domain/index/vector-index';
import type { IndexReport } from '../../domain/index/version';
import type { Verdict } from '../../domain/verdict';

export const indexBuildWorkflow = 'indexBuild';
export const indexChangesWorkflow = 'indexChanges';
export const indexRetirementWorkflow = 'indexRetirement';

export interface IndexBuildInput {
  readonly tenant: Tenant;
  readonly index: string;
  /** Idempotency key of this build, and prefix of the keys of its effects. */
  readonly key: IdempotencyKey;
  readonly runId: RunId | null;
  readonly actor: string;
  readonly dataset: { readonly name: string; readonly version: number };
  readonly embedder: EmbedderSpec;
  readonly chunking: ChunkingPlan;
  /** `auto` is resolved when all chunks are counted. */
  readonly vectors: { readonly kind: VectorChoice };
  readonly shardDocuments: number;
  /** Number of shards that are embedded at once. */
  readonly parallel: number;
  readonly maxDocumentBytes: number;
  readonly maxRejectedShare: number;
  /** Null accepts the new version without a comparison of search results. */
  readonly parity: {
    readonly rule: ParityRule;
    readonly questions: { readonly name: string; readonly version: number };
    readonly mode: 'vector' | 'text' | 'hybrid';
  } | null;
  /** The rule for comparing answers over both versions; null or absent skips it. */
  readonly answers?: AnswersRule | null;
  /** `keep` does not move the alias; a release decides. */
  readonly after: 'promote' | 'keep';
  /** Existing budgets that pay for an embedder at an endpoint. */
  readonly budgets?: readonly BudgetRef[];
  /** Budgets of this build alone, opened before its first request; each is among `budgets`. */
  readonly limits?: readonly (BudgetRef & { readonly limit: number })[];
  /** Number of shards after which it continues as new; null leaves that to Temporal. */
  readonly shardsPerExecution: number | null;
  /** Progress of an earlier execution of this build; null at the beginning. */
  readonly progress: IndexBuildProgress | null;
}

/** The state that is passed to a new execution. */
export interface IndexBuildProgress {
  readonly startedAt: number;
  readonly version: number;
  readonly base: { readonly version: number; readonly tableVersion: number } | null;
  readonly plan: ArtifactRef;
  readonly shards: number;
  readonly documents: number;
  readonly rejected: RejectionCounts;
  /** Chunks by shard; null for a shard that is not written. */
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
   * Compacts when there are `atLeast` changed rows, or after `idleSeconds` without a change. Absent
   * leaves the rows to the next build.
   */
  readonly compaction?: { readonly atLeast: number; readonly idleSeconds: number };
  /** Number of rounds after which it continues as new; null leaves that to Temporal. */
  readonly roundsPerExecution: number | null;
  /** Seconds until a spent budget is checked again; absent means 300. */
  readonly budgetLookSeconds?: number;
  /** Waiting changes of the previous execution. */
  readonly waiting?: WaitingChanges | null;
}

/** Changes that are not applied, because no budget is left to embed them. */
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
/** Sent after a change was accepted; `indexChanges` then applies all changes. */
export const documentsChangedSignal = defineSignal('documentsChanged');

/** Workflow id of a build that no lifecycle started. */
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
