import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import type { LineageNode } from '../../../db/repositories/lineage';
import type { RouteDeps } from '../server';
import { problem } from '../views/fields';
import { lineageView } from '../views/lineage';

const form = /^(source|dataset|run|model|deployment):(.+?)(?:@(\d{1,9}))?$/;

const query = z.strictObject({
  of: z.string().max(2000).regex(form).describe('a node, such as model:flight-delay@7, dataset:flights@3 or run:run_…'),
  direction: z.enum(['upstream', 'downstream']).default('upstream').describe('upstream or downstream'),
});

export function lineageRoutes({ registry, guards: { viewer } }: RouteDeps): FastifyPluginAsyncZod {
  return async (app) => {
    await Promise.resolve();
    app.get(
      '/lineage',
      {
        ...viewer,
        schema: {
          tags: ['lineage'],
          summary: 'What a node came from, or what was made from it',
          querystring: query,
          response: { 200: lineageView, default: problem },
        },
      },
      async ({ caller: { tenant }, query: { of, direction } }) => {
        const node = nodeOf(of);
        return { of: node, edges: await registry.lineage.of({ tenant, node, direction }) };
      },
    );
  };
}

function nodeOf(text: string): LineageNode {
  const [, kind, name = '', version] = form.exec(text) ?? [];
  return { kind: kind as LineageNode['kind'], name, ...(version === undefined ? {} : { version: Number(version) }) };
}
