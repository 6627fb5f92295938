import type { Digest } from '../../domain/artifact';
import { failure } from '../../domain/failure';
import type { PredictionId, RolloutId, Tenant } from '../../domain/ids';
import { isKnownWrong } from '../../domain/rollout/judging/answer-quality';
import type {
  LabelledJudgement,
  LabelledVerdictPair,
} from '../../domain/rollout/judging/judge-labels';
import { isOpenRollout } from '../../domain/rollout/rollout';
import type { Columns } from '../columns';
import type { Database, Query } from '../connection';
import { toJson } from '../document';
import { lockRollout } from './state';
import { appendAudit } from '../audit/entry';
import type { answerLabels } from './answer-label-schema';

/**
 * A question with the answers of both versions, in an order that hides which version gave which. A
 * withheld answer is null: it counts as wrong and needs no label.
 */
export interface UnlabelledPair {
  readonly predictionId: PredictionId;
  readonly question: string;
  readonly first: string | null;
  readonly second: string | null;
}

/**
 * True is right, false is wrong, and null means that the person could not decide. The label of a
 * withheld answer is ignored.
 */
export interface PairLabel {
  readonly predictionId: PredictionId;
  readonly first: boolean | null;
  readonly second: boolean | null;
}

interface JudgedRolloutRef {
  readonly tenant: Tenant;
  readonly rollout: RolloutId;
  /** Digest of the judge; verdicts of its other versions do not count. */
  readonly judge: Digest;
}

/** Labels that people give to judged answers. They correct the judge's verdicts. */
export interface AnswerLabelRepository {
  /**
   * Pairs with verdicts on both answers and without a label. A hash sets the order, so it depends
   * neither on the answers nor on the verdicts.
   */
  toLabel(input: JudgedRolloutRef & { readonly limit: number }): Promise<readonly UnlabelledPair[]>;
  /**
   * One transaction with its audit row. The first label of a pair stays, so a repetition changes
   * nothing. Throws NotFound, and stores nothing, for a prediction without verdicts in this
   * rollout. Throws Conflict when the rollout has ended.
   */
  label(
    input: JudgedRolloutRef & { readonly labels: readonly PairLabel[]; readonly actor: string },
  ): Promise<{ readonly stored: number; readonly labelledBefore: number }>;
}

interface JudgedRow {
  readonly predictionId: PredictionId;
  /** Whether the served answer is shown first. */
  readonly servedFirst: boolean;
  readonly servedByChallenger: boolean;
  readonly question: string;
  readonly served: string;
  readonly beside: string;
  readonly servedSaid: 0 | 1;
  readonly besideSaid: 0 | 1;
}

export function createAnswerLabelRepository({ sql }: Database): AnswerLabelRepository {
  return {
    async toLabel({ limit, ...asked }) {
      const rows = await judgedRows(sql, asked, { limit });
      return rows.map(({ predictionId, question, servedFirst, served, beside }) => {
        const [first, second] = (servedFirst ? [served, beside] : [beside, served]).map((text) =>
          isKnownWrong(text) ? null : text,
        );
        return { predictionId, question, first: first ?? null, second: second ?? null };
      });
    },

    async label({ labels, actor, ...asked }) {
      const { tenant, rollout: id } = asked;
      return sql.begin(async (tx) => {
        const rollout = await lockRollout(tx, { tenant, id });
        if (!isOpenRollout(rollout.status))
          throw failure('Conflict', `the rollout ${id} has ended: labels no longer count`);
        const rows = new Map(
          (
            await judgedRows(tx, asked, { only: labels.map(({ predictionId }) => predictionId) })
          ).map((row) => [row.predictionId, row]),
        );
        const unknown = labels.find(({ predictionId }) => !rows.has(predictionId));
        if (unknown) {
          throw failure(
            'NotFound',
            `prediction ${unknown.predictionId} has no verdicts on both answers in rollout ${id}`,
            {
              next: `perennial rollout label ${rollout.model}`,
            },
          );
        }
        let stored = 0;
        for (const label of labels) {
          const row = rows.get(label.predictionId);
          if (row === undefined) continue;
          const inserted = await tx`
            insert into answer_labels (tenant_id, rollout_id, prediction_id, checked, actor, labelled_at)
            values (${tenant}, ${id}, ${label.predictionId}, ${toJson(toCheckedPair(row, label))}, ${actor}, clock_timestamp()) on conflict do nothing`;
          stored += inserted.count;
        }
        if (stored > 0) {
          const cause = `labelled ${stored} pairs of answers`;
          await appendAudit(tx, {
            tenant,
            actor,
            action: 'rollout.label',
            subject: `rollout:${id}`,
            cause,
            after: { pairs: stored },
          });
        }
        return { stored, labelledBefore: labels.length - stored };
      });
    },
  };
}

