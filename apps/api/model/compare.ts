import { boundsAt } from '../../../domain/decision/gates/gate';
import type { CounterpartEvidence, Evidence } from '../../../domain/evaluation/evidence';
import { failure } from '../../../domain/failure';
import type { Tenant } from '../../../domain/ids';
import type { Registry } from '../../../db/registry';
import { trainingData } from '../../../db/lineage/training-data';
import { compareRuns } from '../run/compare';
import { findRun } from '../run/start';
import { decisionsOn } from './explain';
import type { ComparedEvaluation } from './compare-view';

/**
 * The versions with their decisions, the runs that made them, how their scores fit the labels, and
 * the data that they were trained on.
 */
export async function compareVersions(
  registry: Registry,
  {
    tenant,
    model,
    versions,
  }: { readonly tenant: Tenant; readonly model: string; readonly versions: readonly number[] },
) {
  const compared = await Promise.all(
    versions.map(async (version) => {
      const record = await registry.models.get({ tenant, model, version });
      if (!record)
        throw failure('NotFound', `there is no ${model}@${version}`, {
          next: `perennial model show ${model}`,
        });
      const of = { tenant, model, version };
      const [decisions, trainedOn] = await Promise.all([
        decisionsOn(registry, of),
        trainingData(registry.lineage, of),
      ]);
      const evidence = await newestEvidence(registry, tenant, decisions);
      return {
        record: { ...record, verdict: decisions.at(-1)?.verdict ?? null },
        evaluation: evidence && toComparedEvaluation(evidence),
        trainedOn,
      };
    }),
  );
  const records = compared.map(({ record }) => record);
  const runs = await Promise.all(records.map(({ runId }) => findRun(registry, { tenant }, runId)));
  return {
    versions: records,
    evaluations: compared.map(({ evaluation }) => evaluation),
    trainedOn: compared.map(({ trainedOn }) => trainedOn),
    runs: await compareRuns(registry, runs),
  };
}

/** Evidence of a rollout is of another kind. */
async function newestEvidence(
  registry: Pick<Registry, 'evidence'>,
  tenant: Tenant,
  decisions: Awaited<ReturnType<typeof decisionsOn>>,
): Promise<Evidence | null> {
  for (const { evidence: digest } of [...decisions].reverse()) {
    const body = await registry.evidence.get({ tenant, kind: 'evidence', digest });
    const { kind, counterparts } = (body ?? {}) as Partial<Evidence>;
    if (kind === 'evaluation' && counterparts !== undefined) return body as Evidence;
  }
  return null;
}

function toComparedEvaluation({
  holdout,
  judged,
  counterparts,
  fit = null,
}: Evidence): ComparedEvaluation {
  const against = [counterparts.champion, counterparts.baseline].find(isMeasured);
  return {
    rows: (judged ?? holdout).rows,
    fit,
    against: against?.name ?? null,
    slices: (against?.slices?.slices ?? []).map(({ column, value, groups, rows, increase }) => {
      const bounds = increase.kind === 'measured' ? boundsAt(increase.bounds, 0.975) : null;
      return {
        column,
        value,
        groups,
        rows,
        increase: increase.estimate,
        lower: bounds?.lower ?? null,
        upper: bounds?.upper ?? null,
      };
    }),
    sliceMetric: against?.slices?.metric ?? null,
  };
}

function isMeasured(
  of: CounterpartEvidence,
): of is Extract<CounterpartEvidence, { readonly kind: 'measured' }> {
  return of.kind === 'measured';
}
