import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { keyExpiry, defaultKeyDays } from '../../../domain/access/api-key';
import type { TenantLimits } from '../../../domain/access/tenant';
import { failure } from '../../../domain/failure';
import type { Tenant } from '../../../domain/ids';
import { tenantNotFound } from '../../../db/access/tenant-repository';
import { name, page, pageSchema, problem } from '../fields';
import type { RouteDeps } from '../route-deps';
import {
  createdTenant,
  newTenant,
  tenantLimitsChange,
  tenantLimitsView,
  tenantToJson,
  tenantView,
} from './tenant-view';

const params = z.object({ name });
const tags = ['tenants'];

/** Only for administrators of the platform. */
export function tenantRoutes({
  registry: { tenants },
  prices,
  guards: { platformAdmin },
}: RouteDeps): FastifyPluginAsyncZod {
  return async (app) => {
    app.get(
      '/tenants',
      {
        ...platformAdmin,
        schema: {
          tags,
          summary: 'List tenants with their limits, by name',
          querystring: page,
          response: { 200: pageSchema(tenantView), default: problem },
        },
      },
      async ({ query }) => {
        const { items, nextPageToken } = await tenants.list(query);
        return { items: items.map(tenantToJson), nextPageToken };
      },
    );

    app.post(
      '/tenants',
      {
        ...platformAdmin,
        schema: {
          tags,
          summary:
            'Create a tenant and its first admin key; the response is the only place that contains the key',
          body: newTenant,
          response: { 201: createdTenant, default: problem },
        },
      },
      async ({ caller: { name: actor }, body }, reply) => {
        const keyExpiresAt = keyExpiry(Date.now(), defaultKeyDays);
        const { tenant, key } = await tenants.create({
          name: body.name as Tenant,
          actor,
          keyExpiresAt,
        });
        return reply
          .status(201)
          .send({ tenant: tenantToJson(tenant), key: { ...key, expiresAt: keyExpiresAt } });
      },
    );

    for (const [verb, suspended, summary] of [
      ['suspend', true, 'Refuse all keys of a tenant and start no run of it; open runs go on'],
      ['resume', false, 'Accept the keys of a suspended tenant again'],
    ] as const) {
      app.post(
        `/tenants/:name/${verb}`,
        {
          ...platformAdmin,
          schema: { tags, summary, params, response: { 200: tenantView, default: problem } },
        },
        async ({ caller: { name: actor }, params: { name: of } }) =>
          tenantToJson(await tenants.suspend({ name: of as Tenant, suspended, actor })),
      );
    }

    app.get(
      '/tenants/:name/limits',
      {
        ...platformAdmin,
        schema: {
          tags,
          summary: 'Show the limits of a tenant',
          params,
          response: { 200: tenantLimitsView, default: problem },
        },
      },
      async ({ params: { name: of } }) => {
        const tenant = await tenants.get(of as Tenant);
        if (!tenant) throw tenantNotFound(of);
        return tenant.limits;
      },
    );

    app.put(
      '/tenants/:name/limits',
      {
        ...platformAdmin,
        schema: {
          tags,
          summary: 'Change limits of a tenant; open runs and existing lifecycles stay',
          params,
          body: tenantLimitsChange,
          response: { 200: tenantLimitsView, default: problem },
        },
      },
      async ({ caller: { name: actor }, params: { name: of }, body }) => {
        if (typeof body.maxUsd === 'number' && Object.keys(prices).length === 0)
          throw failure('InvalidInput', 'maxUsd: no compute backend has a price', {
            issues: [{ pointer: '/maxUsd', detail: 'no compute backend has a price' }],
            next: 'set PERENNIAL_PRICES_FILE (docs/guides/cost.md), or limit maxCpuHours',
          });
        const limits: Partial<TenantLimits> = Object.fromEntries(
          Object.entries(body).filter(([, value]) => value !== undefined),
        );
        return (await tenants.setLimits({ name: of as Tenant, limits, actor })).limits;
      },
    );
  };
}
