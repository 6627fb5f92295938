/**
 * The pages of apps/web, built into files. Every address of a page gets the same document, whose
 * script shows the page.
 */
import fastifyStatic from '@fastify/static';
import type { FastifyPluginAsync, FastifyReply, FastifyRequest } from 'fastify';
import { existsSync } from 'node:fs';
import { basename, join } from 'node:path';
import { HttpProblem } from '../../http/problem';
import { appPolicy } from '../../http/security-headers';

/** The first part of each page's path. The router of apps/web has the same. */
export const pageFolders = [
  'sign-in',
  'runs',
  'models',
  'data',
  'language',
  'monitoring',
  'operations',
] as const;

const document = 'index.html';

export function pageRoutes({
  pagesDir,
}: {
  /** Null where no pages are served. */
  readonly pagesDir: string | null;
}): FastifyPluginAsync {
  return async (app) => {
    if (pagesDir === null) return;
    await app.register(fastifyStatic, {
      // The folder may be missing, and is then reported by `show`.
      suppressWarning: true,
      root: join(pagesDir, 'assets'),
      prefix: '/assets/',
      index: false,
      preCompressed: true,
      dotfiles: 'deny',
      cacheControl: false,
      setHeaders: (reply, path) => {
        // The document may be sent as `index.html.br`. Every other name has a digest of its content.
        const cached = basename(path).startsWith(document)
          ? 'no-cache'
          : 'public, max-age=31536000, immutable';
        void reply.header('cache-control', cached);
      },
    });
    const show = (_: FastifyRequest, reply: FastifyReply): FastifyReply => {
      if (!existsSync(join(pagesDir, document)))
        throw new HttpProblem(
          503,
          'PagesNotBuilt',
          'the pages are not built on this machine; the API works without them',
          'node bin/provision.mjs builds them',
        );
      return reply.header('content-security-policy', appPolicy).sendFile(document, pagesDir);
    };
    const options = { schema: { hide: true } };
    app.get('/', options, show);
    for (const folder of pageFolders) {
      app.get(`/${folder}`, options, show);
      app.get(`/${folder}/*`, options, show);
    }
  };
}
