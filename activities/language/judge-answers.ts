import { setMaxListeners } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';
import { activityInfo, Context } from '@temporalio/activity';
import type { ArtifactRef } from '../../domain/artifact';
import {
  failure,
  isPerennialError,
  type FailureType,
  type PerennialError,
} from '../../domain/failure';
import type { IdempotencyKey, PredictionId, RolloutId, RunId, Tenant } from '../../domain/ids';
import type { DimensionSpec } from '../../domain/language/dimension/dimension';
import type { LlmLifecycleSpec } from '../../domain/lifecycle/llm/llm-lifecycle';
import {
  isKnownWrong,
  type AnswerJudge,
  type JudgedPair,
} from '../../domain/rollout/judging/answer-quality';
import type { LostPairs } from '../../domain/rollout/progress';
import type { JudgingEnd } from '../../domain/rollout/judging/evidence';
import {
  maxPairsInPhase,
  allowedPairs,
  earliestJudgedTime,
} from '../../domain/rollout/judging/judging-pace';
import type { ArtifactStore } from '../../data/artifact/store';
import type { ModelJudge } from '../../data/language/evaluation/judge';
import { inParallel } from '../../data/language/evaluation/pool';
import { openLedgerChat } from '../../data/language/ledger-chat';
import type { ModelAccess } from '../../data/language/model-access';
import type { Registry } from '../../db/registry';
import type { UnjudgedPair } from '../../db/language/judged-answer-repository';
import { buildRequestContext } from './request-context';
import { withHeartbeat } from '../run/heartbeat';
import { openJudges } from './judges';

export interface JudgeAnswersDeps {
  readonly registry: Pick<Registry, 'judgedAnswers' | 'rollouts' | 'llmCalls' | 'budgets'>;
  readonly artifacts: Pick<ArtifactStore, 'getBytes'>;
  readonly access: ModelAccess;
}

/** The configuration by which a rollout's answers are judged. */
export interface JudgingConfig {
  readonly judge: AnswerJudge;
  /** The rollout's minimum duration, over which `mostPairs` are spread. */
  readonly minDurationSeconds: number;
  /** A dimension of kind `judge`. */
  readonly dimension: DimensionSpec;
  /** The variable of the judge's prompt that takes the user's question. */
  readonly input: string;
  /** Files of the judge, by path. */
  readonly files: Readonly<Record<string, ArtifactRef>>;
  readonly budget: LlmLifecycleSpec['budget'];
  /** Number of questions in flight at once. */
  readonly parallel: number;
}

export interface JudgeAnswersInput extends JudgingConfig {
  readonly tenant: Tenant;
  readonly runId: RunId;
  readonly key: IdempotencyKey;
  readonly traceId: string;
  readonly rollout: RolloutId;
  /** Where the previous turn ended; absent in the first turn. */
  readonly since?: string;
  /** Pairs that the previous turn left to be asked again. */
  readonly lost?: LostPairs;
}

export type JudgingTurn =
  /** The turn has ended; there may be more to judge. */
  | { readonly kind: 'still'; readonly since: string; readonly lost?: LostPairs }
  /** No more answers will be judged in this rollout. */
  | { readonly kind: 'over'; readonly noMoreLabels: JudgingEnd };

/** Milliseconds; well within the activity's timeout. */
const turnMs = 3_600_000;
const idleMs = 1_000;
/** Pairs per batch; a command can interrupt between two batches. */
const batch = 50;
/**
 * Pairs of the last day are judged, also after a lost worker. Older ones are left out, which cannot
 * bias the result because age does not depend on the answers.
 */
const lookBackMs = 86_400_000;
/** A row is written after the second answer; longer than a gateway waits for that answer. */
const writtenWithinMs = 600_000;

/** Failures that no retry can resolve, now or in an hour. */
const ends: readonly FailureType[] = ['BudgetSpent', 'Conflict', 'NotFound', 'ModelNotFound'];
/**
 * Failures that say nothing about the answer, so the question is asked again. A denied request is
 * retried without end, because an operator may replace the key.
 */
