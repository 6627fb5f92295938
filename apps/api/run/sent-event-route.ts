import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { valueIssues, withDefaults } from '../../../data/training/params';
import type { RunRecord } from '../../../db/run/repository';
import { invalidInput } from '../../../domain/document/issue-text';
import { nearestHint } from '../../../domain/document/nearest';
import { failure } from '../../../domain/failure';
import { count } from '../../../domain/format';
import { eventRecord } from '../../../domain/run/record-name';
import { stageValueBytes } from '../../../domain/project/stage';
import { waitBriefly } from '../brief-wait';
import { idempotent, readIdempotencyKey, problem, runId } from '../fields';
import type { RouteDeps } from '../route-deps';
import { findRun } from './start';
import { sentEventToJson, sentEventView } from './view';

const sending = z.strictObject({
  event: z.string().min(1).max(63).describe('name of an event that the lifecycle declares'),
  data: z.unknown().describe('JSON that matches the schema of the event, at most 64 KiB'),
});

export function sentEventRoutes({
  registry,
  lifecycles,
  guards,
  log,
}: RouteDeps): FastifyPluginAsyncZod {
  return async (app) => {
    app.post(
      '/runs/:id/events',
      {
        ...guards.operator,
        schema: {
          tags: ['runs'],
          summary: 'Send an event that the run waits for, or will wait for',
          params: z.object({ id: runId }),
          headers: idempotent,
          body: sending,
          response: { 202: sentEventView, default: problem },
        },
      },
      async ({ caller, params: { id }, headers, body, traceId }, reply) => {
        const run = await findRun(registry, caller, id);
        const data = await eventData(registry, run, body);
        const { tenant, id: of, workflowId } = run;
        const sent = await registry.sentEvents.send({
          tenant,
          runId: of,
          event: body.event,
          data,
          actor: caller.name,
          cause: 'requested',
          idempotencyKey: readIdempotencyKey(headers),
        });
        log.info({ runId: of, event: sent.event, eventId: sent.id, traceId }, 'event accepted');
        await waitBriefly(lifecycles.notify(workflowId, eventRecord(sent.event)), (error) =>
          log.warn(
            { err: error, runId: of, traceId },
            'run not notified yet; the sweeper will do it',
          ),
        );
        return reply.status(202).send(sentEventToJson(sent));
      },
    );
  };
}

/** The data with the defaults of its schema. @throws NotFound, InvalidInput */
async function eventData(
  registry: RouteDeps['registry'],
  run: RunRecord,
  { event, data }: z.output<typeof sending>,
): Promise<unknown> {
  const { tenant, lifecycle, revisionDigest: digest } = run;
  const revision = await registry.lifecycles.get({ tenant, name: lifecycle, digest });
  const program = revision && 'program' in revision.spec ? revision.spec.program : undefined;
  const events = program?.events ?? {};
  const schema = Object.hasOwn(events, event) ? events[event] : undefined;
  if (!schema) throw unknownEvent(run, event, Object.keys(events));
  const bytes = Buffer.byteLength(JSON.stringify(data ?? null));
  if (bytes > stageValueBytes)
    throw failure(
      'InvalidInput',
      `the data of event ${event} has ${count(bytes)} bytes of JSON; ` +
        `at most ${count(stageValueBytes)} are allowed`,
      { next: 'store the data elsewhere, and send its address' },
    );
  const issues = valueIssues(schema, data ?? null, 'field').map((issue) => {
    const pointer = `/data${issue.pointer}`;
    const place = pointer.slice(1).replaceAll('/', '.');
    return { ...issue, pointer, detail: `${place}: ${issue.detail}` };
  });
  if (issues.length > 0) throw invalidInput(`event ${event}`, issues);
  return withDefaults(schema, data ?? null);
}

function unknownEvent({ lifecycle, id }: RunRecord, event: string, known: readonly string[]) {
  const hint = nearestHint(event, known);
  const next =
    known.length === 0
      ? 'a project lists events in perennial.config.ts'
      : `the events are ${known.join(', ')}`;
  return failure('NotFound', `${lifecycle} of ${id} has no event ${event}${hint}`, { next });
}
