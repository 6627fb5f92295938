import type { OtherScore, PredictionRow } from '../../../db/serving/prediction-repository';
import type { RoutedRollout } from '../../../db/serving/routing-repository';
import type {
  LoggedAnswer,
  SafetyAudit,
  ScreeningAudit,
} from '../../../domain/language/logged-answer';
import type { VersionAnswer } from './answer';
import type { ChatCall, ChatHead } from './chat';
import { loggedRetrieval } from './retrieve';

/** As the prediction log keeps it. `firstTokenMs`: as the caller met it. */
export function loggedAnswer(
  {
    answer: { text, finish, usage },
    blocked,
    malformed,
    safety,
    retrieved,
    standby,
  }: VersionAnswer,
  firstTokenMs: number | null,
): LoggedAnswer {
  return {
    text: storable(text),
    finish,
    usage,
    firstTokenMs,
    blocked,
    malformed,
    error: null,
    safety: safety && storableAudit(safety),
    retrieved: retrieved && loggedRetrieval(text, retrieved),
    ...(standby && { standby }),
  };
}

/** PostgreSQL reads no JSON with such in it, and the counters of a rollout look into it. */
const unstorable = /[\0\p{Surrogate}]/gu;

function storable(text: string): string {
  return text.replace(unstorable, '\uFFFD');
}

function storableAudit({ policy, input, output, retrieved }: SafetyAudit): SafetyAudit {
  const side = ({ kept, ...look }: ScreeningAudit): ScreeningAudit => ({
    ...look,
    ...(kept !== undefined && { kept: storable(kept) }),
  });
  return {
    policy,
    input: side(input),
    output: output && side(output),
    retrieved: retrieved && side(retrieved),
  };
}

/** A caller has heard part of it and has its id: feedback may come, and the failure counts. */
export function brokenAnswer(
  error: string,
  { firstTokenMs, safety }: Pick<LoggedAnswer, 'safety'> & { readonly firstTokenMs: number },
): LoggedAnswer {
  const usage = { promptTokens: 0, completionTokens: 0 };
  const none = { text: null, usage, blocked: null, malformed: false, retrieved: null };
  return { ...none, finish: 'stop', firstTokenMs, error, safety: safety && storableAudit(safety) };
}

/**
 * What a policy has kept back or blotted out is not in the log either (I11): there stands what was
 * found, by which policy.
 */
export function rowOf(
  { tenant, body, arrivedAt }: ChatCall,
  { predictionId, served, arm }: ChatHead,
  said: {
    readonly asked: VersionAnswer['asked'];
    readonly output: LoggedAnswer;
    readonly rollout: RoutedRollout | null;
    readonly other: OtherScore | null;
  },
): PredictionRow {
  const latencyMs = performance.now() - arrivedAt;
  const { asked, output, rollout, other } = said;
  return {
    tenant,
    id: predictionId,
    receivedAt: new Date(Date.now() - latencyMs).toISOString(),
    model: served.model,
    version: served.version,
    arm,
    entity: body.entity,
    eventTime: null,
    input: {
      messages: asked === null ? [] : [...asked.history, { role: 'user', content: asked.input }],
    },
    output,
    latencyMs,
    rollout: rollout && { id: rollout.id, step: rollout.step },
    other,
  };
}
