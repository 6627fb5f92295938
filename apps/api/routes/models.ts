import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import type { RunId, Tenant } from '../../../domain/ids';
import { failure } from '../../../domain/failure';
import type { Registry } from '../../../db/registry';
import type { AliasState } from '../../../db/repositories/aliases';
import { requires } from '../auth';
import { explainVersion, passingDecision } from '../explain';
import { HttpProblem } from '../../http/problem';
import { anything, name, page, pageOf, problem, time, version } from '../schemas';
import type { RouteDeps } from '../server';

const model = z.object({ model: name });
const alias = model.extend({ alias: z.literal('champion') });
const why = z.string().min(1).max(1000);
const idempotent = z.looseObject({ 'idempotency-key': z.string().min(1).max(255).optional() });

export function modelRoutes({ registry, gatewayUrl }: RouteDeps): FastifyPluginAsyncZod {
  const viewer = requires('viewer', registry.apiKeys);
  const operator = requires('operator', registry.apiKeys);
  const approver = requires('approver', registry.apiKeys);
  const tags = ['models'];
  return async (app) => {
    await Promise.resolve();
    app.get(
      '/models',
      { preHandler: viewer, schema: { tags, querystring: page, response: { 200: pageOf(anything), default: problem } } },
      (request) => registry.models.list({ tenant: request.caller.tenant, ...request.query }),
    );

    app.get(
      '/models/:model',
      { preHandler: viewer, schema: { tags, params: model, response: { 200: anything, default: problem } } },
      async (request) => {
        const { tenant } = request.caller;
        const aliases = await registry.aliases.get({ tenant, model: request.params.model });
        const newest = await registry.models.versions({ tenant, model: request.params.model, pageSize: 20 });
        if (newest.items.length === 0) throw noModel(request.params.model);
        const inferUrl = gatewayUrl && aliases.champion ? `${gatewayUrl}/v2/models/${request.params.model}/infer` : null;
        return { name: request.params.model, aliases, versions: newest.items, inferUrl };
      },
    );

    app.get(
      '/models/:model/versions',
      { preHandler: viewer, schema: { tags, params: model, querystring: page, response: { 200: pageOf(anything), default: problem } } },
      (request) => registry.models.versions({ tenant: request.caller.tenant, ...request.params, ...request.query }),
    );

    app.get(
      '/models/:model/versions/:version',
      { preHandler: viewer, schema: { tags, params: model.extend({ version }), response: { 200: anything, default: problem } } },
      async (request) => {
        const found = await registry.models.get({ tenant: request.caller.tenant, ...request.params });
        if (!found) throw failure('NotFound', `no version ${request.params.model}@${request.params.version}`);
        return found;
      },
    );

    app.get(
      '/models/:model/history',
      {
        preHandler: viewer,
        schema: {
          tags,
          params: model,
          querystring: page.extend({ at: time.optional() }),
          response: { 200: pageOf(anything), default: problem },
        },
      },
      (request) => registry.aliases.history({ tenant: request.caller.tenant, ...request.params, ...request.query }),
    );

    app.get(
      '/models/:model/explain',
      {
        preHandler: viewer,
        schema: {
          tags,
          summary: 'Why a version serves',
          params: model,
          querystring: z.object({ version: version.optional() }),
          response: { 200: anything, default: problem },
        },
      },
      async (request) =>
        explainVersion(registry, { tenant: request.caller.tenant, model: request.params.model, version: request.query.version }),
    );

    app.get(
      '/models/:model/aliases/:alias',
      { preHandler: viewer, schema: { tags, params: alias, response: { 200: anything, default: problem } } },
      async (request, reply) => {
        const { champion } = await registry.aliases.get({ tenant: request.caller.tenant, model: request.params.model });
        return reply
          .header('etag', etagOf(champion))
          .send({ model: request.params.model, alias: 'champion', ...(champion ?? { version: null }) });
      },
    );

    app.put(
      '/models/:model/aliases/:alias',
      {
        preHandler: approver,
        schema: {
          tags,
          summary: 'Promote by hand: needs a passing decision and the ETag of what it replaces',
          params: alias,
          headers: idempotent.extend({ 'if-match': z.string().optional() }),
          body: z.strictObject({ version: z.number().int().min(1), reason: why }),
          response: { 200: anything, default: problem },
        },
      },
      async (request, reply) => {
        const { tenant, name: actor } = request.caller;
        const { model: of } = request.params;
        const { version: to, reason } = request.body;
        const expected = await matched(registry, tenant, of, request.headers['if-match']);
        const decision = await passingDecision(registry, { tenant, model: of, version: to });
        const promotion = await registry.aliases.promote({
          tenant,
          model: of,
          version: to,
          expectedChampion: { version: expected?.version ?? null, fencing: expected?.fencing ?? 0 },
          decisionId: decision.id,
          runId: decision.runId as RunId,
          actor,
          cause: reason,
          idempotencyKey: `api/${request.headers['idempotency-key'] ?? randomUUID()}`,
        });
        if (promotion.kind === 'conflict') throw changed(of);
        const { champion } = await registry.aliases.get({ tenant, model: of });
        return reply.header('etag', etagOf(champion)).send({ model: of, alias: 'champion', version: to, fencing: promotion.fencing });
      },
    );

    app.post(
      '/models/:model/rollback',
      {
        preHandler: operator,
        schema: {
          tags,
          params: model,
          headers: idempotent,
          body: z.strictObject({ to: z.number().int().min(1).optional(), reason: why.optional() }).default({}),
          response: { 200: anything, default: problem },
        },
      },
      async (request) => {
        const { tenant, name: actor } = request.caller;
        const { to, reason } = request.body;
        const moved = await registry.aliases.rollback({
          tenant,
          model: request.params.model,
          to,
          actor,
          cause: reason ?? 'rollback by hand',
          idempotencyKey: `api/${request.headers['idempotency-key'] ?? randomUUID()}`,
        });
        const live = await registry.gateways.live();
        return { model: request.params.model, ...moved, gateways: live.map(({ id, url, epoch }) => ({ id, url, epoch })) };
      },
    );
  };
}

/** Strong: an alias state has one fencing number. */
function etagOf(state: AliasState | null): string {
  return `"${state?.fencing ?? 0}"`;
}

async function matched(registry: Registry, tenant: Tenant, of: string, ifMatch: string | undefined): Promise<AliasState | null> {
  if (ifMatch === undefined) {
    throw new HttpProblem(428, 'PreconditionRequired', 'send If-Match with the alias’s ETag', `GET /api/v1/models/${of}/aliases/champion`);
  }
  const { champion } = await registry.aliases.get({ tenant, model: of });
  if (ifMatch !== etagOf(champion)) throw changed(of);
  return champion;
}

function changed(of: string): HttpProblem {
  return new HttpProblem(
    412,
    'PreconditionFailed',
    `the champion of ${of} has changed since you read it`,
    `GET /api/v1/models/${of}/aliases/champion`,
  );
}

function noModel(of: string): Error {
  return failure('NotFound', `no model ${of}`, { next: 'perennial model list' });
}
