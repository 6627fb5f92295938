import fastify from 'fastify';
import openapiTS, { astToString, type OpenAPI3, type ResponseObject } from 'openapi-typescript';
import { getGlobalDispatcher } from 'undici';
import type { ApiDeps } from '../apps/api/route-deps';
import { createApi } from '../apps/api/server';

const header = `/* Written by scripts/api-client.ts from the API's OpenAPI document. Do not edit. */\n\n`;

/** TypeScript of every path, query, body and answer that the API describes. */
export async function apiClientTypes(): Promise<string> {
  const app = await createApi(withoutPlatform());
  await app.ready();
  const types = await openapiTS(forClients(app.swagger() as unknown as OpenAPI3), {
    alphabetize: true,
    immutable: true,
  });
  await app.close();
  return header + astToString(types);
}

/** Without the prefix that the client adds, and without errors: each is the one `Problem`. */
function forClients({ paths = {}, ...document }: OpenAPI3): OpenAPI3 {
  const short = Object.entries(paths).map(([path, methods]) => {
    const kept = Object.entries(methods as Methods).map(([method, operation]) => {
      const responses = Object.entries(operation.responses).filter(([status]) => status < '400');
      return [method, { ...operation, responses: Object.fromEntries(responses) }] as const;
    });
    return [path.replace(/^\/api\/v1/, ''), Object.fromEntries(kept)] as const;
  });
  return { ...document, paths: Object.fromEntries(short) };
}

type Methods = Readonly<
  Record<string, { readonly responses: Readonly<Record<string, ResponseObject>> }>
>;

/** Routes are registered and no request is served, so no dependency is used for its result. */
function withoutPlatform(): ApiDeps {
  const anything: unknown = new Proxy(() => undefined, {
    get: (_, name) => (name === 'then' ? undefined : anything),
    apply: () => anything,
  });
  const deps: Record<Exclude<keyof ApiDeps, 'log' | 'requestsPerMinute'>, unknown> = {
    registry: anything,
    artifacts: anything,
    lifecycles: anything,
    schedules: anything,
    indexes: anything,
    searches: anything,
    evaluations: anything,
    trainers: anything,
    prices: anything,
    scratchRoot: '',
    verifyAudit: anything,
    pagesUrl: null,
    gatewayUrl: null,
    pagesDir: null,
    serviceKey: null,
    gatewayDispatcher: getGlobalDispatcher(),
    knownModels: null,
    sources: anything,
    secrets: anything,
    readSecret: anything,
    trustedProxies: [],
    refuseTenantCode: anything,
    commandKeys: anything,
  };
  return { ...(deps as Omit<ApiDeps, 'log'>), log: fastify().log };
}
