import type { PredictionId } from '../../domain/ids';
import { advanceClock, stoppedClock } from '../../domain/rollout/event-clock';
import type { LoggedAnswer } from '../../domain/bundle/logged-answer';
import { classLabel } from '../../domain/serving/prediction';
import {
  classPredictionIn,
  computeLossDifferences,
  computeLossRange,
  readProbability,
  type ClassPrediction,
} from '../../domain/evaluation/class-prediction';
import {
  answerScores,
  type AnswerQuality,
  type AnswerScores,
} from '../../domain/rollout/judging/answer-quality';
import { newMove } from '../../domain/rollout/judging/bandit/bandit-share';
import { requestLoss, rightAnswer } from '../../domain/rollout/judging/loss';
import { isOpenRollout } from '../../domain/rollout/rollout';
import type { Transaction } from '../connection';
import { toJson } from '../document';
import { readLabels } from './answer-label-repository';
import type { OtherScore } from '../serving/prediction-records';
import type { Consumption, DuePair, RolloutRepository } from './records';
import { readArms, tallyArms } from './arms';
import { selectBucket, countEntities } from './entity-losses';
import { guardRun } from '../run/guard';
import { moveShare } from './share';
import { lockRollout, toRecord, type RolloutRow } from './state';
import { readClock, readCounts, readTraffic, dueUntil } from './traffic';
import { selectSpan } from '../serving/traffic-span';

interface DueRow {
  readonly predictionId: PredictionId;
  readonly eventTime: string;
  readonly spanStart: string;
  readonly label: unknown;
  /** Version that predicted; null if the partition of the prediction was dropped. */
  readonly version: number | null;
  readonly step: number | null;
  readonly output: unknown;
  readonly other: OtherScore | null;
  /** Hash bucket of the entity by which the request was assigned. */
  readonly bucket: number;
}

/**
 * Takes labels out of the queue and folds them into the state, in one transaction under the
 * rollout's row lock. A label therefore counts once, even after a crash or a repeated call.
 */
export async function consume(
  tx: Transaction,
  { tenant, id, limit, settleMs, fold }: Parameters<RolloutRepository['consume']>[0],
): Promise<Consumption> {
  const row = await lockRollout(tx, { tenant, id });
  if (!isOpenRollout(row.status))
    return {
      rollout: toRecord(row),
      consumed: 0,
      isDrained: true,
      idleSeconds: 0,
      traffic: await readTraffic(tx, row),
    };
  await guardRun(tx, { tenant, runId: row.runId });
  const { eventNow, wallMs, idleSeconds } = await readClock(tx, row);
  const before = row.state.clock ?? stoppedClock;
  const clock = eventNow === null ? before : advanceClock(before, { wallMs, eventNow }, settleMs);
  const due = dueUntil(clock, row.availableAfterSeconds);
  const ripe = due === null ? [] : await takeDueLabels(tx, row, { until: due, limit });
  const countedUntil = before.countedUntil ?? null;
  const read = ripe.map((each) => ({ each, pair: withLateness(toPair(row, each), countedUntil) }));
  const pairs = await countEntities(
    tx,
    row,
    read.flatMap(({ each: { bucket }, pair }) => (pair === null ? [] : [{ ...pair, bucket }])),
  );
  await tally(tx, row, ripe, pairs);
  await tallyArms(
    tx,
    row,
    read.flatMap(({ each, pair }) => (pair ? [{ ...pair, spanStart: each.spanStart }] : [])),
  );
  await detachLabels(
    tx,
    row,
    read.flatMap(({ each, pair }) => (pair === null ? [each.predictionId] : [])),
  );
  const isDrained = ripe.length < limit;
  // The rest of the queue lies after the last label that was taken.
  const ripeUntil = isDrained ? due : (ripe.at(-1)?.eventTime ?? null);
  // Read after the labels are counted, and up to them: the rest of the queue is not missing.
  const traffic = { eventNow, ripeUntil, ...(await readCounts(tx, row, ripeUntil)) };
  const checked =
    row.spec.quality.answers?.judge === undefined
      ? null
      : await readLabels(tx, { tenant, rollout: id, known: labelsIn(row) });
  const ab = await readArms(tx, row, ripeUntil);
  const seen = {
    ...traffic,
    pairs,
    ...(checked !== null && { checked }),
    ...(ab !== null && { ab }),
    ...(!isDrained && { isBehind: true as const }),
  };
  const counted = findLater(countedUntil, ripeUntil);
  const state = {
    ...fold(row.state, seen, row),
    clock: { ...clock, ...(counted !== null && { countedUntil: counted }) },
  };
  const eventStartedAt = row.eventStartedAt ?? eventNow;
  const text = toJson(state);
  if (text !== toJson(row.state) || eventNow !== row.eventNow) {
    await tx`
      update rollouts set state = ${text}, event_started_at = ${eventStartedAt}, event_now = ${eventNow}
      where tenant_id = ${tenant} and id = ${id}`;
  }
  const move = newMove(row.state.evidence, state.evidence);
  const moved = move === null ? {} : await moveShare(tx, row, move);
  const rollout = toRecord({ ...row, state, eventStartedAt, eventNow, ...moved });
  return {
    rollout,
    consumed: ripe.length,
    isDrained,
    idleSeconds,
    traffic,
  };
}

