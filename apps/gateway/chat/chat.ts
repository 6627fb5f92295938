import type { ModelAccess } from '../../../data/language/model-access';
import { newId } from '../../../db/ids';
import type { OtherScore, PredictionRow } from '../../../db/serving/prediction-records';
import type { RoutedRollout } from '../../../db/serving/routing-repository';
import type { PredictionId, Tenant } from '../../../domain/ids';
import type { SafetyAudit } from '../../../domain/bundle/logged-answer';
import { assignArm, assignmentUnit } from '../routing/assignment';
import type { ChatLimits } from '../config';
import type { FailureInRollout } from '../failure-counts';
import { parseModelName } from '../model/model-name';
import type { Arm, Route } from '../routing/route';
import { failureCode, isCallersMistake, isPlatformFailure } from '../inference/score-of';
import { requireBundle, type ServedVersion } from '../model/served-version';
import type { VersionPicker } from '../routing/version-picker';
import type { PredictionLog } from '../prediction-log/prediction-log';
import { createAnswerer, requiresWholeAnswer, type OnScreened } from './answer';
import { brokenAnswer, loggedAnswer, buildRow } from './chat-row';
import { refuseSystemMessage, type ChatBody } from './chat-request.schema';
import type { ChatShadow } from './chat-shadow';
import { withFirstPieceTimeout } from './first-piece-timeout';
import { mayLogShadowAnswer } from './shadow-logging';
import type { Retriever } from './retrieve';
import { assignmentKey } from './assignment-key';
import type { ChatCall, ChatHead, ChatReply } from './chat-call';

export interface ChatServiceOptions {
  readonly picker: Pick<VersionPicker, 'pick'>;
  readonly access: Pick<ModelAccess, 'chat'>;
  readonly retrieve: Retriever;
  readonly shadow: Pick<ChatShadow, 'add'>;
  readonly limits: Pick<ChatLimits, 'challengerFirstTokenMs' | 'challengerWholeMs'>;
  readonly leaseHolds: () => boolean;
  /** Whether the wanted champion cannot be loaded here. */
  readonly isBlocked: (tenant: string, model: string) => boolean;
  readonly log: Pick<PredictionLog, 'add' | 'hold'>;
  readonly onScreened: OnScreened;
  /** Whether the champion answered in place of the challenger. */
  readonly onChallengerFailure: (served: ServedVersion, error: unknown) => void;
  /** A question that the champion did not answer. */
  readonly onChampionFailure: (
    tenant: Tenant,
    served: ServedVersion,
    inRollout?: FailureInRollout,
  ) => void;
}

/** An answer that was sent, with its row that is not logged yet. */
interface AnsweredChat {
  readonly reply: ChatReply;
  readonly row: PredictionRow;
}

/** When the caller received the first piece. After that no other arm can answer. */
interface ChatHearing {
  at: number | null;
}

interface AnswerTerms {
  readonly hearing: ChatHearing;
  /** The longest wait for the provider's rate limits. */
  readonly patienceMs: number;
  /** The version that should have answered and failed. */
  readonly other: OtherScore | null;
}

