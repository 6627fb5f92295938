import type { FastifyInstance } from 'fastify';
import { timeOf } from '../../../db/ids';
import type { FeedbackRepository } from '../../../db/serving/feedback-repository';
import type {
  PredictionRepository,
  PredictionTask,
} from '../../../db/serving/prediction-repository';
import { failure } from '../../../domain/failure';
import type { PredictionId, Tenant } from '../../../domain/ids';
import { labelMismatch } from '../../../domain/serving/prediction';
import { parseFeedback, type FeedbackItem } from '../prediction-log/feedback-items';
import type { GatewayMetrics } from '../metrics';
import { withTimeout } from '../../../data/timeout';

export interface FeedbackRouteDeps {
  readonly feedback: Pick<FeedbackRepository, 'record'>;
  readonly predictions: Pick<PredictionRepository, 'tasksOf'>;
  readonly metrics: GatewayMetrics;
  readonly timeoutMs: number;
}

const atOnce = 8;

/**
 * `POST /v1/feedback`: one label or an array of them. All are validated before the first one is
 * recorded; sending them again changes nothing.
 */
export function feedbackRoutes(
  app: FastifyInstance,
  { feedback, predictions, metrics, timeoutMs }: FeedbackRouteDeps,
): void {
  app.post('/v1/feedback', async (request) => {
    const items = parseFeedback(request.body);
    const { tenant } = request.caller;
    const tasks = await tasksOf(tenant, items);
    requireFittingLabels(items, tasks, Array.isArray(request.body));
    const known = items.filter(
      ({ predictionId }) => tasks.has(predictionId) || mayStillCome(predictionId),
    );
    let joined = 0;
    for (let from = 0; from < known.length; from += atOnce) {
      const answers = await Promise.all(
        known.slice(from, from + atOnce).map((item) => recordLabel(tenant, item)),
      );
      joined += answers.filter((answer) => answer.joined).length;
    }
    const waiting = known.length - joined;
    const unknown = items.length - known.length;
    metrics.feedback('joined', joined);
    metrics.feedback('waiting', waiting);
    metrics.feedback('unknown', unknown);
    return { accepted: known.length, joined, waiting, unknown };
  });

  function tasksOf(
    tenant: Tenant,
    items: readonly FeedbackItem[],
  ): Promise<ReadonlyMap<PredictionId, PredictionTask>> {
    const ids = [...new Set(items.map(({ predictionId }) => predictionId))];
    return inTime(predictions.tasksOf({ tenant, ids }));
  }

  function recordLabel(tenant: Tenant, label: FeedbackItem): Promise<{ readonly joined: boolean }> {
    return inTime(feedback.record({ tenant, ...label }));
  }

  function inTime<T>(work: Promise<T>): Promise<T> {
    return withTimeout(timeoutMs, work, {
      type: 'DatabaseUnavailable',
      message: 'the registry did not accept the feedback; send it again',
    });
  }
}

/**
 * Rows reach the log within a second, or wait on disk while PostgreSQL is not available. An id is
 * searched for this long before it counts as unknown.
 */
const maxLogDelayMs = 24 * 3_600_000;

function mayStillCome(id: PredictionId): boolean {
  const time = timeOf(id);
  return time !== null && Date.now() - time.getTime() < maxLogDelayMs;
}

/** A label that no metric of the task uses would be stored and never counted. */
function requireFittingLabels(
  items: readonly FeedbackItem[],
  tasks: ReadonlyMap<PredictionId, PredictionTask>,
  isList: boolean,
): void {
  const issues = items.flatMap(({ predictionId, label }, index) => {
    const of = tasks.get(predictionId);
    const mismatch =
      of?.task == null ? null : labelMismatch({ task: of.task, classes: of.classes }, label);
    if (of === undefined || mismatch === null) return [];
    return [
      {
        pointer: isList ? `/${index}/label` : '/label',
        detail: `${predictionId} is a prediction of ${of.model}@${of.version}: ${mismatch}`,
      },
    ];
  });
  if (issues.length > 0)
    throw failure('InvalidInput', issues[0]?.detail ?? '', { issues: issues.slice(0, 20) });
}