/** A label that an earlier look would have counted was missing then. */
function withLateness(pair: DuePair | null, countedUntil: string | null): DuePair | null {
  if (pair === null || countedUntil === null) return pair;
  const lateSeconds = (Date.parse(countedUntil) - Date.parse(pair.eventTime)) / 1000;
  return lateSeconds > 0 ? { ...pair, lateSeconds } : pair;
}

function findLater(one: string | null, other: string | null): string | null {
  if (one === null || other === null) return one ?? other;
  return Date.parse(one) < Date.parse(other) ? other : one;
}

function labelsIn({ state: { evidence } }: RolloutRow): number {
  return evidence?.quality.kind === 'pairs' ? (evidence.quality.judge?.pairs ?? 0) : 0;
}

/**
 * Takes the oldest labels by event time out of the queue. Keep the array of keys: with a join,
 * PostgreSQL scans the whole table for a thousand labels.
 */
async function takeDueLabels(
  tx: Transaction,
  { tenantId: tenant, id, trafficSpanSeconds }: RolloutRow,
  { until, limit }: { readonly until: string; readonly limit: number },
): Promise<readonly DueRow[]> {
  return tx<DueRow[]>`
    with ripe as materialized (
      select prediction_id, event_time, day, label from feedback
      where tenant_id = ${tenant} and rollout_id = ${id} and counted_at is null and event_time <= ${until}::timestamptz
      order by event_time, prediction_id limit ${limit} for update
    ), counted as (
      update feedback set counted_at = clock_timestamp()
      where tenant_id = ${tenant} and prediction_id = any(array(select prediction_id from ripe))
    )
    select r.prediction_id, r.event_time, ${selectSpan(tx, tx`r.event_time`, tx`${trafficSpanSeconds}`)} as span_start, r.label, p.version, p.rollout_step as step, p.output, p.other,
      ${selectBucket(tx, tx`p.rollout_unit`, tx`p.entity`, tx`r.prediction_id`)} as bucket
    from ripe r left join lateral (
      select version, rollout_step, output, other, rollout_unit, entity from predictions where day = r.day and id = r.prediction_id and tenant_id = ${tenant} limit 1
    ) p on true
    order by r.event_time, r.prediction_id`;
}

/**
 * Null if the quality metric cannot use the row. It then leaves the queue and counts as unlabelled.
 */
function toPair(rollout: RolloutRow, row: DueRow): DuePair | null {
  const { predictionId, eventTime, version, step, other } = row;
  const read = rollout.spec.quality.answers
    ? readAnswers(rollout.spec.quality.answers, row)
    : readScores(rollout, row);
  if (version === null || step === null || read === null) return null;
  const isByChallenger = version !== rollout.champion;
  const servedBy = isByChallenger ? 'challenger' : 'champion';
  const { label, served, beside, sameAnswer = false, classes } = read;
  return {
    predictionId,
    eventTime,
    label,
    champion: servedBy === 'champion' ? served : beside,
    challenger: servedBy === 'challenger' ? served : beside,
    servedBy,
    assigned: other?.role === 'fallback' ? 'challenger' : servedBy,
    step,
    ...(rollout.spec.method === 'ab' && {
      assignedVersion: other === null || other.role === 'shadow' ? version : other.version,
    }),
    ...(sameAnswer && { sameAnswer }),
    ...(classes && {
      possible: possibleLosses(isByChallenger ? [classes[1], classes[0]] : classes),
    }),
  };
}

interface ReadLabel extends AnswerScores {
  readonly label: number;
  readonly sameAnswer?: boolean;
  /** Served and shadow prediction of a multiclass model. */
  readonly classes?: readonly [ClassPrediction | null, ClassPrediction | null];
}

