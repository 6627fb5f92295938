import type { FastifyInstance } from 'fastify';
import type { FeedbackRepository } from '../../../db/repositories/feedback';
import type { Tenant } from '../../../domain/ids';
import { parseFeedback, type FeedbackItem } from '../feedback-items';
import type { GatewayMetrics } from '../metrics';
import { within } from '../../../data/within';

export interface FeedbackRouteDeps {
  readonly feedback: Pick<FeedbackRepository, 'record'>;
  readonly metrics: GatewayMetrics;
  readonly timeoutMs: number;
}

const atOnce = 8;

/** `POST /v1/feedback`: one label or an array of them, of a score or of an answer. Checked as a whole before the first is recorded; sending the same again changes nothing. */
export function feedbackRoutes(app: FastifyInstance, { feedback, metrics, timeoutMs }: FeedbackRouteDeps): void {
  app.post('/v1/feedback', async (request) => {
    const labels = parseFeedback(request.body);
    const { tenant } = request.caller;
    let joined = 0;
    for (let from = 0; from < labels.length; from += atOnce) {
      const answers = await Promise.all(labels.slice(from, from + atOnce).map((label) => recordLabel(tenant, label)));
      joined += answers.filter((answer) => answer.joined).length;
    }
    metrics.feedback('joined', joined);
    metrics.feedback('waiting', labels.length - joined);
    return { accepted: labels.length, joined, waiting: labels.length - joined };
  });

  function recordLabel(tenant: Tenant, label: FeedbackItem): Promise<{ readonly joined: boolean }> {
    const taken = feedback.record({ tenant, ...label });
    return within(timeoutMs, taken, { type: 'DatabaseUnavailable', message: 'the registry did not take the feedback; send it again' });
  }
}
