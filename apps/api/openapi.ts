import swagger from '@fastify/swagger';
import swaggerUi from '@fastify/swagger-ui';
import type { FastifyInstance } from 'fastify';
import { jsonSchemaTransform, jsonSchemaTransformObject } from 'fastify-type-provider-zod';
import type { ApiKeyScope } from '../../db/access/repository';
import type { z } from 'zod';
import { findTitle } from '../http/problem';
import { pagePolicy } from '../http/security-headers';

/** Tags in the order of the documentation pages. */
const tags = [
  ...[
    'lifecycles',
    'projects',
    'runs',
    'events',
    'schedules',
    'models',
    'experiments',
    'rollouts',
    'monitors',
    'predictions',
    'prompts',
    'indexes',
    'datasets',
    'lineage',
  ],
  ...['decisions', 'audit', 'incidents', 'webhooks', 'api-keys', 'tenants', 'platform'],
];

/** Serves `/openapi.json` and `/docs` from the schemas of the routes. Register it before them. */
export async function describeApi(app: FastifyInstance): Promise<void> {
  const optionalBodies = new Set<string>();
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'Perennial',
        version: '1',
        description:
          'Train, evaluate, release and serve models. Errors are application/problem+json (RFC 9457).',
      },
      tags: tags.map((name) => ({ name })),
      components: {
        securitySchemes: {
          apiKey: { type: 'http', scheme: 'bearer', description: 'An API key: pk_…' },
        },
      },
    },
    transform: (input) => {
      const body = (input.schema as { readonly body?: z.ZodType } | undefined)?.body;
      // A missing body counts as `{}`.
      if (body?.safeParse({}).success === true)
        optionalBodies.add(nameOperation(input.route.method, input.url));
      const { config } = input.route;
      return withErrors(
        withUpload(withScope(jsonSchemaTransform(input), config), config),
        input.route,
      );
    },
    transformObject: (input) =>
      withOptionalBodies(withoutUnused(jsonSchemaTransformObject(input)), optionalBodies),
  });
  // Without `validatorUrl: null`, the page sends the document to a service on the internet.
  await app.register(swaggerUi, {
    routePrefix: '/docs',
    staticCSP: pagePolicy,
    uiConfig: { validatorUrl: null },
  });
  let document: string | null = null;
  app.get('/openapi.json', { schema: { hide: true } }, (_request, reply) =>
    reply
      .header('content-type', 'application/json; charset=utf-8')
      .send((document ??= JSON.stringify(app.swagger()))),
  );
}

/** Documents the scope that a key needs. OpenAPI 3.1 allows roles in any security requirement. */
function withScope<T extends { readonly schema?: unknown }>(
  transformed: T,
  config: { readonly scope?: ApiKeyScope } | undefined,
): T {
  if (config?.scope === undefined) return transformed;
  return {
    ...transformed,
    schema: { ...(transformed.schema as object), security: [{ apiKey: [config.scope] }] },
  };
}

/** Documents the body of a route that takes a file. */
function withUpload<T extends { readonly schema?: unknown }>(
  transformed: T,
  config: { readonly uploadType?: string } | undefined,
): T {
  if (config?.uploadType === undefined) return transformed;
  const file = { schema: { type: 'string', format: 'binary' } };
  const body = { content: { [config.uploadType]: file } };
  return { ...transformed, schema: { ...(transformed.schema as object), body } };
}

/** Error statuses by their possible causes. */
const errorsOf = {
  every: [400, 414, 422, 429, 431, 500, 503],
  scope: [401, 403],
  /** An object in the path may be missing or damaged in the artifact store. */
  params: [404, 410, 502],
  body: [413, 415],
  /** Every change may conflict with the current state. */
  change: [409],
} as const;

interface DescribedRoute {
  readonly method: string | readonly string[];
  readonly config?: { readonly scope?: ApiKeyScope } | undefined;
}

/**
 * Routes declare common errors as `default` and rare ones by status. The document lists each status
 * of a route.
 */
function withErrors<T extends { readonly schema: unknown }>(
  transformed: T,
  { method, config }: DescribedRoute,
): T {
  const schema = transformed.schema as {
    readonly response?: Record<string, unknown>;
    readonly params?: unknown;
    readonly body?: unknown;
  };
  const { default: problem, ...answers } = schema.response ?? {};
  if (problem === undefined) return transformed;
  const isChange = !['GET', 'HEAD'].includes(String(method));
  const statuses = [
    ...errorsOf.every,
    ...(config?.scope === undefined ? [] : errorsOf.scope),
    ...(schema.params === undefined ? [] : errorsOf.params),
    ...(schema.body === undefined ? [] : errorsOf.body),
    ...(isChange ? errorsOf.change : []),
  ];
  const errors = Object.fromEntries(
    [...statuses]
      .sort()
      .map((status) => [status, { ...(problem as object), description: findTitle(status) }]),
  );
  return { ...transformed, schema: { ...schema, response: { ...errors, ...answers } } };
}

/** An operation as the document names it: `post /api/v1/runs/{id}`. */
function nameOperation(method: string | readonly string[], url: string): string {
  return `${String(method).toLowerCase()} ${url.replaceAll(/:(\w+)/g, '{$1}')}`;
}

function withOptionalBodies(
  document: OpenApiDocument,
  optional: ReadonlySet<string>,
): OpenApiDocument {
  const paths =
    (document as { readonly paths?: Readonly<Record<string, Readonly<Record<string, object>>>> })
      .paths ?? {};
  const described = Object.fromEntries(
    Object.entries(paths).map(([url, operations]) => [
      url,
      Object.fromEntries(
        Object.entries(operations).map(([method, operation]) => {
          if (!('requestBody' in operation) || !optional.has(`${method} ${url}`))
            return [method, operation];
          return [
            method,
            {
              ...operation,
              requestBody: { ...(operation.requestBody as object), required: false },
            },
          ];
        }),
      ),
    ]),
  );
  return { ...document, paths: described };
}

type OpenApiDocument = ReturnType<typeof jsonSchemaTransformObject>;

/**
 * Each named schema has an input form and an output form. Only those that a route uses are kept.
 */
function withoutUnused(document: OpenApiDocument): OpenApiDocument {
  if (!('components' in document)) return document;
  const schemas: Readonly<Record<string, unknown>> = document.components.schemas ?? {};
  const used = new Set<string>();
  const visit = (part: unknown): void => {
    for (const [, name = ''] of JSON.stringify(part).matchAll(
      /"#\/components\/schemas\/([^"]+)"/g,
    )) {
      if (used.has(name)) continue;
      used.add(name);
      visit(schemas[name]);
    }
  };
  visit(document.paths ?? {});
  const kept = Object.fromEntries(Object.entries(schemas).filter(([name]) => used.has(name)));
  return { ...document, components: { ...document.components, schemas: kept } } as OpenApiDocument;
}
