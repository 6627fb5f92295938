/**
 * The suffix of a test file decides its tier: `*.test.ts` is pure; `*.platform.test.ts` gets
 * PostgreSQL, S3 and Temporal, and so does `*.slow.test.ts`, which takes 15 seconds or more; e2e
 * and faults start the whole product; llm needs the models, clients needs stock clients, engines
 * starts real job engines; web opens the pages in Chromium; machines runs the product in network namespaces and needs root.
 */
// Inherited by the processes that run the tests: what the compiler unpacks stays in the clone, and
// nobody is told of the predictions that tests make.
process.env.SWC_NATIVE_BINDING_CACHE ??= `${__dirname}/.perennial/build/swc`;
process.env.ORT_DISABLE_TELEMETRY ??= '1';
require('./bin/quiet-aws-sdk.cjs');

const { availableParallelism } = require('node:os');

/** ES modules without a `require` entry, which jest cannot load as they are. */
const esModules = '(@kubernetes/client-node|openid-client|oauth4webapi|jose)';
const transform = {
  '^.+\\.ts$': [
    '@swc/jest',
    { jsc: { parser: { syntax: 'typescript' }, target: 'es2022' }, sourceMaps: 'inline' },
  ],
  [`/node_modules/${esModules}/.+\\.js$`]: [
    '@swc/jest',
    { jsc: { parser: { syntax: 'ecmascript' }, target: 'es2022' }, module: { type: 'commonjs' } },
  ],
};
const common = {
  rootDir: __dirname,
  testEnvironment: '<rootDir>/test/support/node-environment.cjs',
  transform,
  transformIgnorePatterns: [`/node_modules/(?!${esModules}/)`],
  setupFilesAfterEnv: ['<rootDir>/test/support/hang-guard.ts'],
  // Looked up in jest's sandbox, each use of a global is slow: simulations took five times as long.
  // Not `Date`, which fake timers replace.
  sandboxInjectedGlobals: ['Math', 'Number', 'Float64Array'],
  modulePathIgnorePatterns: ['<rootDir>/.perennial', '<rootDir>/dist'],
};

module.exports = {
  // Most of a test's time is waiting for a process to start or to end, so that two fit on two
  // cores; each may hold a whole product in memory.
  maxWorkers: Math.min(4, Math.max(2, availableParallelism() - 1)),
  testSequencer: '<rootDir>/test/support/longest-first.cjs',
  projects: [
    {
      ...common,
      displayName: 'pure',
      testMatch: ['<rootDir>/test/**/*.test.ts'],
      testPathIgnorePatterns: [
        '/node_modules/',
        '\\.(platform|slow|e2e|faults|llm|clients|engines|machines|web)\\.test\\.ts$',
      ],
    },
    {
      ...common,
      displayName: 'platform',
      testMatch: ['<rootDir>/test/**/*.platform.test.ts'],
      globalSetup: '<rootDir>/test/support/global-setup.ts',
      globalTeardown: '<rootDir>/test/support/global-teardown.ts',
    },
    {
      ...common,
      displayName: 'slow',
      testMatch: ['<rootDir>/test/**/*.slow.test.ts'],
      globalSetup: '<rootDir>/test/support/global-setup.ts',
      globalTeardown: '<rootDir>/test/support/global-teardown.ts',
    },
    { ...common, displayName: 'e2e', testMatch: ['<rootDir>/test/**/*.e2e.test.ts'] },
    { ...common, displayName: 'web', testMatch: ['<rootDir>/test/**/*.web.test.ts'] },
    {
      ...common,
      displayName: 'llm',
      testMatch: ['<rootDir>/test/**/*.llm.test.ts'],
      globalSetup: '<rootDir>/test/support/global-setup.ts',
      globalTeardown: '<rootDir>/test/support/global-teardown.ts',
    },
    {
      ...common,
      displayName: 'clients',
      testMatch: ['<rootDir>/test/**/*.clients.test.ts'],
      globalSetup: '<rootDir>/test/support/global-setup.ts',
      globalTeardown: '<rootDir>/test/support/global-teardown.ts',
    },
    {
      ...common,
      displayName: 'engines',
      testMatch: ['<rootDir>/test/**/*.engines.test.ts'],
      globalSetup: '<rootDir>/test/support/global-setup.ts',
      globalTeardown: '<rootDir>/test/support/global-teardown.ts',
    },
    {
      ...common,
      displayName: 'machines',
      testMatch: [
        '<rootDir>/test/machines/*.machines.test.ts',
        '<rootDir>/test/e2e/(spine|canary|language).e2e.test.ts',
      ],
      setupFiles: ['<rootDir>/test/support/machines/on-machines.ts'],
      globalSetup: '<rootDir>/test/support/global-setup.ts',
      globalTeardown: '<rootDir>/test/support/global-teardown.ts',
    },
    { ...common, displayName: 'faults', testMatch: ['<rootDir>/test/**/*.faults.test.ts'] },
  ],
};
