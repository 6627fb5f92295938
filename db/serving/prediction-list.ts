import type { PredictionId, RolloutId, Tenant } from '../../domain/ids';
import { failure } from '../../domain/failure';
import type { ScreeningOutcome } from '../../domain/safety/screen';
import type { Sql } from '../connection';
import type { Page, PageRequest } from '../page';
import { afterKey, rowsToAsk, toPage } from '../page';
import type { PredictionArm } from '../../domain/serving/prediction';
import type { PredictionRecord } from './prediction-records';
import type { Statement } from '../sql';

export interface PredictionFilter {
  readonly model?: string | undefined;
  readonly version?: number | undefined;
  /** Default: every arm but `probe`. */
  readonly arm?: PredictionArm | undefined;
  /** Whether a safety policy withheld the answer. */
  readonly blocked?: boolean | undefined;
  /** The worst outcome of a safety policy on any side. */
  readonly verdict?: ScreeningOutcome | undefined;
  /** Received at this time or later. */
  readonly since?: string | undefined;
  /** Received before this time. */
  readonly until?: string | undefined;
}

/** A prediction without the data that the caller sent. */
export type ListedPrediction = Omit<PredictionRecord, 'input' | 'entity' | 'receivedValues'>;

/**
 * Each filter has an index that ends in (received_at, id), so that a page reads about as many rows
 * as it shows. test/db/serving/prediction-list.platform.test.ts checks the query plans.
 */
export async function listPredictions(
  sql: Sql,
  query: PredictionQuery,
): Promise<Page<ListedPrediction>> {
  const rows = await selectPredictions(sql, query);
  return toPage(
    rows,
    query,
    ({ receivedAt, id }) => `${receivedAt} ${id}`,
    (row) => toRecord<ListedPrediction>(row),
  );
}

export type PredictionQuery = { readonly tenant: Tenant } & PredictionFilter & PageRequest;

/** One page. Runs when it is awaited. */
export function selectPredictions(
  sql: Sql,
  { tenant, model, version, arm, blocked, verdict, since, until, ...page }: PredictionQuery,
): Statement<StoredPrediction<ListedPrediction>[]> {
  if (version !== undefined && model === undefined)
    throw failure('InvalidInput', 'a version number belongs to a model: name the model as well', {
      next: 'perennial model list',
    });
  const after = parsePageKey(page);
  const isAny = sql`true`;
  return sql<StoredPrediction<ListedPrediction>[]>`
    select p.*, f.label, f.labelled_at
    from (
      select p.tenant_id as tenant, p.id, p.received_at, p.model, p.version, p.arm, p.event_time, p.output, p.latency_ms,
        p.rollout_id, p.rollout_step, p.other
      from predictions p
      where p.tenant_id = ${tenant}
        and ${model === undefined ? isAny : sql`p.model = ${model}`}
        and ${version === undefined ? isAny : sql`p.version = ${version}`}
        and ${armIs(sql, arm)}
        and ${verdict === undefined ? isAny : sql`p.verdict = ${verdict} and ${verdict === 'passed' ? sql`p.verdict = 'passed'` : notPassed(sql)}`}
        and ${blocked === undefined ? isAny : blocked ? sql`p.blocked is not null and ${notPassed(sql)}` : sql`p.blocked is null`}
        and ${since === undefined ? isAny : sql`p.received_at >= ${since}::timestamptz and p.day >= (${since}::timestamptz at time zone 'UTC')::date`}
        and ${until === undefined ? isAny : sql`p.received_at < ${until}::timestamptz and p.day <= (${until}::timestamptz at time zone 'UTC')::date`}
        and ${after === null ? isAny : sql`(p.received_at, p.id) < (${after.at}::timestamptz, ${after.id}) and p.day <= (${after.at}::timestamptz at time zone 'UTC')::date`}
      order by p.received_at desc, p.id desc limit ${rowsToAsk(page)}
    ) p left join feedback f on f.tenant_id = p.tenant and f.prediction_id = p.id
    order by p.received_at desc, p.id desc`;
}

/**
 * Probes are left out by default: a thousand of them per evaluation would hide the traffic. The
 * conditions match the partial index.
 */
function armIs(sql: Sql, arm: PredictionArm | undefined): Statement<object[]> {
  if (arm === undefined) return sql`p.arm <> 'probe'`;
  return arm === 'champion' ? sql`p.arm = 'champion'` : sql`p.arm = ${arm} and p.arm <> 'champion'`;
}

/** A row as the query returns it. */
export type StoredPrediction<T extends Pick<PredictionRecord, 'rollout'>> = Omit<T, 'rollout'> & {
  readonly rolloutId: RolloutId | null;
  readonly rolloutStep: number | null;
};

export function toRecord<T extends Pick<PredictionRecord, 'rollout'>>({
  rolloutId,
  rolloutStep,
  ...rest
}: StoredPrediction<T>) {
  return {
    ...rest,
    rollout: rolloutId === null ? null : { id: rolloutId, step: rolloutStep ?? 0 },
  };
}

/** Repeats the condition of the partial index, so that the planner can use it. */
function notPassed(sql: Sql) {
  return sql`p.verdict in ('blocked', 'redacted', 'flagged')`;
}

function parsePageKey(
  page: PageRequest,
): { readonly at: string; readonly id: PredictionId } | null {
  const key = afterKey(page);
  if (key === null) return null;
  const [, at, id] = /^(\d{4}-\d\d-\d\dT[\d:.]+Z) (pred_\w+)$/.exec(key) ?? [];
  if (at !== undefined && id !== undefined) return { at, id: id as PredictionId };
  throw failure('InvalidInput', 'the page token does not belong to this list', {
    next: 'start again without it',
  });
}