function readScores({ spec }: RolloutRow, { label, output, other }: DueRow): ReadLabel | null {
  const served = classPredictionIn(output);
  if (served !== null)
    return readClasses(spec.quality.metric, label, [served, classPredictionIn(other?.output)]);
  const value = typeof label === 'boolean' ? Number(label) : label;
  if (typeof value !== 'number' || !requestLoss(spec.quality).takes(value)) return null;
  return {
    label: value,
    served: toScore(output),
    beside: typeof other?.score === 'number' ? other.score : null,
  };
}

/**
 * The scores are the probabilities that the versions gave to the true class. A class that neither
 * version knows is not a label.
 */
function readClasses(
  metric: string,
  label: unknown,
  classes: NonNullable<ReadLabel['classes']>,
): ReadLabel | null {
  const name = classLabel(label);
  if (
    metric !== 'logloss' ||
    name === null ||
    !classes.some((each) => each !== null && Object.hasOwn(each.probabilities, name))
  )
    return null;
  const [served, beside] = classes.map((each) => each && readProbability(each, name));
  return { label: rightAnswer, served: served ?? null, beside: beside ?? null, classes };
}

function possibleLosses([champion, challenger]: NonNullable<ReadLabel['classes']>): NonNullable<
  DuePair['possible']
> {
  return {
    differences: champion && challenger && computeLossDifferences(champion, challenger),
    champion: champion && computeLossRange(champion),
    challenger: challenger && computeLossRange(challenger),
  };
}

/**
 * If only one version was asked, because the other was at capacity, the question is not a pair and
 * counts for neither version.
 */
function readAnswers(quality: AnswerQuality, { label, output, other }: DueRow): ReadLabel | null {
  if (quality.from !== 'callers' && other === null) return null;
  const answers = { served: toText(output), beside: toText(other?.output) };
  const scores = answerScores(quality, label, answers);
  // A judge may give different verdicts on the same text; a reference answer cannot.
  const sameAnswer =
    quality.from === 'references' && answers.served !== null && answers.served === answers.beside;
  return scores && { label: rightAnswer, ...scores, sameAnswer };
}

function toText(output: unknown): string | null {
  const text = (output as Partial<LoggedAnswer> | null | undefined)?.text;
  return typeof text === 'string' ? text : null;
}

/**
 * Detaches labels that cannot be compared from the rollout. Later feedback, such as a reference
 * answer, may attach them again.
 */
async function detachLabels(
  tx: Transaction,
  { tenantId: tenant }: RolloutRow,
  ids: readonly PredictionId[],
): Promise<void> {
  if (ids.length === 0) return;
  await tx`update feedback set rollout_id = null, counted_at = null where tenant_id = ${tenant} and prediction_id = any(${ids})`;
}

function toScore(output: unknown): number | null {
  const score = (output as { readonly score?: unknown } | null)?.score;
  return typeof score === 'number' ? score : null;
}

/** Locks in the same order as storing predictions does, to avoid deadlocks. */
async function tally(
  tx: Transaction,
  { tenantId: tenant, id }: RolloutRow,
  ripe: readonly DueRow[],
  pairs: readonly DuePair[],
): Promise<void> {
  if (pairs.length === 0) return;
  const spans = new Map(ripe.map(({ predictionId, spanStart }) => [predictionId, spanStart]));
  await tx`
    with labelled as (
      select step, span_start, (count(*) filter (where arm = 'champion')) as champion, (count(*) filter (where arm = 'challenger')) as challenger
      from unnest(${pairs.map(({ step }) => step)}::int[], ${pairs.map(({ predictionId }) => spans.get(predictionId) ?? null)}::timestamptz[],
        ${pairs.map(({ assigned }) => assigned)}::text[]) as l (step, span_start, arm)
      group by step, span_start
    ), locked as materialized (
      select t.step, t.span_start, l.champion, l.challenger from rollout_traffic t join labelled l on l.step = t.step and l.span_start = t.span_start
      where t.tenant_id = ${tenant} and t.rollout_id = ${id} order by t.step, t.span_start for update of t
    )
    update rollout_traffic t set champion_labelled = t.champion_labelled + l.champion, challenger_labelled = t.challenger_labelled + l.challenger
    from locked l where t.tenant_id = ${tenant} and t.rollout_id = ${id} and t.step = l.step and t.span_start = l.span_start`;
}
