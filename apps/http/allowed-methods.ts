import type { FastifyInstance } from 'fastify';

/** The methods that have a route for a path; `undefined` if there is none. */
export type AllowedMethods = (path: string) => readonly string[] | undefined;

/**
 * Collects every route of `app`, to distinguish a wrong method from a wrong path. Call it before
 * the routes are registered.
 */
export function watchMethods(app: FastifyInstance): AllowedMethods {
  const routes: { readonly pattern: RegExp; readonly methods: readonly string[] }[] = [];
  app.addHook('onRoute', ({ method, url }) => {
    routes.push({ pattern: toPattern(url), methods: [method].flat() });
  });
  return (path) => {
    const found = routes
      .filter(({ pattern }) => pattern.test(path))
      .flatMap(({ methods }) => methods);
    return found.length === 0 ? undefined : [...new Set(found)].sort();
  };
}

/** Supports the path syntax of this project: names (`:model`) and one `*` at the end. */
function toPattern(url: string): RegExp {
  const parts = url.split('/').map((part) => {
    if (part === '*') return '.*';
    return part.startsWith(':') ? '[^/]+' : part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
  });
  return new RegExp(`^${parts.join('/')}$`);
}
