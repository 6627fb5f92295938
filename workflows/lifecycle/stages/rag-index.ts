import {
  CancellationScope,
  ChildWorkflowCancellationType,
  executeChild,
  ParentClosePolicy,
  workflowInfo,
} from '@temporalio/workflow';
import type { DatasetVersionRef } from '../../../domain/dataset/dataset';
import type { IndexSpec } from '../../../domain/index/index.schema';
import type { IndexReport } from '../../../domain/index/version';
import { runBudgets } from '../../../domain/budget/run-budget';
import type { ModelVersionRef } from '../../../domain/model/model';
import type { indexBuild } from '../../index-version/build';
import type { IndexBuildInput } from '../../index-version/messages';
import { indexBuildWorkflow } from '../../index-version/messages';
import { indexRecords } from '../../index-version/activity-proxies';
import { builtInQueue } from '../../run/built-in-queue';
import { childAttributes } from '../../run/search-attributes';
import type { StageEnd } from '../../../domain/run/plan';
import type { EndedStage, LlmRun } from '../stage';
import { buildEffect, runStage } from '../stage';
import { requireDataset, type SourceDatasets } from './ingest';

export interface BuiltIndex {
  readonly name: string;
  readonly version: number;
  readonly report: IndexReport;
}

export interface SeenIndex {
  /**
   * The index's champion when this run read it; the alias moves only from there. It belongs to the
   * run and not to the stage output, because a reused version was built earlier.
   */
  readonly seen: Awaited<ReturnType<typeof indexRecords.readIndexChampion>>;
}

const shardDocuments = 500;

/**
 * Builds an index version beside the champion. The alias moves only when the bundle is promoted,
 * because bundles name their index version. A failed run leaves its version for later runs with the
 * same documents.
 */
export async function ragIndex(
  run: LlmRun,
  spec: IndexSpec,
  datasets: SourceDatasets,
): Promise<EndedStage<BuiltIndex> & SeenIndex> {
  const { plan } = run;
  const documents = requireDataset(datasets, 'run.index', spec.documents);
  const questions = spec.parity && requireDataset(datasets, 'run.index', spec.parity.questions);
  const { name, chunking, embedder, maxDocument, maxRejectedShare, parity, mode, vectors } = spec;
  const inputs = () => ({
    index: name,
    documents: documents.manifest.digest,
    chunking,
    embedder,
    vectors,
    maxDocument,
    maxRejectedShare,
    parity: questions && { ...parity, questions: questions.manifest.digest, mode },
  });
  const seen = await indexRecords.readIndexChampion({ tenant: plan.tenant, index: name });
  const ended = await runStage(
    run,
    { name: 'rag-index', inputs, cached: true },
    async (effect): Promise<StageEnd<BuiltIndex>> => {
      const { workflowId, firstExecutionRunId } = workflowInfo();
      const input: IndexBuildInput = {
        tenant: plan.tenant,
        index: name,
        key: effect('build').key,
        runId: plan.runId,
        actor: `run:${plan.runId}`,
        dataset: formatVersion(documents),
        embedder,
        chunking,
        vectors: { kind: vectors },
        shardDocuments,
        parallel: 2,
        maxDocumentBytes: maxDocument,
        maxRejectedShare,
        parity: parity &&
          questions && { rule: toParityRule(parity), questions: formatVersion(questions), mode },
        // Embeddings of a provider are paid from the same budgets as questions.
        budgets: runBudgets(plan.runId, plan.spec.budget),
        after: 'keep',
        shardsPerExecution: null,
        progress: null,
      };
      const { version, report, verdict } = await executeChild<typeof indexBuild>(
        indexBuildWorkflow,
        {
          // The id contains the execution: the build of a lost execution may still be ending.
          workflowId: `${workflowId}/rag-index/${firstExecutionRunId}`,
          args: [input],
          cancellationType: ChildWorkflowCancellationType.WAIT_CANCELLATION_COMPLETED,
          parentClosePolicy: ParentClosePolicy.REQUEST_CANCEL,
          typedSearchAttributes: childAttributes({ tenant: plan.tenant, model: plan.lifecycle }),
          staticSummary: `index ${name} with ${documents.rows} documents`,
          ...builtInQueue(plan),
        },
      );
      return {
        output: { name, version, report },
        ...(verdict && verdict.kind !== 'passed' ? { verdict } : {}),
      };
    },
  );
  return { ...ended, seen };
}

/**
 * Makes the version of the promoted bundle the champion of the index, for queries that name only
 * the index. Idempotent. Nothing moves if another run has moved the alias, or if the bundle was
 * rolled back meanwhile. This follows the bundle's promotion in a separate transaction, which is
 * safe because bundles name their index version. The bundle is recorded, so that its rollback also
 * moves the index back (db/index/follow.ts).
 */
export async function promoteIndex(
  run: LlmRun,
  { name: index, version, seen }: BuiltIndex & SeenIndex,
  { model, version: promoted }: ModelVersionRef,
): Promise<void> {
  const { tenant, runId } = run.plan;
  const { key } = buildEffect(run.plan, 'promote')('index');
  const cause = `the bundle of ${runId} was promoted`;
  // Not cancellable: the release is done, and no undo would follow.
  await CancellationScope.nonCancellable(() =>
    indexRecords.promoteIndexVersion({
      tenant,
      index,
      version,
      key,
      champion: seen,
      actor: `run:${runId}`,
      cause,
      bundle: { model, version: promoted },
    }),
  );
}

function toParityRule({
  metric,
  margin,
  confidence,
  minQuestions,
}: NonNullable<IndexSpec['parity']>) {
  return { metric, margin, confidence, minQuestions };
}

function formatVersion({ dataset, version }: DatasetVersionRef) {
  return { name: dataset, version };
}