/** Answer one conversation with one arm, from the parsed body, and log it. */
export function createChat(options: ChatServiceOptions): (call: ChatCall) => Promise<ChatReply> {
  const { picker, shadow, limits, leaseHolds, isBlocked, log } = options;
  const { onChallengerFailure, onChampionFailure } = options;
  const answerOf = createAnswerer(options);

  return async (call) => {
    const picked = await picker.pick(call.tenant, parseModelName(call.body.model));
    const predictionId = newId('pred') as PredictionId;
    try {
      if (picked.kind === 'routed') return await byRoute(call, picked.route, predictionId);
      const { served, arm } = picked;
      checkSystemMessage(call.body, served);
      return logAnswer(await answerChat(call, { predictionId, served, arm, stale: null }, null));
    } finally {
      picked.release();
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
    // A gateway with an outdated table asks no challenger.
    if (rollout !== null && fresh) return divideTraffic(call, route, { predictionId, rollout });
    const stale = !fresh ? 'lease' : isBlocked(route.tenant, route.model) ? 'not-loaded' : null;
    return logAnswer(await answerChat(call, buildHead(champion, predictionId, stale), null));
  }

  async function divideTraffic(
    call: ChatCall,
    { arms, champion }: Route,
    {
      predictionId,
      rollout: routed,
    }: { readonly predictionId: PredictionId; readonly rollout: RoutedRollout },
  ): Promise<ChatReply> {
    const challenger = arms.find(({ alias }) => alias === 'challenger');
    // The champion also answers what the challenger refuses, so that a rollout fails no request.
    // Such an answer does not count for the rollout.
    if (challenger && !takesSystemMessage(call.body, challenger.served)) {
      return logAnswer(await answerChat(call, buildHead(champion, predictionId), null));
    }
    const key = assignmentKey(call.body);
    const arm = assignArm(arms, routed.id, key) ?? champion;
    const rollout = { ...routed, unit: assignmentUnit(routed.id, key) };
    if (arm === champion || challenger === undefined) {
      const done = await answerChat(call, buildHead(champion, predictionId), rollout);
      return rollout.besides && challenger !== undefined
        ? askedBeside(call, done, challenger)
        : logAnswer(done);
    }
    const startedAt = performance.now();
    const hearing: ChatHearing = { at: null };
    let failed: unknown;
    try {
      const done = await byChallenger(call, buildHead(challenger, predictionId), {
        rollout,
        hearing,
      });
      return rollout.besides ? askedBeside(call, done, champion) : logAnswer(done);
    } catch (error) {
      // A piece that was sent cannot be withdrawn, and a cancelled caller needs no answer.
      if (hearing.at !== null || call.signal.aborted) throw error;
      failed = error;
    }
    const error = failureCode(failed);
    // Served and logged as outside the rollout.
    if (isPlatformFailure(error))
      return logAnswer(await answerChat(call, buildHead(champion, predictionId), null));
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
    const done = await answerChat(call, buildHead(champion, predictionId), rollout, { other });
    onChallengerFailure(challenger.served, failed);
    return logAnswer(done);
  }

  function byChallenger(
    call: ChatCall,
    head: ChatHead,
    { rollout, hearing }: { readonly rollout: RoutedRollout; readonly hearing: ChatHearing },
  ): Promise<AnsweredChat> {
    const inPieces = call.onText !== undefined && !requiresWholeAnswer(requireBundle(head.served));
    const waitMs = inPieces ? limits.challengerFirstTokenMs : limits.challengerWholeMs;
    return withFirstPieceTimeout({ call, waitMs, who: head.served.name }, (bounded) =>
      answerChat(bounded, head, rollout, { hearing, patienceMs: waitMs }),
    );
  }

  async function answerChat(
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
      // The answer that was held back for screening is sent now.
      const firstTokenMs = onText ? (hearing.at ?? performance.now() - arrivedAt) : null;
      const row = buildRow(call, head, {
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
      if (output !== null) log.add(buildRow(call, head, { asked: null, output, rollout, other }));
      // A row of the log says itself that it failed.
      else if (head.arm === 'champion' && !signal.aborted && !isCallersMistake(error))
        onChampionFailure(
          tenant,
          head.served,
          rollout
            ? { rollout, version: (other ?? head.served).version, eventTime: null }
            : undefined,
        );
      throw error;
    }
  }

  /** The answer is sent. It is logged when the other arm has completed or was cancelled. */
  function askedBeside(call: ChatCall, { reply, row }: AnsweredChat, { served }: Arm): ChatReply {
    const { tenant, body } = call;
    const complete = log.hold([row]);
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
        return (await mayLogShadowAnswer(reply, said)) ? output : { ...output, text: null };
      },
      done: (shadowed) => {
        const other =
          shadowed &&
          ({ version: served.version, role: 'shadow', score: null, ...shadowed } as const);
        complete([{ ...row, other }]);
      },
    });
    return reply;
  }

  function logAnswer({ reply, row }: AnsweredChat): ChatReply {
    log.add(row);
    return reply;
  }
}

/** Throws InvalidInput when the version's prompt does not permit what the caller sent. */
function checkSystemMessage(body: ChatBody, served: ServedVersion): void {
  if (body.systemMessage !== null && !takesSystemMessage(body, served))
    refuseSystemMessage(body.systemMessage, served.name);
}

function takesSystemMessage({ systemMessage }: ChatBody, served: ServedVersion): boolean {
  return systemMessage === null || requireBundle(served).prompt.callerSystemMessages === 'allowed';
}

function buildHead(
  { alias, served }: Arm,
  predictionId: PredictionId,
  stale: ChatHead['stale'] = null,
): ChatHead {
  return { predictionId, served, arm: alias, stale };
}
