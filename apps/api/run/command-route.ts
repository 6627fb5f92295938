import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import type { ApiKeyIdentity } from '../../../db/access/repository';
import { failure } from '../../../domain/failure';
import { isFinal } from '../../../domain/run/run';
import type { RouteDeps } from '../route-deps';
import { problem, runId, why } from '../fields';
import { command, findRun } from './start';
import { runState, runToJson, runView, stateToJson } from './view';

const params = z.object({ id: runId });
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
const tags = ['runs'];

/** Commands to a run in progress. */
export function runCommandRoutes({
  registry,
  lifecycles,
  guards: { operator, approver },
  log,
}: RouteDeps): FastifyPluginAsyncZod {
  return async (app) => {
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

function commandBy({ tenant, id: keyId }: ApiKeyIdentity) {
  return { tenant, keyId, id: randomUUID() };
}
