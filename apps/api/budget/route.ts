import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { toParts } from '../../../domain/budget/budget';
import type { RouteDeps } from '../route-deps';
import { budgetChange, budgetList, budgetToJson, budgetView } from './view';
import { problem } from '../fields';

const tags = ['platform'];

export function budgetRoutes({
  registry: { budgets },
  guards: { viewer, admin },
}: RouteDeps): FastifyPluginAsyncZod {
  return async (app) => {
    app.get(
      '/budgets',
      {
        ...viewer,
        schema: {
          tags,
          summary: 'List budgets with their limits and the amounts spent',
          response: { 200: budgetList, default: problem },
        },
      },
      async ({ caller: { tenant } }) => ({
        items: (await budgets.list({ tenant })).map(budgetToJson),
      }),
    );

    app.put(
      '/budgets',
      {
        ...admin,
        schema: {
          tags,
          summary:
            'Create a budget for runs and searches, or change its limit; a new budget applies to stages that start later',
          body: budgetChange,
          response: { 200: budgetView, default: problem },
        },
      },
      async ({ caller: { tenant, name: actor }, body: { scope, unit, limit } }) =>
        budgetToJson(
          await budgets.set({ tenant, actor, scope, unit, limit: toParts(unit, limit) }),
        ),
    );
  };
}
