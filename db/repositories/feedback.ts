import type { PredictionId, Tenant } from '../../domain/ids';
import { failure } from '../../domain/failure';
import type { Database } from '../connection';
import { toJson } from '../document';
import { daysAround, daysOf } from '../prediction-day';

export interface FeedbackRepository {
  /** A label for a prediction, perhaps before the prediction is stored: it waits then. A label with a later `labelledAt` replaces an earlier one; of what is said of an answer, part by part. */
  record(input: {
    readonly tenant: Tenant;
    readonly predictionId: PredictionId;
    readonly label: unknown;
    readonly labelledAt: string;
  }): Promise<{ readonly joined: boolean }>;
  /**
   * Joins what waits (a label and its prediction that were written at the same moment do not see each other). Looks at the newest `limit`: the others
   * were looked at before, and labels of predictions that never came must not keep the rest waiting. Number joined.
   */
  joinWaiting(input: { readonly limit: number }): Promise<number>;
}

export function createFeedbackRepository({ sql }: Database): FeedbackRepository {
  return {
    async record({ tenant, predictionId, label, labelledAt }) {
      const text = toJson(label);
      if (text === null) throw failure('InvalidInput', 'a label must have a value');
      const [row] = await sql<{ joined: boolean }[]>`
        with found as (
          select day, model, version, rollout_id, coalesce(event_time, received_at) as event_time from predictions where tenant_id = ${tenant} and id = ${predictionId} and ${daysAround(sql, predictionId)} limit 1
        ), saved as (
          insert into feedback as f (tenant_id, prediction_id, label, labelled_at, day, model, version, rollout_id, event_time)
          select ${tenant}, ${predictionId}, ${text}::json, ${labelledAt}::timestamptz, day, model, version, rollout_id, event_time
          from (select) one left join found on true
          on conflict on constraint feedback_pk do update set
            label = case
              -- A judge's verdicts stay, whatever kind of label somebody gives.
              when f.label -> 'judged' is not null and json_typeof(excluded.label) <> 'object'
                then case when excluded.labelled_at > f.labelled_at then (f.label::jsonb || jsonb_build_object('label', excluded.label))::json else f.label end
              when json_typeof(f.label) <> 'object' or json_typeof(excluded.label) <> 'object'
                then case when excluded.labelled_at > f.labelled_at then excluded.label else f.label end
              when excluded.labelled_at > f.labelled_at then (f.label::jsonb || excluded.label::jsonb)::json
              else (excluded.label::jsonb || f.label::jsonb)::json end,
            labelled_at = greatest(excluded.labelled_at, f.labelled_at),
            day = coalesce(f.day, excluded.day), model = coalesce(f.model, excluded.model), version = coalesce(f.version, excluded.version),
            rollout_id = coalesce(f.rollout_id, excluded.rollout_id), event_time = coalesce(f.event_time, excluded.event_time)
          returning day
        )
        select day is not null as joined from saved`;
      return { joined: row?.joined ?? false };
    },

    async joinWaiting({ limit }) {
      const waiting = await sql<{ tenant: Tenant; id: PredictionId }[]>`
        select tenant_id as tenant, prediction_id as id from feedback where day is null order by received_at desc limit ${limit}`;
      if (waiting.length === 0) return 0;
      const days = waiting.map(({ id }) => daysOf(id) ?? { first: '-infinity', last: 'infinity' });
      const joined = await sql`
        with found as (
          select w.tenant, w.id, p.day, p.model, p.version, p.rollout_id, coalesce(p.event_time, p.received_at) as event_time
          from unnest(${waiting.map(({ tenant }) => tenant)}::text[], ${waiting.map(({ id }) => id)}::text[],
            ${days.map(({ first }) => first)}::date[], ${days.map(({ last }) => last)}::date[]) as w (tenant, id, first, last)
          join predictions p on p.tenant_id = w.tenant and p.id = w.id and p.day between w.first and w.last
        )
        update feedback f set day = found.day, model = found.model, version = found.version, rollout_id = found.rollout_id, event_time = found.event_time
        from found where f.tenant_id = found.tenant and f.prediction_id = found.id and f.day is null`;
      return joined.count;
    },
  };
}