const waits: readonly FailureType[] = ['ProviderTimeout', 'AnswerLost', 'ProviderDenied'];
const maxWaitMs = 60_000;
/**
 * A step of the rollout ends the turn. Requests in flight are paid for, so they may finish within
 * this time; later ones are abandoned.
 */
const endsWithinMs = 15_000;
/**
 * A pair whose verdict is lost again while others get one is recorded without a verdict. If no pair
 * gets one, the judge is unavailable; then this happens after this time.
 */
const lostForMs = 1_800_000;

type Verdicts = Pick<JudgedPair, 'served' | 'beside'>;
const noVerdict: Verdicts = { served: null, beside: null };
type Lost = Map<PredictionId, number>;

interface JudgingBatch {
  readonly pairs: readonly UnjudgedPair[];
  readonly lost: Lost;
  /** Aborted when no further pair may begin. */
  readonly signal: AbortSignal;
  /** Aborted when requests in flight must stop. */
  readonly underWay: AbortSignal;
}

/** Heartbeat details, with which a retry continues. */
type HeartbeatDetails = Pick<JudgeAnswersInput, 'since' | 'lost'>;

export function createJudgeAnswersActivities({ registry, artifacts, access }: JudgeAnswersDeps) {
  const { judgedAnswers } = registry;
  const chat = openLedgerChat(access, registry.llmCalls);
  return {
    /**
     * Asks the judge about both answers of each sampled pair, until the turn ends, the allowed
     * number of pairs is judged, or the budget is spent. It waits while the number allowed so far
     * is reached. A retry finds verdicts on the call ledger and skips recorded pairs. Two parallel
     * attempts pay each question once, and the first verdict stays; they may exceed `mostPairs` by
     * one batch. After the end of the rollout, recorded verdicts have no effect.
     */
    async judgeAnswers(input: JudgeAnswersInput): Promise<JudgingTurn> {
      return withHeartbeat(async ({ signal, report }) => {
        const { tenant, rollout, judge: by } = input;
        const before = activityInfo().heartbeatDetails as HeartbeatDetails | undefined;
        const lost: Lost = new Map(before?.lost ?? input.lost);
        const underWay = pastCancelling(endsWithinMs);
        try {
          const judge = await open(input);
          const until = Date.now() + turnMs;
          let since = await begin(input, before);
          let waitMs = idleMs;
          const tell = (judged: number) => {
            const left = { since, lost: [...lost] } satisfies HeartbeatDetails;
            report({ judged, mostPairs: by.mostPairs, ...left });
          };
          while (Date.now() < until) {
            signal.throwIfAborted();
            const judged = await judgedAnswers.count({ tenant, rollout });
            tell(judged);
            const { most, allowed, from } = await openBy(input);
            if (judged >= allowed)
              return await over(
                input,
                lost,
                `every pair that mostPairs ${allowedText(by, allowed)} was judged: ${judged}`,
              );
            const limit = Math.min(batch, most - judged);
            const drawn = {
              tenant,
              rollout,
              share: by.share,
              since,
              from,
              besides: [...lost.keys()],
              limit,
            };
            const pairs = limit <= 0 ? [] : await judgedAnswers.pending(drawn);
            const open = await judgeAll(judge, input, { pairs, lost, signal, underWay });
            const isFull = limit > 0 && pairs.length === limit;
            const upTo = open ?? (isFull ? pairs.at(-1) : undefined);
            since = addMilliseconds(
              since,
              (upTo === undefined ? Date.now() : Date.parse(upTo.receivedAt)) - writtenWithinMs,
            );
            tell(judged);
            waitMs = open === undefined ? idleMs : Math.min(2 * waitMs, maxWaitMs);
            if (open !== undefined || !isFull) await pause(waitMs, undefined, { signal });
          }
          return { kind: 'still', since, ...(lost.size > 0 && { lost: [...lost] }) };
        } catch (error) {
          if (!signal.aborted && isPerennialError(error) && ends.includes(error.type))
            return over(input, lost, withNext(error));
          throw error;
        }
      });
    },
  };

  async function open(input: JudgeAnswersInput): Promise<ModelJudge> {
    const { tenant, runId, dimension, files, budget } = input;
    const asked = dimension.kind === 'judge' ? [{ provider: dimension.provider }] : [];
    const asking = await buildRequestContext(
      { chat, registry },
      { tenant, runId, stage: 'canary', spec: { budget } },
      asked,
    );
    const judge = (await openJudges([dimension], { artifacts, files, asking, whenLost: 'fails' }))[
      dimension.name
    ];
    const calibrated = input.judge.calibrated?.judge;
    if (judge === undefined || judge.digest !== calibrated) {
      const [is, was] = [judge?.digest, calibrated].map((digest) => digest?.slice(0, 19) ?? 'none');
      throw failure(
        'Conflict',
        `judge ${dimension.name} has changed: calibrated as ${was}, now ${is}`,
        { next: 'perennial run rerun calibrates the new judge' },
      );
    }
    return judge;
  }

  /** Continues where the previous attempt or turn ended; never before the rollout's start. */
  async function begin(
    { tenant, rollout: id, since }: JudgeAnswersInput,
    before: HeartbeatDetails | undefined,
  ): Promise<string> {
    const rollout = await registry.rollouts.get({ tenant, id });
    if (!rollout) throw failure('NotFound', `rollout ${id} does not exist`);
    return addMilliseconds(before?.since ?? since ?? rollout.startedAt, Date.now() - lookBackMs);
  }

  /** Returns the oldest pair that must be asked again. */
  async function judgeAll(
    judge: ModelJudge,
    input: JudgeAnswersInput,
    { pairs, lost, signal, underWay }: JudgingBatch,
  ): Promise<UnjudgedPair | undefined> {
    const unanswered = new Map<PredictionId, FailureType>();
    const judgeIs = { answering: false, denied: false };
    await inParallel(pairs, input.parallel, async (pair) => {
      signal.throwIfAborted();
      if (judgeIs.denied) return void unanswered.set(pair.predictionId, 'ProviderDenied');
      try {
        const verdicts = await verdictsOn(judge, input, pair, underWay);
        if (isAskedAbout(pair)) judgeIs.answering = true;
        await record(input, pair.predictionId, verdicts);
        lost.delete(pair.predictionId);
      } catch (error) {
        if (!isPerennialError(error) || !waits.includes(error.type)) throw error;
        unanswered.set(pair.predictionId, error.type);
        if (error.type === 'ProviderDenied') judgeIs.denied = true;
      }
    });
    for (const [id, type] of unanswered) {
      if (type === 'ProviderDenied') continue;
      const since = lost.get(id);
      if (since === undefined) lost.set(id, Date.now());
      else if (judgeIs.answering || Date.now() - since > lostForMs) {
        await record(input, id, noVerdict);
        lost.delete(id);
        unanswered.delete(id);
      }
    }
    return pairs.find(({ predictionId }) => unanswered.has(predictionId));
  }

  async function record(
    { tenant, judge }: JudgeAnswersInput,
    predictionId: PredictionId,
    verdicts: Verdicts,
  ): Promise<void> {
    if (judge.calibrated === undefined) return;
    await judgedAnswers.record({
      tenant,
      predictionId,
      judged: { judge: judge.calibrated.judge, ...verdicts },
    });
  }

  /**
   * How many pairs may be judged by now and in this phase, and from which event time on. Older
   * unjudged pairs are left out, so that the next judged pair is from the current hour.
   */
  async function openBy(
    input: JudgeAnswersInput,
  ): Promise<{ readonly most: number; readonly allowed: number; readonly from: string | null }> {
    const { tenant, rollout: id, judge, minDurationSeconds } = input;
    const { eventNow } = await registry.rollouts.traffic({ tenant, id });
    const rollout = await registry.rollouts.get({ tenant, id });
    const startedAt = rollout?.state.evidence?.servingSince ?? rollout?.eventStartedAt ?? eventNow;
    const elapsedSeconds =
      eventNow === null || startedAt === null
        ? 0
        : Math.max(0, Date.parse(eventNow) - Date.parse(startedAt)) / 1000;
    const timezone = rollout?.spec.timezone ?? 'UTC';
    const from = earliestJudgedTime(rollout?.state.evidence ?? null, {
      test: { minDurationSeconds },
      timezone,
    });
    const phase = {
      steps: rollout?.spec.steps ?? [],
      step: rollout?.step ?? 0,
      elapsedSeconds,
      minDurationSeconds,
    };
    return { most: allowedPairs(judge, phase), allowed: maxPairsInPhase(judge, phase), from };
  }

  /**
   * Ends judging at the current event time. Pairs with lost verdicts are recorded without a
   * verdict, because leaving them out could bias the result.
   */
  async function over(input: JudgeAnswersInput, lost: Lost, why: string): Promise<JudgingTurn> {
    for (const id of lost.keys()) await record(input, id, noVerdict);
    const { eventNow } = await registry.rollouts.traffic({
      tenant: input.tenant,
      id: input.rollout,
    });
    return { kind: 'over', noMoreLabels: { after: eventNow, why } };
  }
}

