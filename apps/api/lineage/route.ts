import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { failure } from '../../../domain/failure';
import type { LineageKind } from '../../../db/lineage/repository';
import type { RouteDeps } from '../route-deps';
import { page, problem } from '../fields';
import { lineageView } from './view';

const form = /^(source|dataset|run|index|model|deployment):(.+?)(?:@(\d{1,9}))?$/;

const listedBy = {
  source: 'perennial dataset list',
  dataset: 'perennial dataset list',
  run: 'perennial run list',
  index: 'perennial index list',
  model: 'perennial model list',
  deployment: 'perennial model list',
} as const satisfies Record<LineageKind, string>;

const query = page.extend({
  of: z
    .string()
    .max(2000)
    .regex(form)
    .describe(
      'a node, such as deployment:flight-delay, model:flight-delay@7, dataset:flight-delay.flights@3 or run:run_…; without a version, the newest one',
    ),
  direction: z
    .enum(['upstream', 'downstream'])
    .default('upstream')
    .describe('upstream or downstream'),
});

export function lineageRoutes({ registry, guards: { viewer } }: RouteDeps): FastifyPluginAsyncZod {
  return async (app) => {
    app.get(
      '/lineage',
      {
        ...viewer,
        schema: {
          tags: ['lineage'],
          summary: 'List the edges that lead to a node, or away from it, nearest first',
          querystring: query,
          response: { 200: lineageView, 404: problem, default: problem },
        },
      },
      async ({ caller: { tenant }, query: { of, direction, ...page } }) => {
        const parts = parseLineageName(of);
        const node = await registry.lineage.find({ tenant, ...parts });
        if (!node)
          throw failure('NotFound', `${of} has no recorded lineage`, {
            next: listedBy[parts.kind],
          });
        const { items, nextPageToken } = await registry.lineage.page({
          tenant,
          node,
          direction,
          ...page,
        });
        return { of: node, items, nextPageToken };
      },
    );
  };
}

function parseLineageName(text: string): {
  readonly kind: LineageKind;
  readonly name: string;
  readonly version?: number;
} {
  const [, kind, name = '', version] = form.exec(text) ?? [];
  return {
    kind: kind as LineageKind,
    name,
    ...(version === undefined ? {} : { version: Number(version) }),
  };
}
