import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { keyExpiry, defaultKeyDays } from '../../../domain/access/api-key';
import { failure } from '../../../domain/failure';
import { platformActor } from '../../../domain/access/tenant';
import type { Tenant } from '../../../domain/ids';
import {
  apiKeyScopes,
  type ApiKeyIdentity,
  isPlatformAdmin,
  type ApiKeyRecord,
} from '../../../db/access/repository';
import { tenantNotFound } from '../../../db/access/tenant-repository';
import { platformAdminsOnly } from '../auth';
import type { RouteDeps } from '../route-deps';
import { keyView, createdKey, rotatedKey } from './view';
import { name as nameField, page, pageSchema, problem, time } from '../fields';

const params = z.object({ id: z.string().min(1).max(100) });
const createKeyBody = z.strictObject({
  name: z
    .string()
    .trim()
    .min(1)
    .max(100)
    .describe('name of the owner or purpose, 1 to 100 characters; the actor in the audit log'),
  scope: z
    .enum(apiKeyScopes)
    .describe('viewer, operator, approver or admin; each includes those before it'),
  expiresAt: time
    .nullable()
    .optional()
    .describe(`expiry time; ${defaultKeyDays} days from now by default, null: never`),
  tenant: nameField
    .optional()
    .describe('tenant of the key, only for administrators of the platform; default: your own'),
});
const overlap = z.strictObject({
  overlapSeconds: z
    .number()
    .int()
    .min(0)
    .max(30 * 86_400)
    .default(3600)
    .describe('seconds that the old key stays valid: 0 to 2592000'),
});
const tags = ['api-keys'];

export function apiKeyRoutes({ registry, guards: { admin } }: RouteDeps): FastifyPluginAsyncZod {
  /** Tenant of the new key, and the actor recorded in that tenant's audit log. */
  async function chooseOwner(caller: ApiKeyIdentity, tenant: Tenant = caller.tenant) {
    if (tenant === caller.tenant) return { tenant, actor: caller.name };
    if (!isPlatformAdmin(caller)) throw platformAdminsOnly(caller);
    if (!(await registry.tenants.get(tenant))) throw tenantNotFound(tenant);
    return { tenant, actor: platformActor(caller.name) };
  }

  return async (app) => {
    app.get(
      '/api-keys',
      {
        ...admin,
        schema: {
          tags,
          summary: 'List API keys, newest first',
          querystring: page,
          response: { 200: pageSchema(keyView), default: problem },
        },
      },
      async ({ caller, query }) => {
        const { items, nextPageToken } = await registry.apiKeys.list({
          tenant: caller.tenant,
          ...query,
        });
        return { items: items.map(toJson), nextPageToken };
      },
    );

    app.post(
      '/api-keys',
      {
        ...admin,
        schema: {
          tags,
          summary: 'Create an API key; the response is the only place that contains it',
          body: createKeyBody,
          response: { 201: createdKey, 404: problem, default: problem },
        },
      },
      async ({ caller, body: { tenant: of, ...body } }, reply) => {
        const owner = await chooseOwner(caller, of as Tenant | undefined);
        const { expiresAt = keyExpiry(Date.now(), defaultKeyDays) } = body;
        if (expiresAt !== null && Date.parse(expiresAt) <= Date.now()) {
          throw failure('InvalidInput', `body: expiresAt ${expiresAt} is in the past`, {
            issues: [{ pointer: '/expiresAt', detail: `expiresAt ${expiresAt} is in the past` }],
          });
        }
        const made = await registry.apiKeys.create({
          ...owner,
          ...body,
          expiresAt: expiresAt ?? undefined,
        });
        return reply.status(201).send({ ...made, expiresAt });
      },
    );

    app.post(
      '/api-keys/:id/revoke',
      {
        ...admin,
        schema: {
          tags,
          summary: 'Revoke an API key',
          params,
          response: { 200: keyView, default: problem },
        },
      },
      async ({ caller: { tenant, name: actor }, params: { id } }) =>
        toJson(await registry.apiKeys.revoke({ tenant, id, actor })),
    );

    app.post(
      '/api-keys/:id/rotate',
      {
        ...admin,
        schema: {
          tags,
          summary:
            'Create a key with the same name, scope and lifetime; the old key expires after the overlap',
          params,
          body: overlap,
          response: { 200: rotatedKey, default: problem },
        },
      },
      ({ caller: { tenant, name: actor }, params: { id }, body }) =>
        registry.apiKeys.rotate({ tenant, id, actor, ...body }),
    );
  };
}

function toJson({
  id,
  name,
  scope,
  createdAt,
  createdBy,
  lastUsedAt,
  expiresAt,
  revokedAt,
}: ApiKeyRecord): z.output<typeof keyView> {
  return { id, name, scope, createdAt, createdBy, lastUsedAt, expiresAt, revokedAt };
}
