import type { PredictionArm } from '../../../domain/serving/prediction';
import type { ModelAccess } from '../../../data/language/model-access';
import { newId } from '../../../db/ids';
import type { OtherScore, PredictionRow } from '../../../db/serving/prediction-repository';
import type { RoutedRollout } from '../../../db/serving/routing-repository';
import type { PredictionId, Tenant } from '../../../domain/ids';
import type { SafetyAudit } from '../../../domain/language/logged-answer';
import type { Side } from '../../../domain/safety/policy';
import type { Screening } from '../../../domain/safety/screen';
import type { AnsweringModel } from '../inference/answer-headers';
import { assignArm } from '../routing/assignment';
import type { ChatLimits } from '../config';
import { parseModelName } from '../model/model-name';
import type { Arm, Route } from '../routing/route';
import { failureCode, isNobodysFailure } from '../inference/score-of';
import { bundleOf, type ServedVersion } from '../model/served-version';
import type { VersionPicker } from '../routing/version-picker';
import { createAnswerer, mayKeepBack, type VersionAnswer } from './answer';
import { brokenAnswer, loggedAnswer, rowOf } from './chat-row';
import { refuseSystemMessage, type ChatBody } from './chat-request.schema';
import type { ChatShadow } from './chat-shadow';
import { beforeFirstPiece } from './before-first-piece';
import { mayStandBeside } from './beside';
import type { Retriever } from './retrieve';
import { sticksTo } from './sticks-to';

/** Who answers, and under which id it is logged; known before the first word. */
export interface ChatHead extends AnsweringModel {
  readonly arm: PredictionArm;
}

export interface ChatCall {
  readonly tenant: Tenant;
  readonly body: ChatBody;
  /** A `performance.now()`. */
  readonly arrivedAt: number;
  /** The caller went away, or is not to get the rest. */
  readonly signal: AbortSignal;
  /**
   * With it the answer is streamed, each piece as it comes, all of one version, and no faster than
   * the promises that it gives are kept.
   */
  readonly onText?: (head: ChatHead, delta: string) => void | Promise<void>;
}

export interface ChatReply extends ChatHead {
  readonly answer: VersionAnswer['answer'];
  readonly blocked: VersionAnswer['blocked'];
  /** Sources are for an answer that is given. */
  readonly retrieved: VersionAnswer['retrieved'];
}

export interface ChatServiceOptions {
  readonly picker: Pick<VersionPicker, 'pick'>;
  readonly access: Pick<ModelAccess, 'chat'>;
  readonly retrieve: Retriever;
  readonly shadow: Pick<ChatShadow, 'add'>;
  readonly limits: Pick<ChatLimits, 'challengerFirstTokenMs' | 'challengerWholeMs'>;
  readonly leaseHolds: () => boolean;
  /** Whether the champion that is wanted cannot be loaded here. */
  readonly isBlocked: (tenant: string, model: string) => boolean;
  readonly log: (row: PredictionRow) => void;
  readonly onScreened: (model: string, side: Side, outcome: Screening['outcome']) => void;
  /** The champion answered instead. */
  readonly onChallengerFailure: (served: ServedVersion, error: unknown) => void;
}

/** An answer that is out, with its row before that is logged. */
interface AnsweredChat {
  readonly reply: ChatReply;
  readonly row: PredictionRow;
}

/** When the caller heard the first piece; after that nobody else can answer. */
interface ChatHearing {
  at: number | null;
}

interface AnswerTerms {
  readonly hearing: ChatHearing;
  /** For one's turn at the provider. */
  readonly patienceMs: number;
  /** Who was to answer, and failed. */
  readonly other: OtherScore | null;
}

/**
 * One conversation, from the parsed body to the answer of one arm; what was asked and answered goes
 * to the prediction log.
 */
