import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { failure } from '../../../domain/failure';
import type { RouteDeps } from '../route-deps';
import { decisionWithGrounds, whatIfView } from '../views/decision';
import { document, problem } from '../views/fields';
import { whatIf } from '../what-if';

const id = z
  .string()
  .regex(/^dec_[0-9a-z]{1,64}$/)
  .describe('a decision id: dec_…');
const tags = ['decisions'];

export function decisionRoutes({ registry, heavyWork, guards: { viewer } }: RouteDeps): FastifyPluginAsyncZod {
  return async (app) => {
    await Promise.resolve();
    app.get(
      '/decisions/:id',
      {
        ...viewer,
        schema: {
          tags,
          summary: 'A decision with its policy and evidence',
          params: z.object({ id }),
          response: { 200: decisionWithGrounds, default: problem },
        },
      },
      async ({ caller: { tenant }, params }) => {
        const decision = await registry.decisions.get({ tenant, id: params.id });
        if (!decision)
          throw failure('NotFound', `there is no decision ${params.id}`, { next: 'perennial model explain <model> names its decisions' });
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
        ...viewer,
        schema: {
          tags,
          summary: 'The same evidence under other gates, or another canary; nothing is stored',
          body: z.strictObject({
            decision: id,
            gates: z
              .array(z.unknown())
              .min(1)
              .max(50)
              .optional()
              .describe('gates as a lifecycle of the decision’s kind writes them; of a decision made in evaluate'),
            canary: document.optional().describe('a canary as such a lifecycle writes it; of a decision made in canary'),
          }),
          response: { 200: whatIfView, 404: problem, default: problem },
        },
      },
      ({ caller, body }) => heavyWork.run(caller, () => whatIf(registry, { tenant: caller.tenant, ...body })),
    );
  };
}
