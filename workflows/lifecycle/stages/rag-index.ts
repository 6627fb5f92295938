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
import { runBudgets } from '../../../domain/language/provider/run-budget';
import type { ModelVersionRef } from '../../../domain/model/model';
import type { indexBuild } from '../../index-version/build';
import type { IndexBuildInput } from '../../index-version/messages';
import { indexBuildWorkflow } from '../../index-version/messages';
import { indexRecords } from '../../index-version/activity-proxies';
import { childAttributes } from '../../run/search-attributes';
import type { StageEnd } from '../../../domain/run/plan';
import type { EndedStage, LlmRun } from '../stage';
import { effectOf, runStage } from '../stage';
import type { Ingested } from './ingest';

export interface BuiltIndex {
  readonly name: string;
  readonly version: number;
  readonly report: IndexReport;
}

export interface IndexedRun extends EndedStage<BuiltIndex> {
  /**
   * Who answered when this run came to its index: the alias moves from exactly there. Of the run,
   * not of the stage: a version that is taken over was built in other days.
   */
  readonly seen: Awaited<ReturnType<typeof indexRecords.readIndexChampion>>;
}

const shardDocuments = 500;

/**
 * A version of the index beside the one that answers. It stays beside it: bundles name their
 * version, and the alias moves when the bundle is promoted. A version whose run fails is left as it
 * is, for a later run with the same documents.
 */
export async function ragIndex(
  run: LlmRun,
  spec: IndexSpec,
  datasets: Ingested['datasets'],
): Promise<IndexedRun> {
  const { plan } = run;
  const documents = datasetOf(datasets, spec.documents);
  const questions = spec.parity && datasetOf(datasets, spec.parity.questions);
  // A document of before there was a choice has none.
  const {
    name,
    chunking,
    embedder,
    maxDocument,
    maxRejectedShare,
    parity,
    mode,
    vectors = 'auto',
  } = spec;
  const inputs = () => ({
    index: name,
    documents: documents.manifest.digest,
    ...{ chunking, embedder, vectors, maxDocument, maxRejectedShare },
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
        dataset: versionOf(documents),
        embedder,
        chunking,
        vectors: { kind: vectors },
        shardDocuments,
        parallel: 2,
        maxDocumentBytes: maxDocument,
        maxRejectedShare,
        parity: parity &&
          questions && { rule: ruleOf(parity), questions: versionOf(questions), mode },
        // Embeddings of a provider are paid as questions are.
        budgets: runBudgets(plan.runId, plan.spec.budget),
        after: 'keep',
        shardsPerExecution: null,
        progress: null,
      };
      const { version, report, verdict } = await executeChild<typeof indexBuild>(
        indexBuildWorkflow,
        {
          // Of this execution: one that was lost may still be ending its own.
          workflowId: `${workflowId}/rag-index/${firstExecutionRunId}`,
          args: [input],
          cancellationType: ChildWorkflowCancellationType.WAIT_CANCELLATION_COMPLETED,
          parentClosePolicy: ParentClosePolicy.REQUEST_CANCEL,
          typedSearchAttributes: childAttributes({ tenant: plan.tenant, model: plan.lifecycle }),
          staticSummary: `${name} of ${documents.rows} documents`,
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
 * Whoever asks the index by its name alone is answered by the version of the promoted bundle.
 * Again: nothing moves; nor does it where another run has moved it since, or where the bundle has
 * been rolled back meanwhile. After the bundle's own alias, in a transaction of its own: bundles
 * name their version, so that none is answered by another one's index in between. It is noted for
 * which bundle: a rollback of that one takes the index along (db/index/follow.ts).
 */
export async function promoteIndex(
  run: LlmRun,
  { output: { name: index, version }, seen }: IndexedRun,
  { model, version: promoted }: ModelVersionRef,
): Promise<void> {
  const { tenant, runId } = run.plan;
  const { key } = effectOf(run.plan, 'promote')('index');
  const cause = `the bundle of ${runId} was promoted`;
  // The release is done: a cancellation that comes now has nothing left to undo.
  await CancellationScope.nonCancellable(() =>
    indexRecords.promoteIndexVersion({
      ...{ tenant, index, version, key, champion: seen, actor: `run:${runId}`, cause },
      bundle: { model, version: promoted },
    }),
  );
}

function ruleOf({ metric, margin, confidence, minQuestions }: NonNullable<IndexSpec['parity']>) {
  return { metric, margin, confidence, minQuestions };
}

function versionOf({ dataset, version }: DatasetVersionRef) {
  return { name: dataset, version };
}

function datasetOf(datasets: Ingested['datasets'], source: string): DatasetVersionRef {
  const found = datasets[source];
  // `apply` refuses an index of a source that is not there.
  if (!found) throw new Error(`there is no source ${source}`);
  return found;
}
