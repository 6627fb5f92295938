import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import type { ApiKeyIdentity } from '../../../db/access/repository';
import type { Digest } from '../../../domain/artifact';
import { batchStages } from '../../../domain/batch/batch';
import type { LifecycleSpec } from '../../../domain/lifecycle/revision';
import { failure } from '../../../domain/failure';
import type { RunRecord } from '../../../db/run/repository';
import { isFinal, runStatuses } from '../../../domain/run/run';
import { listStages } from '../../../domain/lifecycle/stages';
import { rerunRequestSchema } from '../../../domain/run/request.schema';
import { computeDigest } from '../../../data/digest';
import { openCaseResults, runEvaluations } from '../language/case-results';
import { compareRuns } from './compare';
import { findLogs } from './logs';
import { planRerun } from './rerun';
import { command, findRun, startRun } from './start';
import { readTrials } from './trials';
import type { RouteDeps } from '../route-deps';
import { caseResultView, runEvaluationView } from '../language/case-result-view';
import { callsToJson, runCalls } from '../language/call-view';
import { idempotent, name, page, pageSchema, problem, runId, why } from '../fields';
import { approvalsToJson } from '../overview/view';
import { summaryToJson } from '../rollout/view';
import {
  childToJson,
  rerunPlan,
  runComparison,
  runState,
  runToJson,
  runView,
  runWithStages,
  sentEventToJson,
  stageToJson,
  stateToJson,
} from './view';
import { trialView } from '../tuning/trial-view';

