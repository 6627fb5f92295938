import { setMaxListeners } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';
import { activityInfo, Context } from '@temporalio/activity';
import type { ArtifactRef } from '../../domain/dataset/artifact';
import {
  failure,
  isPerennialError,
  type FailureType,
  type PerennialError,
} from '../../domain/failure';
import type { IdempotencyKey, PredictionId, RolloutId, RunId, Tenant } from '../../domain/ids';
import type { DimensionSpec } from '../../domain/language/dimension/dimension';
import type { LlmLifecycleSpec } from '../../domain/language/lifecycle/llm-lifecycle';
import {
  isKnownWrong,
  type AnswerJudge,
  type JudgedPair,
} from '../../domain/rollout/judging/answer-quality';
import type { LostPairs } from '../../domain/rollout/progress';
import type { NoMoreLabels } from '../../domain/rollout/judging/evidence';
import { mostPairsNow, openPairs, openSince } from '../../domain/rollout/judging/judging-pace';
import type { ArtifactStore } from '../../data/artifact/store';
import type { ModelJudge } from '../../data/language/evaluation/judge';
import { inParallel } from '../../data/language/evaluation/pool';
import { ledgeredChat } from '../../data/language/ledgered-chat';
import type { ModelAccess } from '../../data/language/model-access';
import type { Registry } from '../../db/registry';
import type { UnjudgedPair } from '../../db/language/judged-answer-repository';
import { askingIn } from './asking';
import { whileBeating } from '../run/heartbeating';
import { openJudges } from './judges';

export interface JudgeAnswersDeps {
  readonly registry: Pick<Registry, 'judgedAnswers' | 'rollouts' | 'llmCalls' | 'budgets'>;
  readonly artifacts: Pick<ArtifactStore, 'getBytes'>;
  readonly access: ModelAccess;
}

/** What a rollout needs to have its answers judged. */
export interface Judging {
  readonly judge: AnswerJudge;
  /** The rollout's: `mostPairs` are to last for it. */
  readonly minDurationSeconds: number;
  /** Of kind `judge`. */
  readonly dimension: DimensionSpec;
  /** The variable of the judge's prompt that takes what the user wrote. */
  readonly input: string;
  /** What the judge is made of, by path. */
  readonly files: Readonly<Record<string, ArtifactRef>>;
  readonly budget: LlmLifecycleSpec['budget'];
  /** Questions under way at once. */
  readonly parallel: number;
}

export interface JudgeAnswersInput extends Judging {
  readonly tenant: Tenant;
  readonly runId: RunId;
  readonly key: IdempotencyKey;
  readonly traceId: string;
  readonly rollout: RolloutId;
  /** Where the turn before this one ended; absent in the first. */
  readonly since?: string;
  /** Pairs that the turn before this one left to be asked again. */
  readonly lost?: LostPairs;
}

export type JudgedAnswers =
  /** The turn is over; there may be more to judge. */
  | { readonly kind: 'still'; readonly since: string; readonly lost?: LostPairs }
  /** Nothing more will be judged in this rollout. */
  | { readonly kind: 'over'; readonly noMoreLabels: NoMoreLabels };

/** Well within the activity's own limit. */
const turnMs = 3_600_000;
const idleMs = 1_000;
/** Pairs at a time: between two batches somebody may have stopped it. */
const batch = 50;
/**
 * What a worker left that died is found, and what was not judged for longer is left: which pairs
 * those are has nothing to do with what they say.
 */
const lookBackMs = 86_400_000;
/** A row is written when the second answer is there; longer than a gateway gives up on that. */
const writtenWithinMs = 600_000;

/** No attempt can help, now or in an hour. */
const ends: readonly FailureType[] = ['BudgetSpent', 'Conflict', 'NotFound', 'ModelNotFound'];
/**
 * Says nothing of the answer: the question is put again. A key may be on its way, so whoever is
 * denied waits as long as it takes.
 */
const waits: readonly FailureType[] = ['ProviderTimeout', 'AnswerLost', 'ProviderDenied'];
const mostWaitMs = 60_000;
/**
 * A turn ends with each step, and what is under way then is paid: it may end. What the provider has
 * not taken by then is left.
 */
const endsWithinMs = 15_000;
/**
 * A second answer that is lost while others come is the pair's own; where none comes, the judge is
 * away, and this long is enough to wait for one.
 */
const lostForMs = 1_800_000;

type Verdicts = Pick<JudgedPair, 'served' | 'beside'>;
const noVerdict: Verdicts = { served: null, beside: null };
type Lost = Map<PredictionId, number>;

interface JudgingBatch {
  readonly pairs: readonly UnjudgedPair[];
  readonly lost: Lost;
  /** No further pair is begun. */
  readonly signal: AbortSignal;
  /** Nobody waits for what is under way any more. */
  readonly underWay: AbortSignal;
}

/** What a heartbeat leaves to the next attempt. */
type Beaten = Pick<JudgeAnswersInput, 'since' | 'lost'>;

