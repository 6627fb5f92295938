import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { failure } from '../../../domain/failure';
import { diffPrompts } from '../../../domain/prompt/diff';
import { readPromptDocument } from './document';
import type { RouteDeps } from '../route-deps';
import {
  idempotent,
  readIdempotencyKey,
  name,
  page,
  pageSchema,
  problem,
  versionNumber,
  why,
} from '../fields';
import { promptDiff, promptSummary, promptVersion, promptView, promptWritten } from './view';

const prompt = z.object({ prompt: name });
const ref = z
  .string()
  .regex(/^([1-9]\d{0,8}|[a-z][a-z0-9-]{0,62})$/)
  .describe('a version, a branch or a label');
const written = z.strictObject({
  document: z
    .union([z.string().max(1 << 20), z.record(z.string(), z.unknown())])
    .describe('text of a Prompt file, at most 1 MiB, or the same as an object'),
  fileName: z.string().max(255).default('prompt.yaml').describe('file name for error messages'),
  branch: name.default('main'),
  parent: versionNumber
    .optional()
    .describe('version that was edited; refused if the branch has moved since'),
  reason: why.default('written by hand'),
});
const tags = ['prompts'];

export function promptRoutes({ registry, offThread, guards }: RouteDeps): FastifyPluginAsyncZod {
  const { viewer, operator } = guards;
  const { prompts } = registry;
  return async (app) => {
    app.get(
      '/prompts',
      {
        ...viewer,
        schema: {
          tags,
          summary: 'List prompts by name',
          querystring: page,
          response: { 200: pageSchema(promptSummary), default: problem },
        },
      },
      ({ caller: { tenant }, query }) => prompts.list({ tenant, ...query }),
    );

    app.get(
      '/prompts/:prompt',
      {
        ...viewer,
        schema: {
          tags,
          summary: 'Show a prompt with its branches and labels',
          params: prompt,
          response: { 200: promptView, default: problem },
        },
      },
      async ({ caller: { tenant }, params: { prompt: of } }) => {
        const [refs, { items }] = await Promise.all([
          prompts.refs({ tenant, prompt: of }),
          prompts.versions({ tenant, prompt: of, pageSize: 20 }),
        ]);
        if (items.length === 0) throw noPrompt(of);
        return { name: of, refs, versions: items };
      },
    );

    app.put(
      '/prompts/:prompt',
      {
        ...operator,
        schema: {
          tags,
          summary: 'Write a version to a branch; identical content keeps its version',
          params: prompt,
          headers: idempotent,
          body: written,
          response: { 200: promptWritten, default: problem },
        },
      },
      async ({
        caller: { tenant, name: actor },
        params: { prompt: of },
        headers,
        body: { document, fileName, branch, parent, reason },
      }) => {
        const template = await readPromptDocument(offThread, { name: of, document, fileName });
        const stored = await prompts.put({
          tenant,
          prompt: of,
          template,
          branch,
          parent,
          actor,
          cause: reason,
          idempotencyKey: readIdempotencyKey(headers),
        });
        return { prompt: of, branch, ...stored };
      },
    );

    app.get(
      '/prompts/:prompt/versions',
      {
        ...viewer,
        schema: {
          tags,
          summary: 'List the versions of a prompt, newest first',
          params: prompt,
          querystring: page,
          response: { 200: pageSchema(promptVersion), default: problem },
        },
      },
      async ({ caller: { tenant }, params: { prompt: of }, query }) => {
        const versions = await prompts.versions({ tenant, prompt: of, ...query });
        if (versions.items.length === 0) throw noPrompt(of);
        return versions;
      },
    );

    const findVersion = async (of: {
      readonly tenant: Parameters<typeof prompts.resolve>[0]['tenant'];
      readonly prompt: string;
      readonly ref: string;
    }) => {
      const record = await prompts.resolve(of);
      if (record) return record;
      throw failure('NotFound', `there is no ${of.prompt}@${of.ref}`, {
        next: `perennial prompt show ${of.prompt}`,
      });
    };

    app.get(
      '/prompts/:prompt/versions/:ref',
      {
        ...viewer,
        schema: {
          tags,
          summary: 'Show a version by number, branch or label',
          params: prompt.extend({ ref }),
          response: { 200: promptVersion, default: problem },
        },
      },
      ({ caller: { tenant }, params }) => findVersion({ tenant, ...params }),
    );

    app.get(
      '/prompts/:prompt/diff',
      {
        ...viewer,
        schema: {
          tags,
          summary: 'Show the differences between two versions',
          params: prompt,
          querystring: z.strictObject({ from: ref, to: ref }),
          response: { 200: promptDiff, default: problem },
        },
      },
      async ({ caller: { tenant }, params: { prompt: of }, query }) => {
        const [from, to] = await Promise.all(
          [query.from, query.to].map((each) => findVersion({ tenant, prompt: of, ref: each })),
        );
        if (!from || !to) throw noPrompt(of);
        return {
          prompt: of,
          from: from.version,
          to: to.version,
          changes: diffPrompts(from.template, to.template),
        };
      },
    );
  };
}

function noPrompt(of: string): Error {
  return failure('NotFound', `there is no prompt ${of}`, { next: 'perennial prompt list' });
}
