import type { FastifyInstance, FastifyRequest } from 'fastify';
import { failure } from '../../../domain/failure';
import type { Route } from '../routing/route';
import type { LoadedRoutingTable } from '../routing/routing-table';
import { notLoadedYet } from '../routing/version-picker';

/** The models that an OpenAI client can use: language applications with a champion. */
export function openAiModelRoutes(
  app: FastifyInstance,
  {
    table,
  }: { readonly table: Pick<LoadedRoutingTable, 'models' | 'route' | 'isWanted' | 'isKnown'> },
): void {
  app.get('/v1/models', ({ caller: { tenant } }) => {
    if (!table.isKnown()) throw notLoadedYet('its models');
    const routes = table.models(tenant).map((model) => table.route(tenant, model));
    return {
      object: 'list',
      data: routes
        .filter((route) => route !== undefined && isBundle(route))
        .map((route) => toModelView(route as Route)),
    };
  });
  app.get(
    '/v1/models/:model',
    ({
      caller: { tenant },
      params: { model },
    }: FastifyRequest<{ Params: { readonly model: string } }>) => {
      const route = table.route(tenant, model);
      if (route !== undefined && isBundle(route)) return toModelView(route);
      if (route === undefined && table.isWanted(tenant, model, 'champion'))
        throw notLoadedYet(model);
      throw failure('NotFound', `no language application ${model.slice(0, 100)} has a champion`, {
        next: 'GET /v1/models lists them',
      });
    },
  );
}

function isBundle({ champion }: Route): boolean {
  return champion.served.hold.model.kind === 'bundle';
}

function toModelView({ model, champion }: Route) {
  const { version, digest } = champion.served;
  return { id: model, object: 'model', owned_by: 'perennial', version, digest };
}
