import type { Tenant } from '../../domain/ids';
import { failure } from '../../domain/failure';
import type { Database, Sql } from '../connection';
import type { retentionSettings } from './schema';
import { appendAudit } from '../audit/entry';
import { assumeAllExpired } from '../budget/reservation';
import { forgetAnswers } from '../language/forget-answers';
import type { PredictionRepository } from '../serving/prediction-repository';

export interface RetentionSettings {
  readonly predictionDays: number;
  readonly feedbackDays: number;
  /**
   * For events and effects of runs, the events sent to them, traffic counts of rollouts, webhook
   * deliveries and budget reservations, from their end. Spending, runs, stages, decisions, rollouts
   * and audit rows are kept.
   */
  readonly runDetailDays: number;
  readonly idempotencyDays: number;
  readonly artifactIdleDays: number;
  /**
   * For answers of language models, which may quote callers, from the end of everything that uses
   * them. Their cost is kept.
   */
  readonly callAnswerDays: number;
}

export interface RetentionRepository {
  get(input: { readonly tenant: Tenant }): Promise<RetentionSettings>;
  /** Changes the given settings, with an audit row. */
  set(input: {
    readonly tenant: Tenant;
    readonly settings: Partial<RetentionSettings>;
    readonly actor: string;
  }): Promise<RetentionSettings>;
  /**
   * Deletes expired data of all tenants. Predictions are deleted by whole days, after the longest
   * time of any tenant. Returns the numbers of deleted rows, partitions and answers.
   */
  apply(): Promise<Readonly<Record<keyof Omit<RetentionSettings, 'artifactIdleDays'>, number>>>;
}

/** Answers may quote requests, so both have the same default. */
const defaults: RetentionSettings = {
  predictionDays: 90,
  feedbackDays: 365,
  runDetailDays: 180,
  idempotencyDays: 30,
  artifactIdleDays: 7,
  callAnswerDays: 90,
};

