import { ChildWorkflowCancellationType, executeChild, ParentClosePolicy, workflowInfo } from '@temporalio/workflow';
import type { DatasetVersionRef } from '../../domain/dataset';
import type { IndexSpec } from '../../domain/index/index.schema';
import type { IndexReport } from '../../domain/index/version';
import type { indexBuild } from '../index-build';
import type { IndexBuildInput } from '../index-messages';
import { indexBuildWorkflow } from '../index-messages';
import { indexRecords } from '../index-proxies';
import type { EndedStage, LlmRun, StageEnd } from '../stage';
import { effectOf, runStage } from '../stage';
import type { Ingested } from './ingest';

export interface BuiltIndex {
  readonly name: string;
  readonly version: number;
  readonly report: IndexReport;
}

/** Below this a search that reads every vector is as fast, and finds all. */
const flatMost = 20_000;
const shardDocuments = 500;

/**
 * A version of the index beside the one that answers. It stays beside it: bundles name their version, and the alias moves when the bundle is promoted. A version whose run fails
 * is left as it is, for a later run with the same documents.
 */
export async function ragIndex(run: LlmRun, spec: IndexSpec, datasets: Ingested['datasets']): Promise<EndedStage<BuiltIndex>> {
  const { plan } = run;
  const documents = datasetOf(datasets, spec.documents);
  const questions = spec.parity && datasetOf(datasets, spec.parity.questions);
  const { name, chunking, embedder, maxDocument, maxRejectedShare, parity, mode } = spec;
  const inputs = () => ({
    index: name,
    documents: documents.manifest.digest,
    ...{ chunking, embedder, maxDocument, maxRejectedShare },
    parity: questions && { ...parity, questions: questions.manifest.digest, mode },
  });
  return runStage(run, { name: 'rag-index', inputs, cached: true }, async (effect): Promise<StageEnd<BuiltIndex>> => {
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
      vectors: { kind: documents.rows > flatMost ? 'ivfPq' : 'flat' },
      shardDocuments,
      parallel: 2,
      maxDocumentBytes: maxDocument,
      maxRejectedShare,
      parity: parity && questions && { rule: ruleOf(parity), questions: versionOf(questions), mode },
      after: 'keep',
      shardsPerExecution: null,
      progress: null,
    };
    const { version, report, verdict } = await executeChild<typeof indexBuild>(indexBuildWorkflow, {
      // Of this execution: one that was lost may still be ending its own.
      workflowId: `${workflowId}/rag-index/${firstExecutionRunId}`,
      args: [input],
      cancellationType: ChildWorkflowCancellationType.WAIT_CANCELLATION_COMPLETED,
      parentClosePolicy: ParentClosePolicy.REQUEST_CANCEL,
      staticSummary: `${name} of ${documents.rows} documents`,
    });
    return { output: { name, version, report }, ...(verdict?.kind === 'failed' ? { verdict } : {}) };
  });
}

/** Whoever asks the index by its name alone is answered by the version of the promoted bundle. Again: nothing moves. */
export async function promoteIndex(run: LlmRun, { name: index, version }: BuiltIndex): Promise<void> {
  const { tenant, runId } = run.plan;
  const { key } = effectOf(run.plan, 'promote')('index');
  for (;;) {
    const champion = await indexRecords.readIndexChampion({ tenant, index });
    const moved = await indexRecords.promoteIndexVersion({
      ...{ tenant, index, version, key, champion },
      actor: `run:${runId}`,
      cause: `the bundle of ${runId} was promoted`,
    });
    if (moved.kind !== 'conflict') return;
  }
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
