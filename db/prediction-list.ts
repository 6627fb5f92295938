import type { PredictionId, RolloutId, Tenant } from '../domain/ids';
import { failure } from '../domain/failure';
import type { Outcome } from '../domain/llm/safety/screen';
import type { Sql } from './connection';
import type { Page, PageRequest } from './page';
import { afterKey, rowsToAsk, toPage } from './page';
import type { PredictionRecord } from './repositories/predictions';

export interface PredictionFilter {
  readonly model?: string | undefined;
  readonly version?: number | undefined;
  /** Whether a safety policy kept the answer back. */
  readonly blocked?: boolean | undefined;
  /** The worst that a safety policy said of any side. */
  readonly verdict?: Outcome | undefined;
  /** Received from then on. */
  readonly since?: string | undefined;
  /** Received before. */
  readonly until?: string | undefined;
}

/** Without what the caller sent. */
export type ListedPrediction = Omit<PredictionRecord, 'input' | 'entity'>;

/**
 * By `predictions_by_model` once for each registered version, or by `predictions_not_passed` where what did not pass is asked for: as much is read as is shown, however much is logged. What
 * passed, and what was not kept back, is nearly all there is, so that it is soon found too.
 */
export async function listPredictions(
  sql: Sql,
  { tenant, model, version, blocked, verdict, since, until, ...page }: { readonly tenant: Tenant } & PredictionFilter & PageRequest,
): Promise<Page<ListedPrediction>> {
  const after = keyOf(page);
  const rows = await sql<Stored<ListedPrediction>[]>`
    select p.*, f.label, f.labelled_at
    from (
      select p.* from model_versions v cross join lateral (
        select p.tenant_id as tenant, p.id, p.received_at, p.model, p.version, p.arm, p.event_time, p.output, p.latency_ms,
          p.rollout_id, p.rollout_step, p.other
        from predictions p
        where p.tenant_id = v.tenant_id and p.model = v.model and p.version = v.version
          and ${verdict === undefined ? sql`true` : sql`p.verdict = ${verdict}`}
          and ${blocked === undefined ? sql`true` : blocked ? sql`p.blocked is not null` : sql`p.blocked is null`}
          and ${blocked === true || (verdict !== undefined && verdict !== 'passed') ? notPassed(sql) : sql`true`}
          and ${since === undefined ? sql`true` : sql`p.received_at >= ${since}::timestamptz and p.day >= (${since}::timestamptz at time zone 'UTC')::date`}
          and ${until === undefined ? sql`true` : sql`p.received_at < ${until}::timestamptz and p.day <= (${until}::timestamptz at time zone 'UTC')::date`}
          and ${after === null ? sql`true` : sql`(p.received_at, p.id) < (${after.at}::timestamptz, ${after.id}) and p.day <= (${after.at}::timestamptz at time zone 'UTC')::date`}
        order by p.received_at desc, p.id desc limit ${rowsToAsk(page)}
      ) p
      where v.tenant_id = ${tenant} and ${model === undefined ? sql`true` : sql`v.model = ${model}`}
        and ${version === undefined ? sql`true` : sql`v.version = ${version}`}
      order by p.received_at desc, p.id desc limit ${rowsToAsk(page)}
    ) p left join feedback f on f.tenant_id = p.tenant and f.prediction_id = p.id
    order by p.received_at desc, p.id desc`;
  return toPage(
    rows,
    page,
    ({ receivedAt, id }) => `${receivedAt} ${id}`,
    (row) => toRecord<ListedPrediction>(row),
  );
}

/** As a query gives it out. */
export type Stored<T extends Pick<PredictionRecord, 'rollout'>> = Omit<T, 'rollout'> & {
  readonly rolloutId: RolloutId | null;
  readonly rolloutStep: number | null;
};

export function toRecord<T extends Pick<PredictionRecord, 'rollout'>>({ rolloutId, rolloutStep, ...rest }: Stored<T>) {
  return { ...rest, rollout: rolloutId === null ? null : { id: rolloutId, step: rolloutStep ?? 0 } };
}

/** In the words of the index, so that the planner knows that it has all of them. */
function notPassed(sql: Sql) {
  return sql`p.verdict in ('blocked', 'redacted', 'flagged')`;
}

function keyOf(page: PageRequest): { readonly at: string; readonly id: PredictionId } | null {
  const key = afterKey(page);
  if (key === null) return null;
  const [, at, id] = /^(\d{4}-\d\d-\d\dT[\d:.]+Z) (pred_\w+)$/.exec(key) ?? [];
  if (at !== undefined && id !== undefined) return { at, id: id as PredictionId };
  throw failure('InvalidInput', 'the page token is not one that this list gave out', { next: 'start again without it' });
}
