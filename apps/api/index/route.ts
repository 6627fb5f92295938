import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import type { IndexVersionRecord } from '../../../db/index/records';
import { failure } from '../../../domain/failure';
import type { Tenant } from '../../../domain/ids';
import type { RouteDeps } from '../route-deps';
import { waitBriefly } from '../brief-wait';
import { idempotent, readIdempotencyKey, page, pageSchema, problem, version, why } from '../fields';
import {
  indexMove,
  indexName,
  indexRetired,
  indexRolledBack,
  indexSummary,
  indexVersion,
  indexView,
} from './view';

const index = z.object({ index: indexName });
const tags = ['indexes'];

export function indexRoutes({
  registry,
  guards,
  indexes: began,
  log,
}: RouteDeps): FastifyPluginAsyncZod {
  const { viewer, operator } = guards;
  const { indexes } = registry;

  /** A build that was terminated or could not be undone leaves its version `building`. */
  async function findEndedBuild(name: {
    readonly tenant: Tenant;
    readonly index: string;
    readonly version: number;
  }): Promise<string | null> {
    const build = await indexes.findBuild(name);
    if (build === null) return null;
    const { tenant, index: of } = name;
    return (await began.status({ tenant, index: of, build }))?.status === 'running' ? null : build;
  }

  return async (app) => {
    app.get(
      '/indexes',
      {
        ...viewer,
        schema: {
          tags,
          summary: 'List indexes by name',
          querystring: page,
          response: { 200: pageSchema(indexSummary), default: problem },
        },
      },
      ({ caller: { tenant }, query }) => indexes.list({ tenant, ...query }),
    );

    app.get(
      '/indexes/:index',
      {
        ...viewer,
        schema: {
          tags,
          summary: 'Show an index with its aliases and versions',
          params: index,
          response: { 200: indexView, default: problem },
        },
      },
      async ({ caller: { tenant }, params: { index: of } }) => {
        const [aliases, { items }, waiting] = await Promise.all([
          indexes.aliases({ tenant, index: of }),
          indexes.versions({ tenant, index: of, pageSize: 20 }),
          began.waiting({ tenant, index: of }),
        ]);
        if (items.length === 0) throw noIndex(of);
        return { name: of, aliases, versions: items.map(toVersionView), waiting };
      },
    );

    app.get(
      '/indexes/:index/versions',
      {
        ...viewer,
        schema: {
          tags,
          summary: 'List the versions of an index, newest first',
          params: index,
          querystring: page,
          response: { 200: pageSchema(indexVersion), default: problem },
        },
      },
      async ({ caller: { tenant }, params: { index: of }, query }) => {
        const { items, ...rest } = await indexes.versions({ tenant, index: of, ...query });
        if (items.length === 0 && query.pageToken === undefined) throw noIndex(of);
        return { ...rest, items: items.map(toVersionView) };
      },
    );

    app.get(
      '/indexes/:index/history',
      {
        ...viewer,
        schema: {
          tags,
          summary: 'List the moves of the champion: when, from which version to which, and by whom',
          params: index,
          querystring: page,
          response: { 200: pageSchema(indexMove), default: problem },
        },
      },
      ({ caller: { tenant }, params: { index: of }, query }) =>
        indexes.history({ tenant, index: of, ...query }),
    );

    app.post(
      '/indexes/:index/rollback',
      {
        ...operator,
        schema: {
          tags,
          summary:
            'Make the previous version, or a named earlier one, the champion again; it includes every change of documents',
          params: index,
          headers: idempotent,
          body: z.strictObject({ to: version.optional(), reason: why.optional() }),
          response: { 200: indexRolledBack, default: problem },
        },
      },
      async ({
        caller: { tenant, name: actor },
        params: { index: of },
        headers,
        body: { to, reason },
      }) => {
        const cause = reason ?? 'rollback by hand';
        const moved = await indexes.rollback({
          tenant,
          index: of,
          to,
          actor,
          cause,
          idempotencyKey: readIdempotencyKey(headers),
        });
        return { index: of, ...moved };
      },
    );

    app.post(
      '/indexes/:index/versions/:version/retire',
      {
        ...operator,
        schema: {
          tags,
          summary:
            'Retire a version and delete its table; refused while an alias or an application uses it',
          params: index.extend({ version }),
          headers: idempotent,
          body: z.strictObject({ reason: why.optional() }),
          response: { 202: indexRetired, default: problem },
        },
      },
      async (
        {
          caller: { tenant, name: actor },
          params,
          headers,
          body: { reason: cause = 'retired by hand' },
        },
        reply,
      ) => {
        const { index: of, version: number } = params;
        const endedBuild = await findEndedBuild({ tenant, index: of, version: number });
        const asked = {
          tenant,
          index: of,
          version: number,
          actor,
          cause,
          idempotencyKey: readIdempotencyKey(headers),
        };
        const retired = await indexes.retire({ ...asked, endedBuild });
        await waitBriefly(
          began.retired({ tenant, index: of, version: number, actor, cause }),
          (error) =>
            log.warn(
              { err: error, index: of, version: number },
              'its table is not deleted yet; the sweeper will do it',
            ),
        );
        return reply.code(202).send({ index: of, ...retired });
      },
    );
  };
}

function noIndex(of: string): Error {
  return failure('NotFound', `there is no index ${of}`, { next: 'perennial index list' });
}

/** The location of the table is internal to the registry and its readers. */
function toVersionView({ tableVersion: _tableVersion, ...record }: IndexVersionRecord) {
  return record;
}
