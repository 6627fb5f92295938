import regexp from 'eslint-plugin-regexp';
import tseslint from 'typescript-eslint';

export default tseslint.config(
  {
    ignores: [
      'node_modules/',
      '**/.perennial/',
      'dist/',
      'coverage/',
      'db/migrations/',
      'apps/client/openapi.d.ts',
      '**/*.mjs',
      '**/*.cjs',
    ],
  },
  ...tseslint.configs.strictTypeChecked,
  {
    languageOptions: {
      parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname },
    },
    rules: {
      '@typescript-eslint/restrict-template-expressions': [
        'error',
        { allowNumber: true, allowBoolean: true },
      ],
      '@typescript-eslint/no-confusing-void-expression': ['error', { ignoreArrowShorthand: true }],
      '@typescript-eslint/switch-exhaustiveness-check': 'error',
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/no-unused-vars': ['error', { ignoreRestSiblings: true }],
      '@typescript-eslint/no-unnecessary-condition': [
        'error',
        { allowConstantLoopConditions: true },
      ],
    },
  },
  {
    rules: { 'no-restricted-syntax': ['error', ...functionNames('/^(?!is[A-Z]).*[a-z0-9]Of$/')] },
  },
  {
    files: ['{domain,workflows,activities,db,data,apps,workers,infra,sdk}/**/*.{ts,tsx}'],
    rules: {
      'no-restricted-syntax': [
        'error',
        ...functionNames('/^(?!is[A-Z]).*[a-z0-9]Of$/'),
        ...functionNames('/^(?!embed|need|seed|feed|speed|exceed|proceed)[a-z]+ed$/'),
      ],
    },
  },
  {
    // A call of `test` from node:test is not awaited.
    files: ['sdk/template/test/*.ts'],
    rules: { '@typescript-eslint/no-floating-promises': 'off' },
  },
  {
    // Fastify takes async functions as plugins, which need not wait for anything.
    files: ['apps/api/**/*route.ts'],
    rules: { '@typescript-eslint/require-await': 'off' },
  },
  {
    // The page's own script; `void` of a promise in an event handler is what eslint asks for.
    files: ['apps/web/src/**/*.{ts,tsx}'],
    languageOptions: {
      parserOptions: {
        projectService: false,
        project: './apps/web/tsconfig.json',
        tsconfigRootDir: import.meta.dirname,
      },
    },
  },
  {
    // Expressions read texts of callers. One that tries again and again can stop a process.
    files: ['{domain,workflows,activities,db,data,apps,workers,infra}/**/*.{ts,tsx}'],
    plugins: { regexp },
    rules: { 'regexp/no-super-linear-backtracking': ['error', { report: 'potential' }] },
  },
  {
    files: ['{domain,data,apps}/**/*.{ts,tsx}'],
    // A sticky expression is matched at one place, so it does not move.
    rules: {
      'regexp/no-super-linear-move': ['error', { report: 'potential', ignoreSticky: true }],
    },
  },
  {
    files: ['{domain,workflows,activities,db,data,apps}/**/*.ts'],
    rules: {
      'no-restricted-properties': [
        'error',
        {
          object: 'process',
          property: 'env',
          message: 'Only workers/config.ts reads the environment; take the value as an argument.',
        },
      ],
    },
  },
);

/** Refuses functions with these names: a function is called by a verb that says what it does. */
function functionNames(pattern) {
  const message = 'Call a function by a verb that says what it does: `formatKey`, not `keyOf`.';
  return [
    { selector: `FunctionDeclaration[id.name=${pattern}]`, message },
    {
      selector: `VariableDeclarator[id.name=${pattern}][init.type='ArrowFunctionExpression']`,
      message,
    },
  ];
}
