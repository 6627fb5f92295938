import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import { failure } from '../../../domain/failure';
import type { ExpectedChampion } from '../../../db/alias/repository';
import type { Promotion } from '../../../db/alias/records';
import type { AliasState } from '../../../db/alias-register';
import { compareVersions } from './compare';
import { explainVersion } from './explain';
import { HttpProblem } from '../../http/problem';
import type { RouteDeps } from '../route-deps';
import {
  idempotent,
  name,
  page,
  pageSchema,
  problem,
  time,
  version,
  versionNumber,
  why,
} from '../fields';
import {
  aliasMove,
  championView,
  explanation,
  modelSummary,
  modelVersion,
  modelView,
  rolledBack,
  versionComparison,
} from './view';

const model = z.object({ model: name });
const alias = model.extend({ alias: z.literal('champion') });
const pair = z.strictObject({
  versions: z
    .string()
    .regex(/^[1-9]\d{0,8}(,[1-9]\d{0,8}){1,9}$/)
    .describe('2 to 10 versions, separated by commas'),
});
const override = z
  .strictObject({
    reason: why,
    selfApprove: z
      .boolean()
      .default(false)
      .describe('true: an admin who started the run may override; default false'),
  })
  .describe(
    'reason to promote although requirements are not met; for an approver who did not start the run',
  );
const tags = ['models'];

export function modelRoutes({
  registry,
  artifacts,
  lifecycles,
  gatewayUrl,
  guards,
}: RouteDeps): FastifyPluginAsyncZod {
  const { viewer, operator, approver } = guards;
  return async (app) => {
    app.get(
      '/models',
      {
        ...viewer,
        schema: {
          tags,
          summary: 'List models by name',
          querystring: page,
          response: { 200: pageSchema(modelSummary), default: problem },
        },
      },
      ({ caller, query }) => registry.models.list({ tenant: caller.tenant, ...query }),
    );

    app.get(
      '/models/:model',
      {
        ...viewer,
        schema: {
          tags,
          summary: 'Show a model with its aliases',
          params: model,
          response: { 200: modelView, default: problem },
        },
      },
      async ({ caller: { tenant }, params: { model: of } }) => {
        const aliases = await registry.aliases.get({ tenant, model: of });
        const { items } = await registry.models.versions({ tenant, model: of, pageSize: 20 });
        if (items.length === 0) throw noModel(of);
        const path =
          items[0]?.signature.task === 'chat' ? '/v1/chat/completions' : `/v2/models/${of}/infer`;
        const inferUrl = gatewayUrl && aliases.champion ? `${gatewayUrl}${path}` : null;
        return { name: of, aliases, versions: items, inferUrl };
      },
    );

    app.get(
      '/models/:model/versions',
      {
        ...viewer,
        schema: {
          tags,
          summary: 'List the versions of a model, newest first',
          params: model,
          querystring: page,
          response: { 200: pageSchema(modelVersion), default: problem },
        },
      },
      async ({ caller, params, query }) => {
        const versions = await registry.models.versions({
          tenant: caller.tenant,
          ...params,
          ...query,
        });
        if (versions.items.length === 0) throw noModel(params.model);
        return versions;
      },
    );

    app.get(
      '/models/:model/versions/:version',
      {
        ...viewer,
        schema: {
          tags,
          summary: 'Show a model version',
          params: model.extend({ version }),
          response: { 200: modelVersion, default: problem },
        },
      },
      async ({ caller, params }) => {
        const found = await registry.models.get({ tenant: caller.tenant, ...params });
        if (!found)
          throw failure('NotFound', `there is no ${params.model}@${params.version}`, {
            next: `perennial model show ${params.model}`,
          });
        return found;
      },
    );

    app.get(
      '/models/:model/compare',
      {
        ...viewer,
        schema: {
          tags,
          summary: 'Compare versions side by side, with the runs that made them',
          params: model,
          querystring: pair,
          response: { 200: versionComparison, default: problem },
        },
      },
      ({ caller: { tenant }, params: { model: of }, query }) =>
        compareVersions(registry, {
          tenant,
          model: of,
          versions: query.versions.split(',').map(Number),
        }),
    );

    app.get(
      '/models/:model/history',
      {
        ...viewer,
        schema: {
          tags,
          summary: 'List the moves of the champion, newest first; with `at`, those up to that time',
          params: model,
          querystring: page.extend({ at: time.optional() }),
          response: { 200: pageSchema(aliasMove), default: problem },
        },
      },
      async ({ caller: { tenant }, params: { model: of }, query }) => {
        const moves = await registry.aliases.history({ tenant, model: of, ...query });
        if (moves.items.length === 0) {
          const { items } = await registry.models.versions({ tenant, model: of, pageSize: 1 });
          if (items.length === 0) throw noModel(of);
        }
        return moves;
      },
    );

    app.get(
      '/models/:model/explain',
      {
        ...viewer,
        schema: {
          tags,
          summary: 'Explain why a version serves: data, evidence, policy, decision and moves',
          params: model,
          querystring: z.strictObject({ version: version.optional() }),
          response: { 200: explanation, default: problem },
        },
      },
      ({ caller: { tenant }, params: { model: of }, query }) =>
        explainVersion(
          { registry, lifecycles, artifacts },
          { tenant, model: of, version: query.version },
        ),
    );

    app.get(
      '/models/:model/aliases/:alias',
      {
        ...viewer,
        schema: {
          tags,
          summary: 'Show the champion with its ETag',
          params: alias,
          response: { 200: championView, default: problem },
        },
      },
      async ({ caller: { tenant }, params: { model: of } }, reply) => {
        const { champion } = await registry.aliases.get({ tenant, model: of });
        return reply
          .header('etag', formatEtag(champion))
          .send({ model: of, alias: 'champion', ...(champion ?? noChampion) });
      },
    );

    app.put(
      '/models/:model/aliases/:alias',
      {
        ...approver,
        schema: {
          tags,
          summary:
            'Promote a version by hand; it needs all requirements of its revision or an override, and the ETag of the alias',
          params: alias,
          headers: idempotent.extend({
            'if-match': z.string().optional().describe('the ETag of the alias'),
          }),
          body: z.strictObject({
            version: versionNumber,
            reason: why,
            override: override.optional(),
          }),
          response: { 200: championView, 412: problem, 428: problem, default: problem },
        },
      },
      async ({ caller, params: { model: of }, headers, body }, reply) => {
        const { tenant, name: actor } = caller;
        const ifMatch = headers['if-match'];
        if (ifMatch === undefined) {
          throw new HttpProblem(
            428,
            'PreconditionRequired',
            'send If-Match with the ETag of the alias',
            readAlias(of),
          );
        }
        const expectedChampion = parseEtag(ifMatch);
        if (!expectedChampion) throw buildChangedError(of);
        const promotion = await registry.aliases.promote({
          tenant,
          model: of,
          version: body.version,
          expectedChampion,
          // The evidence is read together with the requirements.
          decisionId: null,
          // The move is recorded for the person, because the run usually has ended and may not
          // write.
          runId: null,
          byHand: { caller, override: body.override ?? null },
          actor,
          cause: body.reason,
          idempotencyKey: `api/${headers['idempotency-key'] ?? randomUUID()}`,
        });
        const { version: to } = body;
        if (promotion.kind === 'unmet') throw refusal({ model: of, version: to }, promotion);
        const already =
          promotion.kind === 'unchanged' &&
          expectedChampion.version === to &&
          expectedChampion.fencing === promotion.fencing;
        // Another request promoted the same version first. The caller saw another state, so this
        // request did not move the alias.
        if (
          promotion.kind === 'conflict' ||
          promotion.kind === 'rolloutClosed' ||
          (promotion.kind === 'unchanged' && !already)
        )
          throw buildChangedError(of);
        const { fencing } = promotion;
        const { champion } = await registry.aliases.get({ tenant, model: of });
        // A repeated key gets the first response, also if the champion has changed since.
        const movedAt = champion?.fencing === fencing ? champion.movedAt : null;
        return reply
          .header('etag', formatEtag({ version: to, fencing }))
          .send({ model: of, alias: 'champion', version: to, fencing, movedAt });
      },
    );

    app.post(
      '/models/:model/rollback',
      {
        ...operator,
        schema: {
          tags,
          summary:
            'Make the previous champion, or a named earlier one, the champion again; new requests use it within a second',
          params: model,
          headers: idempotent,
          body: z.strictObject({ to: versionNumber.optional(), reason: why.optional() }),
          response: { 200: rolledBack, default: problem },
        },
      },
      async ({
        caller: { tenant, name: actor },
        params: { model: of },
        headers,
        body: { to, reason },
      }) => {
        const moved = await registry.aliases.rollback({
          tenant,
          model: of,
          to,
          actor,
          cause: reason ?? 'rollback by hand',
          idempotencyKey: `api/${headers['idempotency-key'] ?? randomUUID()}`,
        });
        const live = await registry.gateways.live();
        return {
          model: of,
          ...moved,
          gateways: live.map(({ id, url, epoch }) => ({ id, url, epoch })),
        };
      },
    );
  };
}