const params = z.object({ id: runId });
const list = page.extend({ lifecycle: name.optional(), status: z.enum(runStatuses).optional() });
const ids = z.strictObject({
  ids: z
    .string()
    .regex(/^run_[0-9a-z]+(,run_[0-9a-z]+){1,19}$/)
    .describe('2 to 20 run ids, separated by commas'),
});
const reasoned = z.strictObject({ reason: why.optional() });
const vote = z.strictObject({
  comment: why.optional(),
  stage: z
    .string()
    .regex(/^[A-Za-z][A-Za-z0-9_-]{0,99}$/)
    .optional()
    .describe(
      'stage whose approval the voter has seen, such as approve-2; default the one that waits now',
    ),
});
const asked = params.extend({
  digest: z
    .string()
    .regex(/^sha256:[0-9a-f]{64}$/)
    .transform((digest) => digest as Digest)
    .describe('digest of the results, from the list of evaluations'),
});
const someCases = page.extend({
  failed: z
    .enum(['true', 'false'])
    .default('false')
    .transform((text) => text === 'true')
    .describe('true: only cases without an answer, not measured, or below passAt'),
  dimension: z.string().min(1).max(100).optional().describe('id of one case'),
  passAt: z.coerce.number().min(0).max(1).default(1).describe('lowest score that passes'),
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
  artifacts,
  downloads,
  lifecycles,
  trainers,
  streams,
  guards,
  log,
}: RouteDeps): FastifyPluginAsyncZod {
  const { viewer, operator, approver } = guards;
  const readCases = openCaseResults({ registry, artifacts });
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

    app.get(
      '/runs/:id/trials',
      {
        ...viewer,
        schema: {
          tags,
          summary: 'List the trials of the tuning study by number',
          params,
          querystring: page,
          response: { 200: pageSchema(trialView), default: problem },
        },
      },
      async ({ caller, params: { id }, query }) =>
        readTrials(registry, await findRun(registry, caller, id), query),
    );

    app.get(
      '/runs/:id/calls',
      {
        ...viewer,
        schema: {
          tags,
          summary:
            'Show the language model requests of each stage and their cost; an answer that was paid for earlier is in the report of the run that paid for it',
          params,
          response: { 200: runCalls, default: problem },
        },
      },
      async ({ caller, params: { id } }) => {
        const { tenant } = await findRun(registry, caller, id);
        const reports = await registry.llmCalls.reportsBelow({ tenant, scope: `run/${id}` });
        return { stages: reports.map(callsToJson) };
      },
    );

    app.get(
      '/runs/:id/evaluations',
      {
        ...viewer,
        schema: {
          tags,
          summary: 'List the stages and arms that have answers to the cases',
          params,
          response: {
            200: z.object({ items: z.array(runEvaluationView).readonly() }),
            default: problem,
          },
        },
      },
      async ({ caller, params: { id } }) => ({
        items: await runEvaluations(registry, await findRun(registry, caller, id)),
      }),
    );

    // An answer may quote a document or a caller, so reading evidence needs a higher scope, as the
    // results of a prompt evaluation do.
    app.get(
      '/runs/:id/evaluations/:digest/cases',
      {
        ...operator,
        schema: {
          tags,
          summary: 'List the answer and the scores of each case, in case order',
          params: asked,
          querystring: someCases,
          response: { 200: pageSchema(caseResultView), default: problem },
        },
      },
      async ({ caller, params: { id, digest }, query }) =>
        readCases(await findRun(registry, caller, id), { digest, ...query }),
    );

    app.post(
      '/runs/:id/cancel',
      {
        ...operator,
        schema: {
          tags,
          summary: 'Cancel a run and undo its effects',
          params,
          body: reasoned,
          response: { 202: runView, default: problem },
        },
      },
      async ({ caller, params: { id }, traceId, body }, reply) => {
        const run = await findRun(registry, caller, id);
        if (isFinal(run.status) && run.status !== 'cancelled')
          throw failure('Conflict', `${id} has already ended (status: ${run.status})`, {
            next: `perennial run show ${id}`,
          });
        if (!isFinal(run.status)) {
          log.info(
            { runId: id, traceId, actor: caller.name, reason: body.reason },
            'run cancelled',
          );
          // The record comes first, because Temporal does not pass on who cancelled.
          await registry.commands.audit({
            tenant: run.tenant,
            actor: caller.name,
            action: 'run.cancel',
            subject: `run:${id}`,
            cause: body.reason ?? 'cancelled by hand',
          });
          await command(lifecycles, run, (workflowId) => lifecycles.cancel(workflowId));
        }
        return reply.status(202).send(runToJson(await findRun(registry, caller, id), lifecycles));
      },
    );

    for (const [verb, summary] of [
      ['pause', 'Pause a run before its next stage'],
      ['resume', 'Resume a paused run'],
    ] as const) {
      app.post(
        `/runs/:id/${verb}`,
        {
          ...operator,
          schema: {
            tags,
            summary,
            params,
            body: reasoned,
            response: { 200: runState, default: problem },
          },
        },
        async ({ caller, params: { id }, body }) => {
          const run = await findRun(registry, caller, id);
          return stateToJson(
            await command(lifecycles, run, (workflowId) =>
              lifecycles[verb](workflowId, { ...commandBy(caller), ...body }),
            ),
          );
        },
      );
    }

    for (const [verb, summary] of [
      ['approve', 'Approve a run that waits for approval'],
      ['reject', 'Reject a run that waits for approval'],
    ] as const) {
      app.post(
        `/runs/:id/${verb}`,
        {
          ...approver,
          schema: {
            tags,
            summary,
            params,
            body: vote,
            response: { 200: runState, default: problem },
          },
        },
        async ({ caller, params: { id }, body: { comment: reason, stage } }) => {
          const run = await findRun(registry, caller, id);
          return stateToJson(
            await command(lifecycles, run, async (workflowId) =>
              lifecycles[verb](workflowId, {
                ...commandBy(caller),
                reason,
                stage: stage ?? (await openBallot(lifecycles, workflowId)),
              }),
            ),
          );
        },
      );
    }

    app.post(
      '/runs/:id/rerun/plan',
      {
        ...viewer,
        schema: {
          tags,
          summary: 'Show what a rerun would change, reuse and run; nothing is started',
          params,
          body: rerunRequestSchema,
          response: { 200: rerunPlan, default: problem },
        },
      },
      async ({ caller, params: { id }, body }) => {
        const planned = await planRerun(
          { registry, trainers },
          await findRun(registry, caller, id),
          body,
        );
        const { revision, request, rerunOf, stages } = planned;
        return {
          revision: revision.revision,
          digest: revision.digest,
          request: { ...request },
          rerunOf,
          stages,
        };
      },
    );

    app.post(
      '/runs/:id/rerun',
      {
        ...operator,
        schema: {
          tags,
          summary: 'Start a new run that reuses the earlier stages of this one',
          params,
          headers: idempotent,
          body: rerunRequestSchema,
          response: { 202: runView, default: problem },
        },
      },
      async (request, reply) => {
        const { tenant, name: actor } = request.caller;
        const original = await findRun(registry, request.caller, request.params.id);
        const planned = await planRerun({ registry, trainers }, original, request.body);
        const run = await startRun(
          { registry, lifecycles, log },
          {
            tenant,
            lifecycle: original.lifecycle,
            revisionDigest: planned.revision.digest,
            request: planned.request,
            rerunOf: planned.rerunOf,
            actor,
            traceId: request.traceId,
            idempotencyKey: request.headers['idempotency-key'],
            requestDigest: computeDigest({ rerun: original.id, body: request.body }),
          },
        );
        return reply
          .status(202)
          .header('location', `/api/v1/runs/${run.id}`)
          .send(runToJson(run, lifecycles));
      },
    );
  };
}

/**
 * The ballot that is open when the vote arrives, so that the vote counts for no later one.
 * Undefined for a run on an older build of its project.
 * @throws Conflict when the run waits for no vote.
 */
async function openBallot(
  lifecycles: RouteDeps['lifecycles'],
  workflowId: string,
): Promise<string | undefined> {
  const { ballot } = await lifecycles.state(workflowId);
  if (ballot === null)
    throw failure('Conflict', 'this run is not waiting for an approval', {
      next: 'perennial run show <run>',
    });
  return ballot;
}

/** Those of its lifecycle. A batch prediction has the same ones for every lifecycle. */
function listPlannedStages(
  { request, program }: Pick<RunRecord, 'request' | 'program'>,
  spec: LifecycleSpec | undefined,
): readonly string[] {
  if (request.batch !== undefined) return batchStages;
  return program !== null || spec === undefined ? [] : listStages(spec);
}

function commandBy({ tenant, id: keyId }: ApiKeyIdentity) {
  return { tenant, keyId, id: randomUUID() };
}
