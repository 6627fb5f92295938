import type { FastifyRequest } from 'fastify';
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { webhookKey } from '../../../data/access/webhook-key';
import type { EventSubscriber } from '../../../db/retraining/repository';
import { failure } from '../../../domain/failure';
import type { EventReceipt } from '../../../domain/retraining/incoming-event';
import { acceptBodies, bodyText } from '../../http/json-body';
import { problem } from '../fields';
import type { RouteDeps } from '../route-deps';
import { readCloudEvent, type CloudEventRequest } from './cloud-event';

const outcomes = ['started', 'queued', 'skipped', 'held', 'stopped', 'refused'] as const;
const receiptView = z
  .object({
    id: z.string(),
    source: z.string(),
    isNew: z.boolean().describe('false for a repetition, which changed nothing'),
    receipts: z
      .array(
        z.object({
          lifecycle: z.string(),
          outcome: z.enum(outcomes).describe('what became of its automatic run'),
          why: z.string(),
        }),
      )
      .readonly()
      .describe('one for each lifecycle that subscribes to the type'),
  })
  .meta({ id: 'EventReceipts' });

export function eventRoutes({
  registry,
  readSecret,
  guards: { operator },
  log,
}: RouteDeps): FastifyPluginAsyncZod {
  return async (app) => {
    // The signature covers the body as it was sent.
    acceptBodies(app, bodyText);
    app.post(
      '/events',
      {
        onRequest: operator.onRequest,
        config: { ...operator.config, uploadType: 'application/cloudevents+json' },
        schema: {
          tags: ['events'],
          summary:
            'Send a CloudEvent 1.0, which starts a run of each lifecycle that subscribes to its type',
          response: { 202: receiptView, default: problem },
        },
      },
      async (request, reply) => {
        const { tenant } = request.caller;
        const body = typeof request.body === 'string' ? request.body : '';
        const sent = readCloudEvent(request.headers, body);
        const { event } = sent;
        const subscribers = await registry.retrainings.subscribers({ tenant, type: event.type });
        const lifecycles: string[] = [];
        const refused: EventReceipt[] = [];
        for (const subscriber of subscribers) {
          const why = await findRefusal(subscriber, { sent, body, request, readSecret });
          if (why === null) lifecycles.push(subscriber.lifecycle);
          else refused.push({ lifecycle: subscriber.lifecycle, outcome: 'refused', why });
        }
        const [first] = refused;
        // Not stored, so that the sender can send it again with a signature.
        if (first !== undefined && lifecycles.length === 0)
          throw failure('Forbidden', `${first.lifecycle} refused event ${event.id}: ${first.why}`, {
            next: 'sign the structured event as Standard Webhooks specifies, with its id as webhook-id',
          });
        const accepted = { tenant, event, lifecycles, refused };
        const { receipts, isNew } = await registry.retrainings.receive(accepted);
        const { id, source, type } = event;
        log.info({ eventId: id, source, type, isNew, traceId: request.traceId }, 'event received');
        return reply.code(202).send({ id, source, isNew, receipts });
      },
    );
  };
}

/** Null if the event may trigger this lifecycle. The reason does not name the secrets. */
async function findRefusal(
  { secrets }: EventSubscriber,
  {
    sent: { event, isStructured },
    body,
    request: { headers },
    readSecret,
  }: {
    readonly sent: CloudEventRequest;
    readonly body: string;
    readonly request: Pick<FastifyRequest, 'headers'>;
    readonly readSecret: RouteDeps['readSecret'];
  },
): Promise<string | null> {
  if (secrets.length === 0) return null;
  if (!isStructured) return 'it requires a signature, which covers only events in structured mode';
  if (headers['webhook-id'] !== event.id) return 'the header webhook-id is not the id of the event';
  const names = ['webhook-id', 'webhook-timestamp', 'webhook-signature'];
  const signed = Object.fromEntries(names.map((name) => [name, String(headers[name] ?? '')]));
  let refusal = '';
  for (const ref of secrets) {
    try {
      webhookKey(await readSecret(ref)).verify(body, signed);
      return null;
    } catch (error) {
      refusal = error instanceof Error ? error.message : String(error);
    }
  }
  return `its signature is not valid: ${refusal}`;
}
