import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import type { ExpectedRef } from '../../../db/prompt/repository';
import { failure } from '../../../domain/failure';
import { HttpProblem } from '../../http/problem';
import type { RouteDeps } from '../route-deps';
import {
  idempotent,
  readIdempotencyKey,
  name,
  page,
  pageSchema,
  problem,
  version,
  versionNumber,
  why,
} from '../fields';
import { promptLabel, promptMove, promptRolledBack } from './view';

const prompt = z.object({ prompt: name });
const label = prompt.extend({ label: name });
const tags = ['prompts'];

/**
 * Approvals and labels of prompt versions. Serving uses labels, so moving one back needs no new
 * version and no restart.
 */
export function promptLabelRoutes({ registry, guards }: RouteDeps): FastifyPluginAsyncZod {
  const { viewer, operator, approver } = guards;
  const { prompts } = registry;
  return async (app) => {
    app.get(
      '/prompts/:prompt/history',
      {
        ...viewer,
        schema: {
          tags,
          summary: 'List the moves of branches and labels, newest first',
          params: prompt,
          querystring: page.extend({ ref: name.optional() }),
          response: { 200: pageSchema(promptMove), default: problem },
        },
      },
      async ({ caller: { tenant }, params: { prompt: of }, query }) => {
        const moves = await prompts.history({ tenant, prompt: of, ...query });
        // Every stored prompt has a branch, so a prompt without one does not exist.
        if (moves.items.length === 0 && (await prompts.refs({ tenant, prompt: of })).length === 0) {
          throw failure('NotFound', `there is no prompt ${of}`, { next: 'perennial prompt list' });
        }
        return moves;
      },
    );

    app.post(
      '/prompts/:prompt/versions/:version/approve',
      {
        ...approver,
        schema: {
          tags,
          summary:
            'Approve a version, which the label production requires; not allowed for its author',
          params: prompt.extend({ version }),
          headers: idempotent,
          body: z.strictObject({
            reason: why,
            selfApprove: z
              .boolean()
              .default(false)
              .describe('true: an admin approves their own version; default false'),
          }),
          response: {
            200: z.object({ prompt: z.string(), version: z.number(), approvals: z.number() }),
            default: problem,
          },
        },
      },
      async ({
        caller: { tenant, name: actor, scope },
        params: { prompt: of, version: approved },
        headers,
        body: { reason, selfApprove },
      }) => {
        const given = {
          tenant,
          prompt: of,
          version: approved,
          selfApprove: selfApprove && scope === 'admin',
          actor,
          cause: reason,
          idempotencyKey: readIdempotencyKey(headers),
        };
        return { prompt: of, version: approved, ...(await prompts.approve(given)) };
      },
    );

    const findPosition = async (of: Parameters<typeof prompts.refs>[0], at: string) =>
      (await prompts.refs(of)).find((each) => each.kind === 'label' && each.ref === at) ?? null;

    app.get(
      '/prompts/:prompt/labels/:label',
      {
        ...viewer,
        schema: {
          tags,
          summary: 'Show the version of a label, with its ETag',
          params: label,
          response: { 200: promptLabel, default: problem },
        },
      },
      async ({ caller: { tenant }, params: { prompt: of, label: at } }, reply) => {
        const now = await findPosition({ tenant, prompt: of }, at);
        const { version: current, fencing } = now ?? { version: null, fencing: 0 };
        return reply
          .header('etag', formatEtag({ version: current, fencing }))
          .send({ prompt: of, label: at, version: current, fencing });
      },
    );

    app.put(
      '/prompts/:prompt/labels/:label',
      {
        ...operator,
        schema: {
          tags,
          summary: 'Point a label at a version; needs the ETag of the label',
          params: label,
          headers: idempotent.extend({
            'if-match': z.string().optional().describe('the ETag of the label'),
          }),
          body: z.strictObject({ version: versionNumber, reason: why }),
          response: { 200: promptLabel, 412: problem, 428: problem, default: problem },
        },
      },
      async (
        { caller: { tenant, name: actor }, params: { prompt: of, label: at }, headers, body },
        reply,
      ) => {
        const read = `GET /api/v1/prompts/${of}/labels/${at}`;
        const ifMatch = headers['if-match'];
        if (ifMatch === undefined)
          throw new HttpProblem(
            428,
            'PreconditionRequired',
            'send If-Match with the ETag of the label',
            read,
          );
        const changed = new HttpProblem(
          412,
          'PreconditionFailed',
          `${of}@${at} has moved since you read it`,
          read,
        );
        const expected = parseEtag(ifMatch);
        if (!expected) throw changed;
        const key = readIdempotencyKey(headers);
        const to = body.version;
        const moved = await prompts.label({
          tenant,
          prompt: of,
          label: at,
          version: to,
          expected,
          actor,
          cause: body.reason,
          idempotencyKey: key,
        });
        if (moved.kind === 'conflict') throw changed;
        return reply
          .header('etag', formatEtag({ version: to, fencing: moved.fencing }))
          .send({ prompt: of, label: at, version: to, fencing: moved.fencing });
      },
    );

    app.post(
      '/prompts/:prompt/labels/:label/rollback',
      {
        ...operator,
        schema: {
          tags,
          summary: 'Point a label at its previous version, or at a named earlier one',
          params: label,
          headers: idempotent,
          body: z.strictObject({ to: versionNumber.optional(), reason: why.optional() }),
          response: { 200: promptRolledBack, default: problem },
        },
      },
      async ({
        caller: { tenant, name: actor },
        params: { prompt: of, label: at },
        headers,
        body: { to, reason },
      }) => {
        const cause = reason ?? 'rollback by hand';
        const moved = await prompts.rollback({
          tenant,
          prompt: of,
          label: at,
          to,
          actor,
          cause,
          idempotencyKey: readIdempotencyKey(headers),
        });
        return { prompt: of, label: at, ...moved };
      },
    );
  };
}

function formatEtag({ version: of, fencing }: ExpectedRef): string {
  return `"${of ?? 0}.${fencing}"`;
}

/** Null for an ETag that this API did not make, which matches nothing. */
function parseEtag(etag: string): ExpectedRef | null {
  const [, of, fencing] = /^"(\d{1,10})\.(\d{1,15})"$/.exec(etag) ?? [];
  if (of === undefined || fencing === undefined) return null;
  return { version: of === '0' ? null : Number(of), fencing: Number(fencing) };
}
