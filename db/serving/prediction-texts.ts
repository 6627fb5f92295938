import type { PredictionId, Tenant } from '../../domain/ids';
import { loggedAnswer, type SafetyAudit } from '../../domain/bundle/logged-answer';
import type { Side } from '../../domain/safety/policy';
import type { Sql } from '../connection';
import { daysAround } from './prediction-day';
import type { PredictionRow } from './prediction-records';
import { appendAudit } from '../audit/entry';

/** Original texts by side; null if none was kept. */
export type KeptBySide = Readonly<Record<Side, string | null>>;

export interface KeptTexts {
  readonly served: KeptBySide;
  /** Texts of the version that did not answer. */
  readonly other: KeptBySide;
}

/**
 * The audit row is written with the read. A response that was lost may be in the log, but no
 * response is missing from it.
 */
export function keptTexts(
  sql: Sql,
  {
    tenant,
    id,
    actor,
  }: { readonly tenant: Tenant; readonly id: PredictionId; readonly actor: string },
): Promise<KeptTexts | null> {
  return sql.begin(async (tx) => {
    const [row] = await tx<Pick<PredictionRow, 'model' | 'version' | 'output' | 'other'>[]>`
      select p.model, p.version, p.output, p.other from predictions p
      where p.tenant_id = ${tenant} and p.id = ${id} and ${daysAround(tx, id, 'p')} limit 1`;
    if (!row) return null;
    const { model, version } = row;
    const [served, other] = [
      selectKept(loggedAnswer(row.output)?.safety),
      selectKept(loggedAnswer(row.other?.output)?.safety),
    ];
    if (isAny(served) || isAny(other)) {
      await appendAudit(tx, {
        tenant,
        actor,
        action: 'prediction.readTexts',
        subject: `model:${model}`,
        cause: 'asked for the texts that a policy kept',
        after: { prediction: id, version },
      });
    }
    return { served, other };
  });
}

function selectKept(safety: SafetyAudit | null | undefined): KeptBySide {
  return {
    input: safety?.input.kept ?? null,
    output: safety?.output?.kept ?? null,
    retrieved: safety?.retrieved?.kept ?? null,
  };
}

function isAny(kept: KeptBySide): boolean {
  return Object.values(kept).some((text) => text !== null);
}
