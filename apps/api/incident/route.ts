import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { failure } from '../../../domain/failure';
import { incidentStatuses, type Incident } from '../../../domain/incident/incident';
import { linkIncident } from '../../../domain/incident/link';
import { name, page, pageSchema, problem, why } from '../fields';
import type { RouteDeps } from '../route-deps';
import { incidentView } from './view';

const tags = ['incidents'];
const id = z
  .string()
  .regex(/^inc_[0-9a-z]{1,64}$/)
  .describe('an incident id: inc_…');
const params = z.object({ id });
const query = page.extend({
  model: name.optional().describe('only incidents of this model'),
  status: z.enum(incidentStatuses).optional().describe('only incidents with this status'),
});
const body = z.strictObject({ reason: why });

export function incidentRoutes({ registry, guards, pagesUrl }: RouteDeps): FastifyPluginAsyncZod {
  const { viewer, operator } = guards;
  const addLink = (incident: Incident) => linkIncident(incident, pagesUrl);
  return async (app) => {
    app.get(
      '/incidents',
      {
        ...viewer,
        schema: {
          tags,
          summary: 'List incidents, newest first',
          querystring: query,
          response: { 200: pageSchema(incidentView), default: problem },
        },
      },
      async ({ caller: { tenant }, query: asked }) => {
        const { items, nextPageToken } = await registry.incidents.list({ tenant, ...asked });
        return { items: items.map(addLink), nextPageToken };
      },
    );

    app.get(
      '/incidents/:id',
      {
        ...viewer,
        schema: {
          tags,
          summary: 'Show an incident with its story',
          params,
          response: { 200: incidentView, default: problem },
        },
      },
      async ({ caller: { tenant }, params: { id: of } }) => {
        const incident = await registry.incidents.get({ tenant, id: of });
        if (!incident)
          throw failure('NotFound', `there is no incident ${of}`, {
            next: 'perennial incident list',
          });
        return addLink(incident);
      },
    );

    app.post(
      '/incidents/:id/acknowledge',
      {
        ...operator,
        schema: {
          tags,
          summary: 'Acknowledge an incident, which stops its escalation',
          params,
          body,
          response: { 200: incidentView, default: problem },
        },
      },
      async ({ caller: { tenant, name: actor }, params: { id: of }, body: { reason } }) =>
        addLink(await registry.incidents.acknowledge({ tenant, id: of, actor, reason })),
    );

    app.post(
      '/incidents/:id/resolve',
      {
        ...operator,
        schema: {
          tags,
          summary: 'Resolve an incident',
          params,
          body,
          response: { 200: incidentView, default: problem },
        },
      },
      async ({ caller: { tenant, name: actor }, params: { id: of }, body: { reason } }) =>
        addLink(await registry.incidents.resolveById({ tenant, id: of, actor, reason })),
    );
  };
}