export function createChat(options: ChatServiceOptions): (call: ChatCall) => Promise<ChatReply> {
  const { picker, shadow, limits, leaseHolds, isBlocked, log, onChallengerFailure } = options;
  const answerOf = createAnswerer(options);

  return async (call) => {
    const picked = await picker.pick(call.tenant, parseModelName(call.body.model));
    const predictionId = newId('pred') as PredictionId;
    if (picked.kind === 'named') {
      const { served, arm } = picked;
      const head = { predictionId, served, arm, stale: null };
      try {
        checkSystemMessage(call.body, served);
        return logged(await answered(call, head, null));
      } finally {
        picked.release();
      }
    }
    // Every arm stays loaded until the last word is said, whatever the table says meanwhile: the
    // one that is not asked first may be asked after all.
    const holds = picked.route.arms.map(({ served }) => served.hold.hold());
    try {
      return await byRoute(call, picked.route, predictionId);
    } finally {
      for (const hold of holds) hold.release();
    }
  };

  async function byRoute(
    call: ChatCall,
    route: Route,
    predictionId: PredictionId,
  ): Promise<ChatReply> {
    const { champion, rollout } = route;
    checkSystemMessage(call.body, champion.served);
    const fresh = leaseHolds();
    // A gateway that may not know the current table sends nobody to a canary, and asks it nothing.
    if (rollout !== null && fresh) return divided(call, route, { predictionId, rollout });
    const stale = !fresh ? 'lease' : isBlocked(route.tenant, route.model) ? 'not-loaded' : null;
    return logged(await answered(call, headOf(champion, predictionId, stale), null));
  }

  async function divided(
    call: ChatCall,
    { arms, champion }: Route,
    {
      predictionId,
      rollout,
    }: { readonly predictionId: PredictionId; readonly rollout: RoutedRollout },
  ): Promise<ChatReply> {
    const challenger = arms.find(({ alias }) => alias === 'challenger');
    // The champion takes what the challenger would refuse, so a rollout causes no failed request:
    // it is answered outside of the rollout.
    if (challenger && !takesSystemMessage(call.body, challenger.served)) {
      return logged(await answered(call, headOf(champion, predictionId), null));
    }
    const arm = assignArm(arms, rollout.id, sticksTo(call.body)) ?? champion;
    if (arm === champion || challenger === undefined) {
      const done = await answered(call, headOf(champion, predictionId), rollout);
      return rollout.besides && challenger !== undefined
        ? askedBeside(call, done, challenger)
        : logged(done);
    }
    const startedAt = performance.now();
    const hearing: ChatHearing = { at: null };
    let failed: unknown;
    try {
      const done = await byChallenger(call, headOf(challenger, predictionId), { rollout, hearing });
      return rollout.besides ? askedBeside(call, done, champion) : logged(done);
    } catch (error) {
      // What was heard cannot be taken back, and who has gone needs no answer.
      if (hearing.at !== null || call.signal.aborted) throw error;
      failed = error;
    }
    const error = failureCode(failed);
    // Served and logged as outside of the rollout.
    if (isNobodysFailure(error))
      return logged(await answered(call, headOf(champion, predictionId), null));
    const latencyMs = performance.now() - startedAt;
    const { version } = challenger.served;
    const other = {
      version,
      role: 'fallback',
      score: null,
      output: null,
      error,
      latencyMs,
    } as const;
    const done = await answered(call, headOf(champion, predictionId), rollout, { other });
    onChallengerFailure(challenger.served, failed);
    return logged(done);
  }

  function byChallenger(
    call: ChatCall,
    head: ChatHead,
    { rollout, hearing }: { readonly rollout: RoutedRollout; readonly hearing: ChatHearing },
  ): Promise<AnsweredChat> {
    const inPieces = call.onText !== undefined && !mayKeepBack(bundleOf(head.served));
    const waitMs = inPieces ? limits.challengerFirstTokenMs : limits.challengerWholeMs;
    return beforeFirstPiece({ call, waitMs, who: head.served.name }, (bounded) =>
      answered(bounded, head, rollout, { hearing, patienceMs: waitMs }),
    );
  }

  async function answered(
    call: ChatCall,
    head: ChatHead,
    rollout: RoutedRollout | null,
    { hearing = { at: null }, patienceMs, other = null }: Partial<AnswerTerms> = {},
  ): Promise<AnsweredChat> {
    const { tenant, body, arrivedAt, signal, onText } = call;
    const heard =
      onText &&
      ((delta: string) => {
        hearing.at ??= performance.now() - arrivedAt;
        return onText(head, delta);
      });
    let safety: SafetyAudit | null = null;
    const onAudit = (audit: SafetyAudit | null): void => void (safety = audit);
    try {
      const said = await answerOf({
        tenant,
        body,
        served: head.served,
        signal,
        onText: heard,
        patienceMs,
        onAudit,
      });
      // Kept together until a policy has looked at it, it goes out now.
      const firstTokenMs = onText ? (hearing.at ?? performance.now() - arrivedAt) : null;
      const row = rowOf(call, head, {
        asked: said.asked,
        output: loggedAnswer(said, firstTokenMs),
        rollout,
        other,
      });
      const { answer, blocked, retrieved } = said;
      return {
        reply: { ...head, answer, blocked, retrieved: blocked === null ? retrieved : null },
        row,
      };
    } catch (error) {
      const output =
        hearing.at === null || signal.aborted
          ? null
          : brokenAnswer(failureCode(error), { firstTokenMs: hearing.at, safety });
      if (output !== null) log(rowOf(call, head, { asked: null, output, rollout, other }));
      throw error;
    }
  }

  /** The answer is out; it is logged when the other arm is done or was given up. */
  function askedBeside(call: ChatCall, { reply, row }: AnsweredChat, { served }: Arm): ChatReply {
    const { tenant, body } = call;
    shadow.add({
      served,
      ask: async (signal) => {
        const said = await answerOf({
          tenant,
          body,
          served,
          signal,
          patienceMs: limits.challengerFirstTokenMs,
        });
        const output = loggedAnswer(said, null);
        return (await mayStandBeside(reply, said)) ? output : { ...output, text: null };
      },
      done: (shadowed) => {
        const other =
          shadowed &&
          ({ version: served.version, role: 'shadow', score: null, ...shadowed } as const);
        log({ ...row, other });
      },
    });
    return reply;
  }

  function logged({ reply, row }: AnsweredChat): ChatReply {
    log(row);
    return reply;
  }
}

/** Throws InvalidInput where the version's prompt does not allow what the caller sent. */
function checkSystemMessage(body: ChatBody, served: ServedVersion): void {
  if (body.systemMessage !== null && !takesSystemMessage(body, served))
    refuseSystemMessage(body.systemMessage, served.name);
}

function takesSystemMessage({ systemMessage }: ChatBody, served: ServedVersion): boolean {
  return systemMessage === null || bundleOf(served).prompt.callerSystemMessages === 'allowed';
}

function headOf(
  { alias, served }: Arm,
  predictionId: PredictionId,
  stale: ChatHead['stale'] = null,
): ChatHead {
  return { predictionId, served, arm: alias, stale };
}
