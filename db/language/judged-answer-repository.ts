import type { FailureType } from '../../domain/failure';
import type { PredictionId, RolloutId, Tenant } from '../../domain/ids';
import type { JudgedPair } from '../../domain/rollout/judging/answer-quality';
import type { Database } from '../connection';
import { toJson } from '../document';
import { daysAround } from '../serving/prediction-day';

/** A question that two versions answered, from the prediction log. */
export interface UnjudgedPair {
  readonly predictionId: PredictionId;
  readonly receivedAt: string;
  /** Null if a safety policy withheld the question. */
  readonly question: string | null;
  /**
   * Empty if a policy or a provider's filter withheld the answer; null if there is none or it must
   * not be read.
   */
  readonly served: string | null;
  readonly beside: string | null;
}

/**
 * A judge's verdicts on both answers to a question of a rollout. They are stored as feedback,
 * beside the labels of people.
 */
export interface JudgedAnswerRepository {
  /** Number of the rollout's judged pairs, whether its evidence counts them yet or not. */
  count(input: { readonly tenant: Tenant; readonly rollout: RolloutId }): Promise<number>;
  /**
   * The oldest sampled pairs since `since` that have no verdict. A hash of the ids of prediction
   * and rollout draws the sample, so it does not depend on the answers. Only first questions of a
   * conversation are drawn, because the judge was calibrated without history. Before the event time
   * `from`, only the predictions in `besides` are returned.
   */
  pending(input: {
    readonly tenant: Tenant;
    readonly rollout: RolloutId;
    readonly share: number;
    readonly since: string;
    readonly from: string | null;
    readonly besides: readonly PredictionId[];
    readonly limit: number;
  }): Promise<readonly UnjudgedPair[]>;
  /**
   * The first verdicts of a pair stay. People's labels keep their value and their time. Does
   * nothing if the prediction no longer exists.
   */
  record(input: {
    readonly tenant: Tenant;
    readonly predictionId: PredictionId;
    readonly judged: JudgedPair;
  }): Promise<void>;
  /**
   * Null while the judge responds in this scope. Otherwise the time of the first failure since its
   * last answer, and the newest failure.
   */
  silence(input: { readonly tenant: Tenant; readonly scope: string }): Promise<JudgeSilence | null>;
}

export interface JudgeSilence {
  readonly since: string;
  readonly failure: SilenceFailure;
}

/**
 * Failures of the judge's model or provider. A question that is too long or refused does not count,
 * because it says nothing about the next one.
 */
export const silenceFailures = [
  'ProviderDenied',
  'ProviderUnavailable',
  'ProviderRateLimited',
  'ProviderTimeout',
  'AnswerLost',
] as const satisfies readonly FailureType[];
export type SilenceFailure = (typeof silenceFailures)[number];

export function createJudgedAnswerRepository({ sql }: Database): JudgedAnswerRepository {
  return {
    async count({ tenant, rollout }) {
      // One snapshot: a label leaves the queue in the transaction that counts it.
      const [row] = await sql<{ judged: number }[]>`
        select coalesce((state #>> '{evidence,quality,traffic,n}')::int, 0) + coalesce((state #>> '{evidence,quality,unscored}')::int, 0) + (
          select count(*) from feedback where tenant_id = ${tenant} and rollout_id = ${rollout} and counted_at is null and label -> 'judged' is not null
        )::int as judged
        from rollouts where tenant_id = ${tenant} and id = ${rollout}`;
      return row?.judged ?? 0;
    },

    // No index of its own, because every prediction would pay for it. With 200,000 answers a day,
    // 20,000 of them judged, `predictions_by_model` finds those of the last minutes in 10 ms. After
    // a day without a worker, fifty pairs take 0.9 s, which is little beside their hundred requests
    // to the judge.
    pending: async ({ tenant, rollout, share, since, from, besides, limit }) => sql<UnjudgedPair[]>`
      select p.id as prediction_id, p.received_at, p.input #>> '{messages,0,content}' as question, p.output ->> 'text' as served,
        p.other -> 'output' ->> 'text' as beside
      from rollouts r
      join predictions p on p.tenant_id = r.tenant_id and p.model = r.model and p.version in (r.champion, r.challenger)
      left join feedback f on f.tenant_id = p.tenant_id and f.prediction_id = p.id
      where r.tenant_id = ${tenant} and r.id = ${rollout} and p.rollout_id = r.id and p.other is not null
        and p.received_at >= ${since}::timestamptz and p.day >= (${since}::timestamptz at time zone 'UTC')::date
        and (${from}::timestamptz is null or coalesce(p.event_time, p.received_at) >= ${from}::timestamptz or p.id = any(${besides}::text[]))
        and json_array_length(p.input -> 'messages') <= 1 and f.label -> 'judged' is null
        and ('x' || left(md5(p.id || r.id), 8))::bit(32)::bigint < ${share}::float8 * 4294967296
      order by p.received_at, p.id limit ${limit}`,

    async record({ tenant, predictionId, judged }) {
      const text = toJson({ judged });
      // The oldest possible time, so that every label of a person is newer.
      await sql`
        insert into feedback as f (tenant_id, prediction_id, label, labelled_at, day, model, version, rollout_id, event_time)
        select ${tenant}, id, ${text}::json, 'epoch'::timestamptz, day, model, version, rollout_id, coalesce(event_time, received_at)
        from predictions where tenant_id = ${tenant} and id = ${predictionId} and ${daysAround(sql, predictionId)} limit 1
        on conflict on constraint feedback_pk do update set
          label = (case when json_typeof(f.label) = 'object' then f.label::jsonb else jsonb_build_object('label', f.label) end || excluded.label::jsonb)::json,
          day = coalesce(f.day, excluded.day), model = coalesce(f.model, excluded.model), version = coalesce(f.version, excluded.version),
          rollout_id = coalesce(f.rollout_id, excluded.rollout_id), event_time = coalesce(f.event_time, excluded.event_time)
        where f.label -> 'judged' is null`;
    },

    async silence({ tenant, scope }) {
      const [row] = await sql<{ since: string | null; failure: SilenceFailure | null }[]>`
        select min(ended_at) as since, (array_agg(failure order by ended_at desc))[1] as failure
        from llm_attempts
        where tenant_id = ${tenant} and scope = ${scope} and failure = any(${[...silenceFailures]}::text[]) and ended_at > (
          select coalesce(max(ended_at), '-infinity') from llm_attempts where tenant_id = ${tenant} and scope = ${scope} and outcome = 'answered'
        )`;
      return row?.since == null || row.failure === null
        ? null
        : { since: row.since, failure: row.failure };
    },
  };
}