function allowedText({ mostPairs }: AnswerJudge, allowed: number): string {
  return allowed === mostPairs ? 'allows' : `(${mostPairs}) allows in shadow`;
}

/** The reason of a held or ended rollout includes the next step. */
function withNext({ message, next }: PerennialError): string {
  return next === undefined ? message : `${message}; ${next}`;
}

function addMilliseconds(instant: string, ms: number): string {
  return new Date(Math.max(Date.parse(instant), ms)).toISOString();
}

/** The activity's signal with a delay on cancellation, but without one on a worker shutdown. */
function pastCancelling(ms: number): AbortSignal {
  const context = Context.current();
  const { cancellationSignal: signal } = context;
  const late = new AbortController();
  // Each request in flight adds a listener, so no leak warning.
  setMaxListeners(0, late.signal);
  const abort = (): void => late.abort(signal.reason);
  const onAbort = (): void => {
    if (context.cancellationDetails?.workerShutdown === true) abort();
    else setTimeout(abort, ms).unref();
  };
  signal.addEventListener('abort', onAbort, { once: true });
  return late.signal;
}

/** Whether the judge is asked about this pair at all. */
function isAskedAbout({ question, served, beside }: UnjudgedPair): boolean {
  return (
    question !== null &&
    served !== null &&
    beside !== null &&
    !(isKnownWrong(served) && isKnownWrong(beside))
  );
}

/** A missing answer cannot be compared, and a withheld one is wrong; the judge is not asked. */
async function verdictsOn(
  judge: ModelJudge,
  { input }: JudgingConfig,
  { predictionId, question, served, beside }: UnjudgedPair,
  signal: AbortSignal,
): Promise<Verdicts> {
  if (served === null || beside === null) return noVerdict;
  const verdictOn = async (answer: string): Promise<0 | 1 | null> => {
    if (isKnownWrong(answer)) return 0;
    if (question === null) return null;
    const of = {
      id: predictionId,
      input: { [input]: question },
      expected: {},
      tags: [],
      group: null,
      pair: null,
      rules: [],
    };
    const [first = null, ...others] = await judge.verdicts(of, answer, signal);
    return first === null || others.some((other) => other !== first) ? null : first ? 1 : 0;
  };
  const [of, against] = await Promise.all([verdictOn(served), verdictOn(beside)]);
  return { served: of, beside: against };
}
