import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import type { Digest } from '../../../domain/artifact';
import type { RouteDeps } from '../route-deps';
import { auditKey, auditProof, auditReport, auditRow, keyToJson } from './view';
import { page, pageSchema, problem } from '../fields';

const list = page.extend({
  subject: z.string().max(500).optional().describe('such as model:flight-delay or run:run_…'),
  action: z.string().max(100).optional().describe('such as alias.promote'),
});
const verification = z.object({
  from: z
    .string()
    .regex(
      /^\d+:sha256:[0-9a-f]{64}$/,
      'must be <batch>:<digest>, the checkpoint of an earlier report',
    )
    .transform((text) => {
      const [batch = '', ...digest] = text.split(':');
      return { batch: Number(batch), digest: digest.join(':') as Digest };
    })
    .optional()
    .describe('verify only what was sealed after this checkpoint: <batch>:<digest>'),
});
const tags = ['audit'];

export function auditRoutes({
  registry,
  verifyAudit,
  guards: { approver },
}: RouteDeps): FastifyPluginAsyncZod {
  return async (app) => {
    app.get(
      '/audit',
      {
        ...approver,
        schema: {
          tags,
          summary: 'List changes, newest first: who changed what, and why',
          querystring: list,
          response: { 200: pageSchema(auditRow), default: problem },
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
          summary:
            'Find rows that were changed, removed, cut off or rewritten after they were sealed',
          querystring: verification,
          response: { 200: auditReport, default: problem },
        },
      },
      ({ caller: { tenant }, query: { from } }) => verifyAudit({ tenant, from }),
    );

    app.get(
      '/audit/:id/proof',
      {
        ...approver,
        schema: {
          tags,
          summary: 'Prove that a row is in the sealed log, for someone without access to it',
          params: z.object({ id: z.string().max(100) }),
          response: { 200: auditProof, 409: problem, default: problem },
        },
      },
      ({ caller: { tenant }, params: { id } }) => registry.audit.prove({ tenant, id }),
    );

    app.get(
      '/audit/keys',
      {
        ...approver,
        schema: {
          tags,
          summary: 'List the keys that sign the audit log',
          response: { 200: z.object({ items: z.array(auditKey) }), default: problem },
        },
      },
      async ({ caller: { tenant } }) => ({
        items: (await registry.audit.keys(tenant)).map(keyToJson),
      }),
    );
  };
}
