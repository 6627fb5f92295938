import type { FastifyInstance, FastifyRequest } from 'fastify';
import { failure } from '../../../domain/failure';
import type { Route } from '../route';
import type { RoutingTable } from '../routing-table';

/** What a client of the OpenAI API may name as `model`: the language applications that have a champion. */
export function openAiModelRoutes(app: FastifyInstance, { table }: { readonly table: Pick<RoutingTable, 'models' | 'route'> }): void {
  app.get('/v1/models', ({ caller: { tenant } }) => {
    const routes = table.models(tenant).map((model) => table.route(tenant, model));
    return {
      object: 'list',
      data: routes.filter((route) => route !== undefined && isBundle(route)).map((route) => viewOf(route as Route)),
    };
  });
  app.get('/v1/models/:model', ({ caller: { tenant }, params: { model } }: FastifyRequest<{ Params: { readonly model: string } }>) => {
    const route = table.route(tenant, model);
    if (route !== undefined && isBundle(route)) return viewOf(route);
    throw failure('NotFound', `no language application ${model.slice(0, 100)} has a champion`, { next: 'GET /v1/models lists them' });
  });
}

function isBundle({ champion }: Route): boolean {
  return champion.served.hold.model.kind === 'bundle';
}

function viewOf({ model, champion }: Route) {
  const { version, digest } = champion.served;
  return { id: model, object: 'model', owned_by: 'perennial', version, digest };
}