/**
 * All labels of a rollout for its evidence, or null if there are still `known` of them. The order
 * is stable, because labels are only added.
 */
export async function readLabels(
  tx: Query,
  {
    tenant,
    rollout,
    known,
  }: { readonly tenant: Tenant; readonly rollout: RolloutId; readonly known: number },
): Promise<readonly LabelledVerdictPair[] | null> {
  const [count] = await tx<
    { n: number }[]
  >`select count(*)::int as n from answer_labels where tenant_id = ${tenant} and rollout_id = ${rollout}`;
  if ((count?.n ?? 0) === known) return null;
  const rows = await tx<Columns<typeof answerLabels, 'checked'>[]>`
    select checked from answer_labels where tenant_id = ${tenant} and rollout_id = ${rollout} order by labelled_at, prediction_id`;
  return rows.map(({ checked }) => checked);
}

function toCheckedPair(row: JudgedRow, { first, second }: PairLabel): LabelledVerdictPair {
  const { servedFirst, servedByChallenger, served, beside, servedSaid, besideSaid } = row;
  const ofServed = toLabelledJudgement(served, servedSaid, servedFirst ? first : second);
  const ofBeside = toLabelledJudgement(beside, besideSaid, servedFirst ? second : first);
  return servedByChallenger
    ? { champion: ofBeside, challenger: ofServed }
    : { champion: ofServed, challenger: ofBeside };
}

function toLabelledJudgement(
  answer: string,
  said: 0 | 1,
  right: boolean | null,
): LabelledJudgement {
  return isKnownWrong(answer) ? { said: 0, right: false, keptBack: true } : { said, right };
}

/**
 * Starts from the feedback since the rollout began, which has far fewer rows than the predictions.
 */
async function judgedRows(
  sql: Query,
  { tenant, rollout, judge }: JudgedRolloutRef,
  which: { readonly limit: number } | { readonly only: readonly PredictionId[] },
): Promise<readonly JudgedRow[]> {
  const only = 'only' in which ? which.only : null;
  return sql<JudgedRow[]>`
    select f.prediction_id, left(md5(f.prediction_id || r.id || 'order'), 1) < '8' as served_first, p.version = r.challenger as served_by_challenger,
      p.input #>> '{messages,0,content}' as question, p.output ->> 'text' as served, p.other -> 'output' ->> 'text' as beside,
      (f.label #>> '{judged,served}')::int as served_said, (f.label #>> '{judged,beside}')::int as beside_said
    from rollouts r
    join feedback f on f.tenant_id = r.tenant_id and f.received_at >= r.started_at and f.model = r.model
    join predictions p on p.tenant_id = f.tenant_id and p.day = f.day and p.id = f.prediction_id
    where r.tenant_id = ${tenant} and r.id = ${rollout} and p.rollout_id = r.id and json_typeof(f.label) = 'object'
      and f.label #>> '{judged,judge}' = ${judge} and f.label #>> '{judged,served}' is not null and f.label #>> '{judged,beside}' is not null
      and p.input #>> '{messages,0,content}' is not null and p.output ->> 'text' is not null and p.other -> 'output' ->> 'text' is not null
      and (${only}::text[] is null or f.prediction_id = any(${only}::text[]))
      and (${only}::text[] is not null or (
        not exists (select from answer_labels l where l.tenant_id = f.tenant_id and l.rollout_id = r.id and l.prediction_id = f.prediction_id)
        and (p.output ->> 'text' ~ '\\S' or p.other -> 'output' ->> 'text' ~ '\\S')))
    order by md5(f.prediction_id || r.id || 'label') limit ${'limit' in which ? which.limit : which.only.length}`;
}
