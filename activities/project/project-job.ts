/** What the Python steps and the commands of a project share as jobs. */
import type { ArtifactStore } from '../../data/artifact/store';
import type { Registry } from '../../db/registry';
import type { ComputePrices } from '../../domain/cost/price';
import type { DatasetVersionRef } from '../../domain/dataset/dataset';
import type { IdempotencyKey, RunId, Tenant } from '../../domain/ids';
import type { ComputeBackend, ComputeKind, ComputeSpec, Job } from '../../domain/training/job';
import { datasetNode } from '../dataset/register-version';
import { openJobMeter } from '../cost/job-meter';
import type { FinalJobState } from '../training/compute/follow-job';
import { followJob } from '../training/compute/follow-job';
import type { LogRecords } from '../training/compute/keep-logs';
import { cancelledLogKeeper, keepLogs } from '../training/compute/keep-logs';
import { restartRecorder } from '../training/compute/record-restart';
import { metricsReporter } from '../training/compute/report-metrics';
import { outputReporter } from '../training/compute/report-output';

export interface ProjectJobDeps {
  readonly backends: Readonly<Partial<Record<ComputeKind, ComputeBackend>>>;
  readonly artifacts: Pick<ArtifactStore, 'getJson' | 'putBytes'>;
  readonly registry: LogRecords & Pick<Registry, 'lineage' | 'costs'>;
  readonly prices: ComputePrices;
}

export interface ProjectJobInput {
  readonly tenant: Tenant;
  readonly runId: RunId;
  /** The id of the job, so that a retry finds it. */
  readonly key: IdempotencyKey;
  readonly traceId?: string;
  readonly compute: ComputeSpec;
}

export interface PreparedJob {
  readonly job: Job;
  /** The dataset versions that it reads, for the lineage of the run. */
  readonly datasets: readonly DatasetVersionRef[];
}

/**
 * Submits the job or finds it, and follows it to its end. Keeps the log of a failed or cancelled
 * job.
 */
export async function followProjectJob(
  deps: Pick<ProjectJobDeps, 'backends' | 'artifacts' | 'registry' | 'prices'>,
  given: ProjectJobInput & { readonly name: string },
  prepare: () => Promise<PreparedJob>,
): Promise<FinalJobState> {
  const { backends, registry } = deps;
  const { compute, key, name } = given;
  const report = metricsReporter(registry, {
    ...given,
    kind: 'step.metrics',
    source: { step: name },
  });
  const output = outputReporter(registry, given);
  const ended = await followJob({
    backends,
    kind: compute.backend,
    tenant: given.tenant,
    jobId: key,
    meter: openJobMeter(deps, { ...given, jobId: key, backend: compute.backend }),
    prepare: async () => {
      const { job, datasets } = await prepare();
      await recordInputs(registry, given, datasets);
      return job;
    },
    look: ({ metrics }, read) => Promise.all([report(metrics), output(read)]).then(() => undefined),
    onRestart: restartRecorder(registry, given),
    onCancelled: cancelledLogKeeper(deps, given),
    longestPauseMs: 1_000,
  });
  if (ended.kind === 'failed' && ended.logs) await keepLogs(registry, given, ended.logs);
  return ended;
}

async function recordInputs(
  registry: Pick<Registry, 'lineage'>,
  { tenant, runId }: ProjectJobInput,
  datasets: readonly DatasetVersionRef[],
): Promise<void> {
  if (datasets.length === 0) return;
  await registry.lineage.add({
    tenant,
    edges: datasets.map((version) => ({
      from: datasetNode(version),
      to: { kind: 'run', name: runId },
      runId,
    })),
  });
}
