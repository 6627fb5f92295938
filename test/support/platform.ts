import { randomBytes } from 'node:crypto';
import { join, resolve } from 'node:path';
import { Client } from 'pg';
import type * as TemporalNamespace from '../../infra/temporal-namespace';

/** What globalSetup started, for the test files. */
export interface TestPlatform {
  /** Of the maintenance database. */
  readonly databaseUrl: string;
  readonly s3: {
    readonly endpoint: string;
    readonly region: string;
    readonly accessKeyId: string;
    readonly secretAccessKey: string;
  };
  readonly temporal: { readonly address: string; readonly uiUrl: string };
}

export const platformVariable = 'PERENNIAL_TEST_PLATFORM';
const root = resolve(__dirname, '..', '..');

/** The role with which the platform's processes connect; it owns nothing. */
export const applicationLogin = { user: 'perennial_app', password: 'test-app' } as const;

/** Of the database that globalSetup has migrated. */
export const migratedTemplate = 'test_migrated';

interface TestDatabase {
  /** With the rights of the platform's processes if it is migrated, else of the owner. */
  readonly url: string;
  readonly ownerUrl: string;
  drop(): Promise<void>;
}

/**
 * An empty database for one test file. Tests share a server but no tables. After the migrations,
 * setup can make `appUrl` the address of the processes.
 */
export async function testDatabase(): Promise<TestDatabase & { readonly appUrl: string }> {
  const created = await databaseLike('template1');
  return { ...created, url: created.ownerUrl, appUrl: created.url };
}

/**
 * A database with the registry's tables for one test file. It is a copy, which takes a tenth of the
 * time of the migrations.
 */
export function migratedDatabase(): Promise<TestDatabase> {
  return databaseLike(migratedTemplate);
}

async function databaseLike(template: string): Promise<TestDatabase> {
  const { databaseUrl } = testPlatform();
  const name = `test_${suffix()}`;
  await maintain(databaseUrl, `CREATE DATABASE ${name} TEMPLATE ${template}`);
  const url = new URL(databaseUrl);
  url.pathname = `/${name}`;
  return {
    url: asApplication(url.href),
    ownerUrl: url.href,
    drop: () => maintain(databaseUrl, `DROP DATABASE IF EXISTS ${name} WITH (FORCE)`),
  };
}

/** The address with the login of the platform's processes. */
export function asApplication(ownerUrl: string): string {
  const url = new URL(ownerUrl);
  url.username = applicationLogin.user;
  url.password = applicationLogin.password;
  return url.href;
}

/** Settings of an S3 bucket for one test file. `ensureBucket()` of the store creates the bucket. */
export function testBucket(): TestPlatform['s3'] & { readonly bucket: string } {
  return { ...testPlatform().s3, bucket: `test-${suffix()}` };
}

/**
 * A Temporal namespace with the search attributes for one test file, so that task queues of two
 * files never mix.
 */
export async function testTemporal(): Promise<{
  readonly address: string;
  readonly namespace: string;
  readonly uiUrl: string;
}> {
  const { temporal } = testPlatform();
  const namespace = `test-${suffix()}`;
  // Loading Temporal's client takes a third of a second, and most files need only a database.
  // eslint-disable-next-line @typescript-eslint/no-require-imports
  const { ensureNamespace } = require('../../infra/temporal-namespace') as typeof TemporalNamespace;
  await ensureNamespace({ address: temporal.address, namespace, retentionDays: 1 });
  return { ...temporal, namespace };
}

export function pythonPath(): string {
  return process.env['PERENNIAL_PYTHON'] ?? join(root, '.perennial', 'python', 'bin', 'python');
}

export function samplesDir(): string {
  return process.env['PERENNIAL_SAMPLES_DIR'] ?? join(root, '.perennial', 'samples');
}

function testPlatform(): TestPlatform {
  const text = process.env[platformVariable];
  if (text === undefined)
    throw new Error(
      'no test platform: only *.platform.test.ts and *.slow.test.ts files get one, from test/support/global-setup.ts',
    );
  return JSON.parse(text) as TestPlatform;
}

async function maintain(url: string, statement: string): Promise<void> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(statement);
  } finally {
    await client.end();
  }
}

function suffix(): string {
  return randomBytes(6).toString('hex');
}