const noChampion = { version: null, fencing: 0, movedAt: null };

/**
 * A strong ETag with everything that a promotion compares, so that a repeated request is recognised
 * without another read.
 */
function formatEtag(champion: Pick<AliasState, 'version' | 'fencing'> | null): string {
  return `"${champion?.version ?? 0}.${champion?.fencing ?? 0}"`;
}

/** Null for an ETag that this API did not make, which matches nothing. */
function parseEtag(etag: string): ExpectedChampion | null {
  const [, version, fencing] = /^"(\d{1,10})\.(\d{1,15})"$/.exec(etag) ?? [];
  if (version === undefined || fencing === undefined) return null;
  return { version: version === '0' ? null : Number(version), fencing: Number(fencing) };
}

function buildChangedError(of: string): HttpProblem {
  return new HttpProblem(
    412,
    'PreconditionFailed',
    `the champion of ${of} has changed since you read it`,
    readAlias(of),
  );
}

/** Lists all missing requirements together, with the next steps. */
function refusal(
  { model: of, version: to }: { readonly model: string; readonly version: number },
  { unmet, revision, runId }: Extract<Promotion, { kind: 'unmet' }>,
): Error {
  const count = unmet.length === 1 ? '1 requirement is' : `${unmet.length} requirements are`;
  const [first] = unmet;
  const overriding = `perennial model promote ${of} ${to} --override "<reason>"`;
  return failure(
    'Conflict',
    `${of}@${to} was not promoted: ${count} not met (revision ${revision}, ${runId})`,
    {
      issues: unmet.map(({ code, detail, next }) => ({
        pointer: `/${code}`,
        detail: `${detail}; ${next}`,
      })),
      next: `${first?.next ?? ''}; an approver who did not start ${runId} can override: ${overriding}`,
    },
  );
}

function readAlias(of: string): string {
  return `GET /api/v1/models/${of}/aliases/champion`;
}

export function noModel(of: string): Error {
  return failure('NotFound', `there is no model ${of}`, { next: 'perennial model list' });
}
