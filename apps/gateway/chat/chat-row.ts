import type { OtherScore, PredictionRow } from '../../../db/serving/prediction-records';
import type { RoutedRollout } from '../../../db/serving/routing-repository';
import type {
  LoggedAnswer,
  SafetyAudit,
  ScreeningAudit,
} from '../../../domain/bundle/logged-answer';
import { loggedRollout } from '../prediction-log/prediction-rows';
import type { VersionAnswer } from './answer';
import type { ChatCall, ChatHead } from './chat-call';
import { loggedRetrieval } from './retrieve';

/** A row of the prediction log. `firstTokenMs` is measured at the caller. */
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

/** PostgreSQL cannot store such characters in JSON, which the counters of a rollout read. */
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

/** A caller has received a part and its id, so feedback may come and the failure counts. */
export function brokenAnswer(
  error: string,
  { firstTokenMs, safety }: Pick<LoggedAnswer, 'safety'> & { readonly firstTokenMs: number },
): LoggedAnswer {
  const usage = { promptTokens: 0, completionTokens: 0 };
  const none = { text: null, usage, blocked: null, malformed: false, retrieved: null };
  return { ...none, finish: 'stop', firstTokenMs, error, safety: safety && storableAudit(safety) };
}

/**
 * Text that a policy blocked or redacted is not logged (I11). The log has the findings and the
 * policy.
 */
export function buildRow(
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
    rollout: rollout && loggedRollout(rollout),
    other,
  };
}
