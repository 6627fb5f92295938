import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { failure } from '../../../domain/failure';
import type { RouteDeps } from '../route-deps';
import { decisionWithEvidence, whatIfView } from './view';
import { document, problem } from '../fields';
import { whatIf } from './what-if';

const id = z
  .string()
  .regex(/^dec_[0-9a-z]{1,64}$/)
  .describe('a decision id: dec_…');
const tags = ['decisions'];

export function decisionRoutes({
  registry,
  heavyWork,
  guards: { viewer },
}: RouteDeps): FastifyPluginAsyncZod {
  return async (app) => {
    app.get(
      '/decisions/:id',
      {
        ...viewer,
        schema: {
          tags,
          summary: 'Show a decision with its policy and evidence',
          params: z.object({ id }),
          response: { 200: decisionWithEvidence, default: problem },
        },
      },
      async ({ caller: { tenant }, params }) => {
        const decision = await registry.decisions.get({ tenant, id: params.id });
        if (!decision)
          throw failure('NotFound', `there is no decision ${params.id}`, {
            next: 'perennial model explain <model> lists its decisions',
          });
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
          summary:
            'Evaluate other gates, or another canary, on the same evidence; nothing is stored',
          body: z.strictObject({
            decision: id,
            gates: z
              .array(z.unknown())
              .min(1)
              .max(50)
              .optional()
              .describe(
                'gates as in a lifecycle of the decision’s kind; for decisions made in evaluate',
              ),
            canary: document
              .optional()
              .describe(
                'a canary as in a lifecycle of the decision’s kind; for decisions made in canary',
              ),
          }),
          response: { 200: whatIfView, 404: problem, default: problem },
        },
      },
      ({ caller, body }) =>
        heavyWork.run(caller, () => whatIf(registry, { tenant: caller.tenant, ...body })),
    );
  };
}
