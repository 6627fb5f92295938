/**
 * Value imports go one way (docs/architecture.md). Type-only imports may cross layers, as they
 * leave no trace at run time, but not in a circle.
 */
const only = (name, from, allowed, comment) => ({
  name,
  comment,
  severity: 'error',
  from: { path: from },
  to: { pathNot: allowed, dependencyTypesNot: ['type-only', 'core'] },
});
const libraries = (...names) => `node_modules/(${names.join('|')})/`;

module.exports = {
  forbidden: [
    only(
      'domain-is-pure',
      '^domain/(?!.*(\\.schema|-document)\\.ts$)',
      ['^domain/'],
      'Rules and types need no library.',
    ),
    only(
      'schemas-use-zod',
      '^domain/.*(\\.schema|-document)\\.ts$',
      ['^domain/', libraries('zod', 'yaml', 'ajv')],
      'Schemas read what comes from outside.',
    ),
    only(
      'workflows-are-deterministic',
      '^workflows/',
      [
        '^workflows/',
        '^domain/(?!.*(\\.schema|-document)\\.ts$)',
        libraries('@temporalio/workflow', '@temporalio/common'),
      ],
      'The bundle runs in a sandbox and is replayed.',
    ),
    only(
      'db',
      '^db/',
      ['^db/', '^domain/', libraries('drizzle-orm', 'pg', 'uuidv7')],
      'The registry knows no other store.',
    ),
    only(
      'data',
      '^data/',
      [
        '^data/',
        '^domain/',
        libraries(
          '@aws-sdk',
          '@duckdb',
          'onnxruntime-node',
          'onnxruntime-common',
          'protobufjs',
          'piscina',
        ),
        libraries(
          'zod',
          'yaml',
          'ajv',
          'standardwebhooks',
          'undici',
          'cockatiel',
          'eventsource-parser',
          'lru-cache',
          'validator',
          'libphonenumber-js',
        ),
      ],
      'Artifacts, SQL, graphs, and clients of other services.',
    ),
    only(
      'activities',
      '^activities/',
      [
        '^activities/',
        '^(domain|data|db)/',
        libraries(
          '@kubernetes/client-node',
          '@temporalio/activity',
          '@temporalio/common',
          'undici',
          'zod',
        ),
      ],
      'One effect each.',
    ),
    only(
      'web',
      '^apps/web/',
      [
        '^apps/web/',
        '^domain/(?!.*[.]schema[.]ts$)',
        libraries('@radix-ui', '@tanstack', 'eventsource-parser', 'react', 'react-dom', 'uplot'),
      ],
      'The pages run in a browser; from the client of the API they import types alone.',
    ),
    {
      name: 'apps-use-messages-only',
      severity: 'error',
      from: { path: '^apps/' },
      to: {
        path: '^(activities|workers|infra|workflows/(?![a-z/-]*messages\\.ts$))',
        dependencyTypesNot: ['type-only'],
      },
    },
    {
      name: 'workers-are-imported-by-nobody',
      severity: 'error',
      from: { path: '^(domain|workflows|activities|db|data|apps)/' },
      to: { path: '^workers/', dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'domain-no-node',
      severity: 'error',
      from: { path: '^(domain|workflows)/' },
      to: { dependencyTypes: ['core'], dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'no-cycles',
      severity: 'error',
      from: { path: '^(domain|workflows|activities|db|data|apps|workers|infra)/' },
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    },
    {
      name: 'no-type-cycles',
      comment: 'A type that two files share belongs where both may import it.',
      severity: 'error',
      from: { path: '^(domain|workflows|activities|db|data|apps|workers|infra)/' },
      to: { circular: true },
    },
  ],
  options: {
    tsConfig: { fileName: 'tsconfig.json' },
    tsPreCompilationDeps: 'specify',
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '^(\\.perennial|dist)/' },
  },
};
