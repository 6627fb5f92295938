import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import type { RouteDeps } from '../server';
import { auditReport, auditRow } from '../views/audit';
import { page, pageOf, problem } from '../views/fields';

const list = page.extend({
  subject: z.string().max(500).optional().describe('such as model:flight-delay or run:run_…'),
  action: z.string().max(100).optional().describe('such as alias.promote'),
});
const tags = ['audit'];

export function auditRoutes({ registry, audit, guards: { approver } }: RouteDeps): FastifyPluginAsyncZod {
  return async (app) => {
    await Promise.resolve();
    app.get(
      '/audit',
      {
        ...approver,
        schema: {
          tags,
          summary: 'Who changed what and why, newest first',
          querystring: list,
          response: { 200: pageOf(auditRow), default: problem },
        },
      },
      ({ caller, query }) => registry.audit.list({ tenant: caller.tenant, ...query }),
    );

    app.get(
      '/audit/verify',
      {
        ...approver,
        schema: {
          tags,
          summary: 'Looks for rows that were changed, removed, cut off or rewritten since they were sealed',
          response: { 200: auditReport, default: problem },
        },
      },
      async ({ caller: { tenant } }) =>
        registry.audit.verify({ tenant, publicKeys: audit.publicKeys, storedHeads: await audit.heads.list(tenant) }),
    );
  };
}
