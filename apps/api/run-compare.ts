import type { Registry } from '../../db/registry';
import type { RunRecord } from '../../db/repositories/runs';

interface ComparedRun {
  readonly id: string;
  readonly lifecycle: string;
  readonly status: string;
  readonly version: number | null;
  readonly verdict: RunRecord['verdict'];
  readonly revision: string;
  readonly params: Readonly<Record<string, unknown>>;
  readonly metrics: Readonly<Record<string, unknown>>;
  readonly seconds: Readonly<Record<string, number>>;
}

/** Side by side, and the parameters in which they differ. */
export async function compareRuns(
  registry: Registry,
  runs: readonly RunRecord[],
): Promise<{ readonly runs: readonly ComparedRun[]; readonly differingParams: Readonly<Record<string, readonly unknown[]>> }> {
  const compared = await Promise.all(runs.map((run) => compareable(registry, run)));
  const keys = [...new Set(compared.flatMap((run) => Object.keys(run.params)))].sort();
  const differing = keys
    .map((key) => [key, compared.map((run) => run.params[key] ?? null)] as const)
    .filter(([, values]) => new Set(values.map((value) => JSON.stringify(value))).size > 1);
  return { runs: compared, differingParams: Object.fromEntries(differing) };
}

async function compareable(registry: Registry, run: RunRecord): Promise<ComparedRun> {
  const { tenant, id, lifecycle } = run;
  const stages = await registry.stages.list({ tenant, runId: id });
  const revision = await registry.lifecycles.get({ tenant, name: lifecycle, digest: run.revisionDigest });
  const evaluated = stages.find((stage) => stage.stage === 'evaluate')?.output as
    { output?: { summary?: { metrics?: Record<string, unknown> } } } | null | undefined;
  return {
    id,
    lifecycle,
    status: run.status,
    version: run.version,
    verdict: run.verdict,
    revision: run.revisionDigest,
    params: { ...revision?.spec.train.params, ...run.request.params, until: run.request.until ?? revision?.spec.data.time.until },
    metrics: evaluated?.output?.summary?.metrics ?? {},
    seconds: Object.fromEntries(stages.map((stage) => [stage.stage, stage.seconds])),
  };
}
