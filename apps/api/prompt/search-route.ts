import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import type { PromptSearchRecord } from '../../../db/prompt/search-repository';
import { failure } from '../../../domain/failure';
import type { Tenant } from '../../../domain/ids';
import { isFinal } from '../../../domain/run/run';
import { searchDocumentSchema } from '../../../domain/prompt-search/search-document.schema';
import { runOfSearch } from '../../../workflows/prompt/search-messages';
import { progressView, searchView, startPromptSearch } from './search';
import type { RouteDeps } from '../route-deps';
import { name, page, pageSchema, problem } from '../fields';
import { toCallsJson, scopeCalls } from '../language/call-view';
import { promptSearchDetail, promptSearchView } from './search-view';
import { promptSearchScope, searchScope } from '../../../domain/budget/run-budget';

const prompt = z.object({ prompt: name });
const id = z
  .string()
  .regex(/^search_[0-9a-z]{1,64}$/)
  .describe('a search id: search_…');
/** Some ten thousand cases with their passages. */
const maxCasesBytes = 32 << 20;
const wish = searchDocumentSchema.extend({
  ref: z
    .string()
    .regex(/^([1-9]\d{0,8}|[a-z][a-z0-9-]{0,62})$/)
    .default('main')
    .describe('version to start from: a number, a branch or a label'),
  cases: z
    .string()
    .min(1)
    .max(maxCasesBytes)
    .describe(
      'NDJSON, one case per line with id, input and expected; held-out cases are chosen from them',
    ),
  fileName: z.string().max(255).default('cases.ndjson').describe('file name for error messages'),
});
const tags = ['prompts'];

/** Searches for better prompts; each is one workflow. */
export function promptSearchRoutes(deps: RouteDeps): FastifyPluginAsyncZod {
  const { registry, searches, guards } = deps;
  const { viewer, operator } = guards;
  return async (app) => {
    app.post(
      '/prompts/:prompt/searches',
      {
        ...operator,
        bodyLimit: maxCasesBytes,
        schema: {
          tags,
          summary:
            'Start a search for a better prompt; the same request continues the same search, also after a failure',
          params: prompt,
          body: wish,
          response: { 202: promptSearchView, default: problem },
        },
      },
      async ({ caller: { tenant, name: actor }, params: { prompt: of }, body }, reply) => {
        const {
          ref,
          cases: text,
          fileName,
          search: spec,
          dimensions,
          model,
          sampling,
          parallel,
        } = body;
        const first = await registry.prompts.resolve({ tenant, prompt: of, ref });
        if (!first)
          throw failure('NotFound', `there is no ${of}@${ref}`, {
            next: `perennial prompt show ${of}`,
          });
        const route = [{ provider: model.provider, model: model.name }, ...model.standby] as const;
        const request = {
          spec,
          dimensions,
          route: [...route] as [(typeof route)[0], ...typeof model.standby],
          sampling,
        };
        const record = await startPromptSearch(deps, {
          tenant,
          actor,
          first,
          cases: { text, fileName },
          request,
          parallel,
        });
        return reply
          .code(202)
          .header('location', `/api/v1/prompts/${of}/searches/${record.id}`)
          .send(searchView(record));
      },
    );

    app.get(
      '/prompts/:prompt/searches',
      {
        ...viewer,
        schema: {
          tags,
          summary: 'List searches, newest first',
          params: prompt,
          querystring: page,
          response: { 200: pageSchema(promptSearchView), default: problem },
        },
      },
      async ({ caller: { tenant }, params: { prompt: of }, query }) => {
        const { items, nextPageToken } = await registry.promptSearches.list({
          tenant,
          prompt: of,
          ...query,
        });
        return { items: items.map(searchView), nextPageToken };
      },
    );

    const findSearch = async (
      tenant: Tenant,
      of: string,
      search: string,
    ): Promise<PromptSearchRecord> => {
      const record = await registry.promptSearches.get({ tenant, id: search });
      if (record?.prompt === of) return record;
      throw failure('NotFound', `${of} has no search ${search}`, {
        next: `perennial prompt searches ${of}`,
      });
    };

    const findRun = (tenant: Tenant, search: string) =>
      registry.runs.get({ tenant, id: runOfSearch(search) });

    app.get(
      '/prompts/:prompt/searches/:id',
      {
        ...viewer,
        schema: {
          tags,
          summary: 'Show the progress or the result of a search',
          params: prompt.extend({ id }),
          response: { 200: promptSearchDetail, default: problem },
        },
      },
      async ({ caller: { tenant }, params: { prompt: of, id: search } }) => {
        const record = await findSearch(tenant, of, search);
        const ofRun = (await findRun(tenant, search))?.workflowId ?? null;
        const view =
          record.status === 'running' ? await searches.view({ tenant, search, ofRun }) : null;
        const temporalUrl = searches.url({ tenant, search, ofRun });
        return {
          ...searchView(record),
          request: record.request,
          progress: progressView(view),
          temporalUrl,
        };
      },
    );

    app.get(
      '/prompts/:prompt/searches/:id/calls',
      {
        ...viewer,
        schema: {
          tags,
          summary:
            'Show the language model requests and their cost; an answer that was paid for earlier is in the report of the search that paid for it',
          params: prompt.extend({ id }),
          response: { 200: scopeCalls, default: problem },
        },
      },
      async ({ caller: { tenant }, params: { prompt: of, id: search } }) => {
        await findSearch(tenant, of, search);
        const run = await findRun(tenant, search);
        const scope = run ? searchScope(run.id) : promptSearchScope(search);
        return toCallsJson(await registry.llmCalls.report({ tenant, scope }));
      },
    );

    app.post(
      '/prompts/:prompt/searches/:id/cancel',
      {
        ...operator,
        schema: {
          tags,
          summary:
            'Cancel a search; its answers stay in the call ledger. A search that belongs to a run is cancelled with the run',
          params: prompt.extend({ id }),
          response: { 202: promptSearchView, default: problem },
        },
      },
      async ({ caller: { tenant, name: actor }, params: { prompt: of, id: search } }, reply) => {
        const record = await findSearch(tenant, of, search);
        const run = await findRun(tenant, search);
        if (record.status === 'running' && run && !isFinal(run.status)) {
          throw failure('Conflict', `${search} is a step of ${run.id} and ends with it`, {
            next: `perennial run cancel ${run.id}`,
          });
        }
        if (record.status === 'running') {
          const cause = 'cancelled by hand';
          await registry.commands.audit({
            tenant,
            actor,
            action: 'prompt.search.cancel',
            subject: `prompt-search:${search}`,
            cause,
          });
          await searches.cancel({ tenant, search });
        }
        return reply.code(202).send(searchView(record));
      },
    );
  };
}