export function createRetentionRepository(
  { sql }: Database,
  predictions: PredictionRepository,
): RetentionRepository {
  return {
    async get({ tenant }) {
      const [row] = await sql<
        (typeof retentionSettings.$inferSelect)[]
      >`select * from retention_settings where tenant_id = ${tenant}`;
      return row ? toSettings(row) : defaults;
    },

    set: ({ tenant, settings, actor }) =>
      sql.begin(async (tx) => {
        await tx`insert into retention_settings (tenant_id) values (${tenant}) on conflict do nothing`;
        const [before] = await tx<(typeof retentionSettings.$inferSelect)[]>`
          select * from retention_settings where tenant_id = ${tenant} for update`;
        if (!before) throw failure('NotFound', `there is no tenant ${tenant}`);
        const after = { ...toSettings(before), ...settings };
        await tx`
          update retention_settings set prediction_days = ${after.predictionDays}, feedback_days = ${after.feedbackDays},
            run_detail_days = ${after.runDetailDays}, idempotency_days = ${after.idempotencyDays}, artifact_idle_days = ${after.artifactIdleDays},
            call_answer_days = ${after.callAnswerDays}
          where tenant_id = ${tenant}`;
        const cause = 'settings changed';
        await appendAudit(tx, {
          tenant,
          actor,
          action: 'retention.set',
          subject: 'retention',
          cause,
          before: toSettings(before),
          after,
        });
        return after;
      }),

    async apply() {
      const { predictionDays } = await longest(sql);
      const cutoff = new Date(Date.now() - predictionDays * 86_400_000).toISOString().slice(0, 10);
      const partitions = await predictions.dropBefore(cutoff);
      const feedback = await sql`
        delete from feedback f using ${perTenant(sql)} s where f.tenant_id = s.tenant and f.received_at < now() - make_interval(days => s.feedback_days)`;
      const events = await sql`
        delete from run_events e using runs r, ${perTenant(sql)} s where e.tenant_id = s.tenant and r.tenant_id = e.tenant_id and r.id = e.run_id
          and r.ended_at < now() - make_interval(days => s.run_detail_days)`;
      const sent = await sql`
        delete from sent_events e using runs r, ${perTenant(sql)} s where e.tenant_id = s.tenant and r.tenant_id = e.tenant_id and r.id = e.run_id
          and r.ended_at < now() - make_interval(days => s.run_detail_days)`;
      // A run that waits for months still needs its effects. Keys without a run expire by their
      // age.
      const effects = await sql`
        delete from effects e using ${perTenant(sql)} s where e.tenant_id = s.tenant and e.claimed_at < now() - make_interval(days => s.run_detail_days)
          and not exists (select from runs r where r.tenant_id = e.tenant_id and r.id = split_part(e.key, '/', 1)
            and (r.ended_at is null or r.ended_at >= now() - make_interval(days => s.run_detail_days)))`;
      const traffic = await sql`
        delete from rollout_traffic t using rollouts r, ${perTenant(sql)} s where t.tenant_id = s.tenant and r.tenant_id = t.tenant_id and r.id = t.rollout_id
          and r.ended_at < now() - make_interval(days => s.run_detail_days)`;
      await sql`
        delete from rollout_failures t using rollouts r, ${perTenant(sql)} s where t.tenant_id = s.tenant and r.tenant_id = t.tenant_id and r.id = t.rollout_id
          and r.ended_at < now() - make_interval(days => s.run_detail_days)`;
      const arms = await sql`
        delete from rollout_arm_traffic t using rollouts r, ${perTenant(sql)} s where t.tenant_id = s.tenant and r.tenant_id = t.tenant_id and r.id = t.rollout_id
          and r.ended_at < now() - make_interval(days => s.run_detail_days)`;
      const entities = await sql`
        delete from rollout_entities t using rollouts r where r.tenant_id = t.tenant_id and r.id = t.rollout_id and r.ended_at is not null`;
      const losses = await sql`
        delete from rollout_entity_losses t using rollouts r where r.tenant_id = t.tenant_id and r.id = t.rollout_id and r.ended_at is not null`;
      const deliveries = await sql`
        delete from webhook_deliveries d using ${perTenant(sql)} s where d.tenant_id = s.tenant and d.ended_at < now() - make_interval(days => s.run_detail_days)`;
      await assumeAllExpired(sql);
      // An assumed reservation then counts as spent for good; no settlement arrives that late.
      const reservations = await sql`
        delete from budget_reservations b using ${perTenant(sql)} s where b.tenant_id = s.tenant and b.state <> 'open'
          and b.expires_at < now() - make_interval(days => s.run_detail_days)`;
      const keys = await sql`
        delete from idempotency i using ${perTenant(sql)} s where i.tenant_id = s.tenant and i.created_at < now() - make_interval(days => s.idempotency_days)`;
      const received = await sql`
        delete from received_events e using ${perTenant(sql)} s where e.tenant_id = s.tenant and e.received_at < now() - make_interval(days => s.idempotency_days)`;
      // Monitors read the last day only.
      await sql`delete from request_failures where hour < now() - interval '2 days'`;
      const answers = await forgetAnswers(sql, perTenant(sql));
      return {
        predictionDays: partitions.length,
        feedbackDays: feedback.count,
        runDetailDays:
          events.count +
          sent.count +
          effects.count +
          traffic.count +
          arms.count +
          entities.count +
          losses.count +
          deliveries.count +
          reservations.count,
        idempotencyDays: keys.count + received.count,
        callAnswerDays: answers,
      };
    },
  };
}

/** The settings of every tenant, as a table expression. */
function perTenant(sql: Sql) {
  return sql`(
    select t.id as tenant, coalesce(r.prediction_days, ${defaults.predictionDays}) as prediction_days,
      coalesce(r.feedback_days, ${defaults.feedbackDays}) as feedback_days, coalesce(r.run_detail_days, ${defaults.runDetailDays}) as run_detail_days,
      coalesce(r.idempotency_days, ${defaults.idempotencyDays}) as idempotency_days,
      coalesce(r.call_answer_days, ${defaults.callAnswerDays}) as call_answer_days
    from tenants t left join retention_settings r on r.tenant_id = t.id)`;
}

async function longest(sql: Sql): Promise<{ readonly predictionDays: number }> {
  const [row] = await sql<
    { predictionDays: number }[]
  >`select max(prediction_days) as prediction_days from ${perTenant(sql)} s`;
  return row ?? defaults;
}

function toSettings(row: RetentionSettings): RetentionSettings {
  const {
    predictionDays,
    feedbackDays,
    runDetailDays,
    idempotencyDays,
    artifactIdleDays,
    callAnswerDays,
  } = row;
  return {
    predictionDays,
    feedbackDays,
    runDetailDays,
    idempotencyDays,
    artifactIdleDays,
    callAnswerDays,
  };
}
