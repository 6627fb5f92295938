import swagger from '@fastify/swagger';
import swaggerUi from '@fastify/swagger-ui';
import type { FastifyInstance } from 'fastify';
import { jsonSchemaTransform, jsonSchemaTransformObject } from 'fastify-type-provider-zod';
import type { ApiKeyScope } from '../../db/repositories/api-keys';
import { pagePolicy } from '../http/security-headers';

/** In the order of the pages. */
const tags = [
  ...['lifecycles', 'runs', 'schedules', 'models', 'rollouts', 'predictions', 'prompts', 'indexes', 'datasets', 'lineage'],
  ...['decisions', 'audit', 'webhooks', 'api-keys', 'platform'],
];

/** `/openapi.json` and `/docs`, from the routes' own schemas; registered before them. */
export async function describeApi(app: FastifyInstance): Promise<void> {
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'Perennial',
        version: '1',
        description: 'Runs the whole life of a model. Errors are application/problem+json (RFC 9457).',
      },
      tags: tags.map((name) => ({ name })),
      components: { securitySchemes: { apiKey: { type: 'http', scheme: 'bearer', description: 'An API key: pk_…' } } },
    },
    transform: (input) => withScope(jsonSchemaTransform(input), input.route.config),
    transformObject: (input) => withoutUnused(jsonSchemaTransformObject(input)),
  });
  // Without `validatorUrl: null` the page asks an address on the internet to check the document.
  await app.register(swaggerUi, { routePrefix: '/docs', staticCSP: pagePolicy, uiConfig: { validatorUrl: null } });
  app.get('/openapi.json', { schema: { hide: true } }, () => app.swagger());
}

/** Says which scope a key needs: OpenAPI 3.1 lets the requirement of any scheme name roles. */
function withScope<T extends { readonly schema?: unknown }>(transformed: T, config: { readonly scope?: ApiKeyScope } | undefined): T {
  if (config?.scope === undefined) return transformed;
  return { ...transformed, schema: { ...(transformed.schema as object), security: [{ apiKey: [config.scope] }] } };
}

type OpenApiDocument = ReturnType<typeof jsonSchemaTransformObject>;

/** Every named schema comes in two forms, as it is read and as it is written; only those that a route refers to are of use. */
function withoutUnused(document: OpenApiDocument): OpenApiDocument {
  if (!('components' in document)) return document;
  const schemas: Readonly<Record<string, unknown>> = document.components.schemas ?? {};
  const used = new Set<string>();
  const visit = (part: unknown): void => {
    for (const [, name = ''] of JSON.stringify(part).matchAll(/"#\/components\/schemas\/([^"]+)"/g)) {
      if (used.has(name)) continue;
      used.add(name);
      visit(schemas[name]);
    }
  };
  visit(document.paths ?? {});
  const kept = Object.fromEntries(Object.entries(schemas).filter(([name]) => used.has(name)));
  return { ...document, components: { ...document.components, schemas: kept } } as OpenApiDocument;
}
