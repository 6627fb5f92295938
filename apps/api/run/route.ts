import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { batchStages } from '../../../domain/batch/batch';
import type { LifecycleSpec } from '../../../domain/lifecycle/revision';
import type { RunRecord } from '../../../db/run/repository';
import { runStatuses } from '../../../domain/run/run';
import { listStages } from '../../../domain/lifecycle/stages';
import { compareRuns } from './compare';
import { findLogs } from './logs';
import { findRun } from './start';
import type { RouteDeps } from '../route-deps';
import { name, page, pageSchema, problem, runId } from '../fields';
import { approvalsToJson } from '../overview/view';
import { summaryToJson } from '../rollout/view';
import {
  childToJson,
  runComparison,
  runToJson,
  runView,
  runWithStages,
  sentEventToJson,
  stageToJson,
} from './view';

const params = z.object({ id: runId });
const list = page.extend({ lifecycle: name.optional(), status: z.enum(runStatuses).optional() });
const ids = z.strictObject({
  ids: z
    .string()
    .regex(/^run_[0-9a-z]+(,run_[0-9a-z]+){1,19}$/)
    .describe('2 to 20 run ids, separated by commas'),
});
/** The event of a stream, as OpenAPI describes it by the text of its fields. */
const serverSentEvent = z.object({
  id: z.string().optional(),
  event: z.string(),
  data: z.string().describe('the event as JSON'),
});
const tags = ['runs'];
/** Children and sent events that a run shows. */
const shownRecords = 100;

export function runRoutes({
  registry,
  downloads,
  lifecycles,
  streams,
  guards: { viewer },
}: RouteDeps): FastifyPluginAsyncZod {
  return async (app) => {
    app.get(
      '/runs',
      {
        ...viewer,
        schema: {
          tags,
          summary: 'List runs, newest first',
          querystring: list,
          response: { 200: pageSchema(runView), default: problem },
        },
      },
      async ({ caller, query }) => {
        const { items, nextPageToken } = await registry.runs.list({
          tenant: caller.tenant,
          ...query,
        });
        return { items: items.map((run) => runToJson(run, lifecycles)), nextPageToken };
      },
    );

    app.get(
      '/runs/compare',
      {
        ...viewer,
        schema: {
          tags,
          summary: 'Compare parameters, metrics and times of runs side by side',
          querystring: ids,
          response: { 200: runComparison, 404: problem, default: problem },
        },
      },
      async ({ caller, query }) =>
        compareRuns(
          registry,
          await Promise.all(query.ids.split(',').map((id) => findRun(registry, caller, id))),
        ),
    );

    app.get(
      '/runs/:id',
      {
        ...viewer,
        schema: {
          tags,
          summary: 'Show a run with its stages',
          params,
          response: { 200: runWithStages, default: problem },
        },
      },
      async ({ caller, params: { id } }) => {
        const run = await findRun(registry, caller, id);
        const of = { tenant: run.tenant, runId: run.id };
        const { tenant, lifecycle, revisionDigest: digest } = run;
        const [applied, stages, rollout, sent, children, waiting] = await Promise.all([
          registry.lifecycles.get({ tenant, name: lifecycle, digest }),
          registry.stages.list(of),
          registry.rollouts.ofRun(of),
          registry.sentEvents.ofRun({ ...of, limit: shownRecords }),
          registry.children.ofRun({ ...of, limit: shownRecords }),
          registry.overview.waiting({ ...of, keyId: caller.id }),
        ]);
        return {
          ...runToJson(run, lifecycles),
          stages: stages.map(stageToJson),
          plannedStages: listPlannedStages(run, applied?.spec),
          rollout: rollout && summaryToJson(rollout),
          approvals: waiting.flatMap((each) => approvalsToJson(each, caller)),
          children: children.map(childToJson),
          sentEvents: sent.map(sentEventToJson),
        };
      },
    );

    app.get(
      '/runs/:id/events',
      {
        ...viewer,
        // A HEAD request would open a stream without sending anything.
        exposeHeadRoute: false,
        schema: {
          tags,
          summary:
            'Stream the events of a run (server-sent events); resume with Last-Event-ID; the last event is `end`',
          params,
          headers: z.looseObject({
            'last-event-id': z.string().optional().describe('id of the last event received'),
          }),
          response: {
            200: { content: { 'text/event-stream': { schema: serverSentEvent } } },
            default: problem,
          },
        },
      },
      async (request, reply) => {
        await streams.stream(
          await findRun(registry, request.caller, request.params.id),
          request,
          reply,
        );
        return reply;
      },
    );

    app.get(
      '/runs/:id/logs',
      {
        ...viewer,
        schema: {
          tags,
          summary:
            'Show the output of the ended jobs; with `after`, only what was added behind that cursor',
          params,
          querystring: z.strictObject({
            after: z
              .string()
              .max(100)
              .optional()
              .describe('x-perennial-log-cursor of an earlier answer'),
          }),
          response: {
            200: { content: { 'text/plain': { schema: z.string() } } },
            default: problem,
          },
        },
      },
      async (request, reply) => {
        const { caller, query } = request;
        const run = await findRun(registry, caller, request.params.id);
        const { logs, continues, cursor } = await findLogs({ registry }, run, query.after);
        const text = await downloads.texts(request, reply, logs);
        return reply
          .header('content-type', 'text/plain; charset=utf-8')
          .header('x-perennial-log-cursor', cursor)
          .header('x-perennial-log-continues', String(continues))
          .send(text as unknown as string);
      },
    );
  };
}

/** Those of its lifecycle. A batch prediction has the same ones for every lifecycle. */
function listPlannedStages(
  { request, program }: Pick<RunRecord, 'request' | 'program'>,
  spec: LifecycleSpec | undefined,
): readonly string[] {
  if (request.batch !== undefined) return batchStages;
  return program !== null || spec === undefined ? [] : listStages(spec);
}
