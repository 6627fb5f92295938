import type { FastifyInstance } from 'fastify';
import { parseFeedback } from '../feedback/feedback-items';
import type { FeedbackLog } from '../feedback/feedback-log';

export interface FeedbackRouteDeps {
  readonly feedback: Pick<FeedbackLog, 'add'>;
}

/**
 * `POST /v1/feedback`: one label or an array of them. All are validated before the first one is
 * recorded; sending them again changes nothing. The status is 202 while they wait on disk for the
 * registry.
 */
export function feedbackRoutes(app: FastifyInstance, { feedback }: FeedbackRouteDeps): void {
  app.post('/v1/feedback', async (request, reply) => {
    const { tenant } = request.caller;
    const receivedAt = new Date().toISOString();
    const labels = parseFeedback(request.body).map((item) => ({ ...item, tenant, receivedAt }));
    const counts = await feedback.add({ labels, isList: Array.isArray(request.body) });
    return reply.status(counts.stored > 0 ? 202 : 200).send(counts);
  });
}
