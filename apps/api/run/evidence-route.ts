import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import type { Digest } from '../../../domain/artifact';
import { openCaseResults, runEvaluations } from '../language/case-results';
import { caseResultView, runEvaluationView } from '../language/case-result-view';
import { callsToJson, runCalls } from '../language/call-view';
import type { RouteDeps } from '../route-deps';
import { page, pageSchema, problem, runId } from '../fields';
import { trialView } from '../tuning/trial-view';
import { findRun } from './start';
import { readTrials } from './trials';

const params = z.object({ id: runId });
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
const tags = ['runs'];

/** What the stages of a run measured: trials, calls of language models, answers to cases. */
export function runEvidenceRoutes({
  registry,
  artifacts,
  guards: { viewer, operator },
}: RouteDeps): FastifyPluginAsyncZod {
  const readCases = openCaseResults({ registry, artifacts });
  return async (app) => {
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
  };
}
