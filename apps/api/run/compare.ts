import type { Registry } from '../../../db/registry';
import type { RunRecord } from '../../../db/run/repository';
import type { ComparedRun, RunComparison } from './view';
import { tuningToJson } from '../tuning/view';

/** Compares runs side by side, with the parameters in which they differ. */
export async function compareRuns(
  registry: Pick<Registry, 'stages' | 'lifecycles'>,
  runs: readonly RunRecord[],
): Promise<RunComparison> {
  const compared = await Promise.all(runs.map((run) => comparable(registry, run)));
  const keys = [...new Set(compared.flatMap((run) => Object.keys(run.params)))].sort();
  const differing = keys
    .map((key) => [key, compared.map((run) => run.params[key] ?? null)] as const)
    .filter(([, values]) => new Set(values.map((value) => JSON.stringify(value))).size > 1);
  return { runs: compared, differingParams: Object.fromEntries(differing) };
}

async function comparable(
  registry: Pick<Registry, 'stages' | 'lifecycles'>,
  run: RunRecord,
): Promise<ComparedRun> {
  const {
    tenant,
    id,
    lifecycle,
    status,
    version,
    verdict,
    revisionDigest: revision,
    request,
  } = run;
  const [stages, applied] = await Promise.all([
    registry.stages.list({ tenant, runId: id }),
    registry.lifecycles.get({ tenant, name: lifecycle, digest: revision }),
  ]);
  const spec = applied?.spec.kind === 'ModelLifecycle' ? applied.spec : undefined;
  // A run with an imported model trains nothing.
  const train = request.imported ? undefined : spec?.train;
  // The parameters of the evaluated model; those in the lifecycle may differ if a study ran.
  const tuned = stages.map(tuningToJson).find((tuning) => tuning !== null);
  // The record of the evaluate stage: `{ output: { summary: { metrics } } }`
  // (activities/evaluation/summary.ts).
  const evaluated = stages.find((stage) => stage.stage === 'evaluate')?.output as
    { output?: { summary?: { metrics?: Record<string, unknown> } } } | null | undefined;
  return {
    id,
    lifecycle,
    status,
    version,
    verdict,
    revision,
    trainer: train?.trainer ?? null,
    params: {
      ...train?.params,
      ...request.params,
      ...tuned?.params,
      ...(spec?.data.time && { until: request.until ?? spec.data.time.until }),
    },
    metrics: evaluated?.output?.summary?.metrics ?? {},
    seconds: Object.fromEntries(stages.map((stage) => [stage.stage, stage.seconds])),
  };
}
