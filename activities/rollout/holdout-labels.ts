import type { Registry } from '../../db/registry';
import type { Evidence } from '../../domain/evaluation/evidence';
import {
  readHoldoutLabels,
  type HoldoutLabels,
} from '../../domain/evaluation/measure/holdout-labels';
import type { Tenant } from '../../domain/ids';
import type { ModelVersionRef } from '../../domain/model/model';

/**
 * The mean of the labels in the holdout of the newest evaluation by the run that made this version.
 * Null if it was not evaluated, or if its evidence does not tell.
 */
export async function findHoldoutLabels(
  { models, decisions, evidence }: Pick<Registry, 'models' | 'decisions' | 'evidence'>,
  {
    tenant,
    version,
  }: { readonly tenant: Tenant; readonly version: Pick<ModelVersionRef, 'model' | 'version'> },
): Promise<HoldoutLabels | null> {
  const { model, version: number } = version;
  const record = await models.get({ tenant, model, version: number });
  const made = record && (await decisions.list({ tenant, runId: record.runId }));
  for (const { evidence: digest } of (made ?? []).toReversed()) {
    const found = await evidence.get({ tenant, kind: 'evidence', digest });
    if (isEvaluation(found)) return readHoldoutLabels(found);
  }
  return null;
}

/** Decisions of one run may also be those of a rollout, or of the code of a project. */
function isEvaluation(body: unknown): body is Evidence {
  return (body as Partial<Evidence> | null)?.kind === 'evaluation';
}
