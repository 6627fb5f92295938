import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { toParts } from '../../../domain/budget';
import type { RouteDeps } from '../route-deps';
import { budgetChange, budgetList, budgetToJson, budgetView } from '../views/budget';
import { problem } from '../views/fields';

const tags = ['platform'];

export function budgetRoutes({ registry: { budgets }, guards: { viewer, admin } }: RouteDeps): FastifyPluginAsyncZod {
  return async (app) => {
    await Promise.resolve();
    app.get(
      '/budgets',
      { ...viewer, schema: { tags, summary: 'What may be spent, and what was', response: { 200: budgetList, default: problem } } },
      async ({ caller: { tenant } }) => ({ items: (await budgets.list({ tenant })).map(budgetToJson) }),
    );

    app.put(
      '/budgets',
      {
        ...admin,
        schema: {
          tags,
          summary:
            'Make a budget of what runs and searches ask, or change its limit; a first one counts for the stages that begin from now on',
          body: budgetChange,
          response: { 200: budgetView, default: problem },
        },
      },
      async ({ caller: { tenant, name: actor }, body: { scope, unit, limit } }) =>
        budgetToJson(await budgets.set({ tenant, actor, scope, unit, limit: toParts(unit, limit) })),
    );
  };
}