export function createJudgeAnswersActivities({ registry, artifacts, access }: JudgeAnswersDeps) {
  const { judgedAnswers } = registry;
  const chat = ledgeredChat(access, registry.llmCalls);
  return {
    /**
     * Asks the judge about both answers to what was drawn, as it is logged, until the turn is over,
     * so many pairs were judged as may be, or the budget is spent. While as many were judged as may
     * be by now, it idles. Dying before a verdict is stored: it is on the call ledger, and read
     * there; after it: the pair is judged and not looked at again. Two at once ask the same
     * questions once, and the first verdicts stand; they may judge a batch more than `mostPairs`.
     * Late, when the rollout has ended: what it still writes counts for nothing.
     */
    async judgeAnswers(input: JudgeAnswersInput): Promise<JudgedAnswers> {
      return whileBeating(async ({ signal, report }) => {
        const { tenant, rollout, judge: by } = input;
        const beaten = activityInfo().heartbeatDetails as Beaten | undefined;
        const lost: Lost = new Map(beaten?.lost ?? input.lost);
        const underWay = pastCancelling(endsWithinMs);
        try {
          const judge = await open(input);
          const until = Date.now() + turnMs;
          let since = await begin(input, beaten);
          let waitMs = idleMs;
          const tell = (judged: number) => {
            const left = { since, lost: [...lost] } satisfies Beaten;
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
                `${judged} pairs were judged, and mostPairs allows ${allowedText(by, allowed)}`,
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
            since = laterOf(
              since,
              (upTo === undefined ? Date.now() : Date.parse(upTo.receivedAt)) - writtenWithinMs,
            );
            tell(judged);
            waitMs = open === undefined ? idleMs : Math.min(2 * waitMs, mostWaitMs);
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
    const asking = await askingIn(
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
        `the judge ${dimension.name} has changed: calibrated was ${was}, it is ${is}`,
        {
          next: 'perennial run rerun calibrates it anew',
        },
      );
    }
    return judge;
  }

  /** Where the attempt or the turn before this one was; never before the rollout. */
  async function begin(
    { tenant, rollout: id, since }: JudgeAnswersInput,
    beaten: Beaten | undefined,
  ): Promise<string> {
    const rollout = await registry.rollouts.get({ tenant, id });
    if (!rollout) throw failure('NotFound', `there is no rollout ${id}`);
    return laterOf(beaten?.since ?? since ?? rollout.startedAt, Date.now() - lookBackMs);
  }

  /** Answers with the oldest pair that is to be asked about again. */
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
   * How many may be judged by now and in this phase, and of which event time on. Whoever is not
   * judged for that long is left: the next pair to be judged is of its own hour.
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
    const from = openSince(rollout?.state.evidence ?? null, {
      test: { minDurationSeconds },
      timezone,
    });
    const phase = {
      steps: rollout?.spec.steps ?? [],
      step: rollout?.step ?? 0,
      elapsedSeconds,
      minDurationSeconds,
    };
    return { most: openPairs(judge, phase), allowed: mostPairsNow(judge, phase), from };
  }

  /**
   * What was judged lies before now, by the rollout's clock. Whose answers were lost counts as what
   * nothing was said of: it must not be left out for that.
   */
  async function over(input: JudgeAnswersInput, lost: Lost, why: string): Promise<JudgedAnswers> {
    for (const id of lost.keys()) await record(input, id, noVerdict);
    const { eventNow } = await registry.rollouts.traffic({
      tenant: input.tenant,
      id: input.rollout,
    });
    return { kind: 'over', noMoreLabels: { after: eventNow, why } };
  }
}

function allowedText({ mostPairs }: AnswerJudge, allowed: number): string {
  return allowed === mostPairs
    ? String(mostPairs)
    : `${allowed} of its ${mostPairs} before people are answered`;
}

/** Whoever reads why a rollout was held or taken back is to know what helps. */
function withNext({ message, next }: PerennialError): string {
  return next === undefined ? message : `${message}; ${next}`;
}

function laterOf(instant: string, ms: number): string {
  return new Date(Math.max(Date.parse(instant), ms)).toISOString();
}

/**
 * The activity's signal, but so much later when it is cancelled: a worker that stops is not held
 * up.
 */
function pastCancelling(ms: number): AbortSignal {
  const context = Context.current();
  const { cancellationSignal: signal } = context;
  const late = new AbortController();
  // Every question under way listens, as to the activity's own.
  setMaxListeners(0, late.signal);
  const abort = (): void => late.abort(signal.reason);
  const onAbort = (): void => {
    if (context.cancellationDetails?.workerShutdown === true) abort();
    else setTimeout(abort, ms).unref();
  };
  signal.addEventListener('abort', onAbort, { once: true });
  return late.signal;
}

/** Else nobody is asked, and nothing is known of who would answer. */
function isAskedAbout({ question, served, beside }: UnjudgedPair): boolean {
  return (
    question !== null &&
    served !== null &&
    beside !== null &&
    !(isKnownWrong(served) && isKnownWrong(beside))
  );
}

/**
 * Whoever gave no answer cannot be compared, and an answer that was kept back is wrong: nobody is
 * asked about either.
 */
async function verdictsOn(
  judge: ModelJudge,
  { input }: Judging,
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
