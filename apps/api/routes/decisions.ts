import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { failure } from '../../../domain/failure';
import { requires } from '../auth';
import { anything, problem } from '../schemas';
import type { RouteDeps } from '../server';
import { whatIf } from '../what-if';

export function decisionRoutes({ registry }: RouteDeps): FastifyPluginAsyncZod {
  const viewer = requires('viewer', registry.apiKeys);
  const tags = ['decisions'];
  return async (app) => {
    await Promise.resolve();
    app.get(
      '/decisions/:id',
      { preHandler: viewer, schema: { tags, params: z.object({ id: z.string() }), response: { 200: anything, default: problem } } },
      async (request) => {
        const { tenant } = request.caller;
        const decision = await registry.decisions.get({ tenant, id: request.params.id });
        if (!decision) throw failure('NotFound', `no decision ${request.params.id}`);
        const [policyBody, evidenceBody] = await Promise.all([
          registry.evidence.get({ tenant, kind: 'policy', digest: decision.policy }),
          registry.evidence.get({ tenant, kind: 'evidence', digest: decision.evidence }),
        ]);
        return { ...decision, policyBody, evidenceBody };
      },
    );
    app.post(
      '/policies/what-if',
      {
        preHandler: viewer,
        schema: {
          tags,
          summary: 'The same evidence under other gates',
          body: z.strictObject({ decision: z.string(), gates: z.array(z.looseObject({ name: z.string() })).min(1) }),
          response: { 200: anything, default: problem },
        },
      },
      (request) => whatIf(registry, { tenant: request.caller.tenant, ...request.body }),
    );
  };
}
