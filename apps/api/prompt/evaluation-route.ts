import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { computeDigest } from '../../../data/digest';
import { failure } from '../../../domain/failure';
import type { Tenant } from '../../../domain/ids';
import { invalidInput } from '../../../domain/document/issue-text';
import { readCaseSet } from '../../../domain/language/cases/case-set-document';
import { evaluationScope } from '../../../domain/budget/run-budget';
import { evaluationProblems } from '../../../domain/language/dimension/checks';
import { toCaseReport } from '../../../domain/language/evaluation/report';
import type { CaseResult } from '../../../domain/language/evaluation/result';
import { searchDocumentSchema } from '../../../domain/prompt-search/search-document.schema';
import type { EvaluationState } from '../../temporal-clients/prompt-evaluation-client';
import type { RouteDeps } from '../route-deps';
import { name, problem } from '../fields';
import { toCallsJson, scopeCalls } from '../language/call-view';
import { caseResults, promptEvaluationView, summaryView } from './evaluation-view';

const prompt = z.object({ prompt: name });
const one = prompt.extend({
  id: z
    .string()
    .regex(/^evaluation_[0-9a-z]{1,64}$/)
    .describe('an evaluation id: evaluation_…'),
});
/** Some ten thousand cases with their passages. */
const maxCasesBytes = 32 << 20;
const wish = searchDocumentSchema.omit({ search: true }).extend({
  ref: z
    .string()
    .regex(/^([1-9]\d{0,8}|[a-z][a-z0-9-]{0,62})$/)
    .default('main')
    .describe('a version, a branch or a label'),
  budgetUsd: z
    .number()
    .gt(0)
    .nullable()
    .default(null)
    .describe('budget in US dollars; with a larger budget, the same evaluation continues'),
  cases: z
    .string()
    .min(1)
    .max(maxCasesBytes)
    .describe('NDJSON, one case per line with id, input and expected'),
  fileName: z.string().max(255).default('cases.ndjson').describe('file name for error messages'),
});
const tags = ['prompts'];
/** About a minute of a small embedded model; progress is reported in such pieces. */
const casesPerPiece = 50;

/** Evaluations of prompts on a set of cases; each is one workflow. */
export function promptEvaluationRoutes({
  registry,
  artifacts,
  evaluations,
  guards,
}: RouteDeps): FastifyPluginAsyncZod {
  const { viewer, operator } = guards;
  return async (app) => {
    app.post(
      '/prompts/:prompt/evaluations',
      {
        ...operator,
        bodyLimit: maxCasesBytes,
        schema: {
          tags,
          summary:
            'Evaluate a prompt version on cases; the same request continues the same evaluation and never pays for an answer twice',
          params: prompt,
          body: wish,
          response: { 202: promptEvaluationView, default: problem },
        },
      },
      async ({ caller: { tenant }, params: { prompt: of }, body }, reply) => {
        const {
          ref,
          cases: text,
          fileName,
          dimensions,
          model,
          sampling,
          parallel,
          budgetUsd,
        } = body;
        const version = await registry.prompts.resolve({ tenant, prompt: of, ref });
        if (!version)
          throw failure('NotFound', `there is no ${of}@${ref}`, {
            next: `perennial prompt show ${of}`,
          });
        const { cases, issues } = readCaseSet(text, fileName);
        if (issues.length > 0) throw invalidInput(fileName, issues);
        if (cases.length === 0) throw failure('InvalidInput', `${fileName} has no cases`);
        const [wrong] = evaluationProblems(dimensions, []);
        if (wrong) throw failure('InvalidInput', wrong.detail);
        const later = dimensions.find(
          ({ kind }) => kind === 'judge' || kind === 'retrieval' || kind === 'similarity',
        );
        if (later)
          throw failure(
            'NotInThisVersion',
            `${later.name}, of kind ${later.kind}, cannot be measured for a prompt alone`,
          );
        const ndjson = await artifacts.putBytes({
          tenant,
          bytes: Buffer.from(text),
          mediaType: 'application/x-ndjson',
        });
        const asked = {
          prompt: `${of}@${version.version}`,
          template: await artifacts.putJson({ tenant, value: version.template }),
          cases: ndjson,
          dimensions,
          sampling,
          route: [{ provider: model.provider, model: model.name }, ...model.standby] as const,
        };
        const id = `evaluation_${computeDigest(asked).slice(7, 31)}`;
        const route = [...asked.route] as [(typeof asked.route)[0], ...typeof model.standby];
        await evaluations.start({
          ...asked,
          route,
          tenant,
          evaluation: id,
          count: cases.length,
          parallel,
          budgetUsd,
          casesPerPiece,
        });
        const state = (await evaluations.state({ tenant, evaluation: id })) ?? {
          status: 'running',
          view: null,
        };
        return reply
          .code(202)
          .header('location', `/api/v1/prompts/${of}/evaluations/${id}`)
          .send(toEvaluationView(id, of, state));
      },
    );

    const findEvaluation = async (
      tenant: Tenant,
      of: string,
      id: string,
    ): Promise<EvaluationState> => {
      const state = await evaluations.state({ tenant, evaluation: id });
      if (state) return state;
      throw failure(
        'NotFound',
        `${of} has no evaluation ${id}, or it is past its retention in Temporal`,
        {
          next: 'start it again; answers are reused from the call ledger',
        },
      );
    };

    app.get(
      '/prompts/:prompt/evaluations/:id',
      {
        ...viewer,
        schema: {
          tags,
          summary: 'Show the progress or the result of an evaluation',
          params: one,
          response: { 200: promptEvaluationView, default: problem },
        },
      },
      async ({ caller: { tenant }, params: { prompt: of, id } }) =>
        toEvaluationView(id, of, await findEvaluation(tenant, of, id)),
    );

    app.get(
      '/prompts/:prompt/evaluations/:id/results',
      {
        ...operator,
        schema: {
          tags,
          summary: 'List the answer and the scores of each case',
          params: one,
          response: { 200: caseResults, 409: problem, default: problem },
        },
      },
      async ({ caller: { tenant }, params: { prompt: of, id } }) => {
        const state = await findEvaluation(tenant, of, id);
        if (state.status !== 'done')
          throw failure('Conflict', `${id} is ${state.status} and has no results`);
        return {
          items: (await artifacts.getJson<readonly CaseResult[]>(state.outcome.results)).map(
            toCaseReport,
          ),
        };
      },
    );

    app.get(
      '/prompts/:prompt/evaluations/:id/calls',
      {
        ...viewer,
        schema: {
          tags,
          summary:
            'Show the language model requests and their cost; an answer that was paid for earlier is in the report of the evaluation that paid for it',
          params: one,
          response: { 200: scopeCalls, default: problem },
        },
      },
      async ({ caller: { tenant }, params: { id } }) =>
        toCallsJson(await registry.llmCalls.report({ tenant, scope: evaluationScope(id) })),
    );
  };
}

function toEvaluationView(
  id: string,
  prompt: string,
  state: EvaluationState,
): z.output<typeof promptEvaluationView> {
  const none = {
    id,
    prompt,
    status: state.status,
    cause: null,
    next: null,
    progress: null,
    summary: null,
    results: null,
  };
  switch (state.status) {
    case 'running':
      return { ...none, progress: state.view };
    case 'failed':
      return { ...none, cause: state.cause, next: state.next };
    case 'done':
      return {
        ...none,
        summary: summaryView(state.outcome.summary),
        results: state.outcome.results,
      };
  }
}
