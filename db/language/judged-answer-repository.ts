import type { FailureType } from '../../domain/failure';
import type { PredictionId, RolloutId, Tenant } from '../../domain/ids';
import type { JudgedPair } from '../../domain/rollout/judging/answer-quality';
import type { Database } from '../connection';
import { toJson } from '../document';
import { daysAround } from '../serving/prediction-day';

/** A question that two versions answered, as the prediction log has it. */
export interface UnjudgedPair {
  readonly predictionId: PredictionId;
  readonly receivedAt: string;
  /** Null where nothing may be known of it: a policy kept it back. */
  readonly question: string | null;
  /**
   * Empty where a policy or a provider's filter kept it back; null: no answer, or one that may not
   * be known.
   */
  readonly served: string | null;
  readonly beside: string | null;
}

/**
 * What a judge says of both answers to a question of a rollout: feedback of its own kind, beside
 * whatever people say.
 */
export interface JudgedAnswerRepository {
  /** How many of the rollout's pairs were judged, whether they are counted by now or not. */
  count(input: { readonly tenant: Tenant; readonly rollout: RolloutId }): Promise<number>;
  /**
   * The oldest since `since` that were drawn and are not judged yet. Drawn is by a hash of the
   * question's id and the rollout's: the same for whoever asks, whatever was answered. Only
   * questions that begin a conversation: what a judge was calibrated on has no history. Of event
   * times before `from` only `besides`: nobody was asked about the others.
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
   * Once: of a pair that was judged before, the first verdicts stand. What people said of it stays,
   * and stays as old as it is. Nothing where the prediction is gone.
   */
  record(input: {
    readonly tenant: Tenant;
    readonly predictionId: PredictionId;
    readonly judged: JudgedPair;
  }): Promise<void>;
  /**
   * Null while the judge answers what is asked in the scope; else since when it was asked in vain,
   * and what came of it last.
   */
  silence(input: { readonly tenant: Tenant; readonly scope: string }): Promise<JudgeSilence | null>;
}

export interface JudgeSilence {
  readonly since: string;
  readonly failure: SilenceFailure;
}

/**
 * Of whoever is asked, not of the question: one that is too long, or refused, says nothing of the
 * next.
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
      // One snapshot: a label leaves the queue with the transaction that counts it.
      const [row] = await sql<{ judged: number }[]>`
        select coalesce((state #>> '{evidence,quality,traffic,n}')::int, 0) + coalesce((state #>> '{evidence,quality,unscored}')::int, 0) + (
          select count(*) from feedback where tenant_id = ${tenant} and rollout_id = ${rollout} and counted_at is null and label -> 'judged' is not null
        )::int as judged
        from rollouts where tenant_id = ${tenant} and id = ${rollout}`;
      return row?.judged ?? 0;
    },

    // No index of its own, which each prediction would pay for: of 200,000 answers a day, 20,000 of
    // them judged, those of the last minutes are found by `predictions_by_model` in 10 ms. A whole
    // day's, after a worker was away, are read in 0.9 s for each fifty pairs, about which a judge
    // is asked a hundred times.
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
      // As old as can be, where nobody has said anything: whatever people say is newer.
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
