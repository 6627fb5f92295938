/**
 * How many transactions a PostgreSQL driver survives when the server ends their connections.
 * Compares a release of `postgres` (postgres.js), which is no dependency, with `db/connection.ts`,
 * which runs on `pg`. docs/adr/0001-postgres-driver.md says what depends on the result.
 */
import { fork, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { Client } from 'pg';
import { openDeathWatch } from '../../infra/death-watch';
import { findPostgres } from '../../infra/embedded/binaries';
import { startPostgres } from '../../infra/embedded/postgres';
import { freePort } from '../../infra/ports';
import type { Plan, Progress } from './cut-transactions';
import { report } from '../figures';

const root = join(__dirname, '..', '..');

/** The longest that one step may take. A step that takes longer counts as hung. */
const limitSeconds = 10;

interface TestedDriver {
  readonly name: string;
  readonly version: string;
  /** Folder of the `postgres` package, or null for the product's own connection. */
  readonly packageFolder: string | null;
}

interface Survival {
  readonly driver: string;
  readonly version: string;
  /** Transactions that were rejected as they should be, before the first crash or hang. */
  readonly survived: number;
  readonly outcome: 'survived' | 'crashed' | 'hung';
  readonly detail: string;
  /** Transactions that resolved, although their connection was lost. */
  readonly resolved: number;
  /** Rows of lost transactions that are in the table all the same. */
  readonly committedRows: number;
  /** Single statements that failed after a transaction whose connection was lost. */
  readonly failedAfter: number;
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      transactions: { type: 'string', default: '1000' },
      // Whatever `npm install` takes after `postgres@`: a version, a tag, or a folder as `file:…`.
      postgres: { type: 'string', default: 'latest' },
    },
  });
  const transactions = Number(values.transactions);
  if (!Number.isInteger(transactions) || transactions < 1) {
    throw new Error(`--transactions must be a whole number from 1, not ${values.transactions}`);
  }
  const folder = mkdtempSync(join(tmpdir(), 'perennial-bench-driver-'));
  const watch = openDeathWatch();
  const closers: (() => Promise<unknown>)[] = [];
  try {
    const contenders = [installPostgresJs(folder, values.postgres), ownConnection()];
    const server = await startPostgres({
      home: findPostgres({ environment: process.env, cacheDir: join(root, '.perennial', 'bin') }),
      stateDir: join(folder, 'postgres'),
      logFile: join(folder, 'postgres.log'),
      port: await freePort(),
      user: 'perennial',
      password: 'bench',
      database: 'perennial',
      durability: 'off',
      guard: watch,
    });
    closers.push(() => server.stop());
    const url = server.url('perennial');
    const results: Survival[] = [];
    for (const contender of contenders) results.push(await measure(contender, url, transactions));
    print(results, transactions);
  } finally {
    for (const close of closers.reverse()) await close();
    await watch.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

function installPostgresJs(folder: string, spec: string): TestedDriver {
  const options = [
    '--prefix',
    folder,
    '--no-audit',
    '--no-fund',
    '--ignore-scripts',
    '--install-links',
  ];
  const { status, stderr } = spawnSync('npm', ['install', ...options, `postgres@${spec}`], {
    cwd: folder,
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(`npm could not install postgres@${spec}: ${stderr}`);
  const packageFolder = join(folder, 'node_modules', 'postgres');
  return {
    name: 'postgres',
    version: versionIn(join(packageFolder, 'package.json')),
    packageFolder,
  };
}

function ownConnection(): TestedDriver {
  const file = createRequire(__filename).resolve('pg/package.json');
  return { name: 'pg', version: versionIn(file), packageFolder: null };
}

function versionIn(file: string): string {
  return (JSON.parse(readFileSync(file, 'utf8')) as { readonly version: string }).version;
}

/** A process of its own for each driver, because a driver may end its process. */
async function measure(
  contender: TestedDriver,
  url: string,
  transactions: number,
): Promise<Survival> {
  await query(url, 'drop table if exists cut; create table cut (number integer not null)');
  const plan: Plan = { url, transactions, packageFolder: contender.packageFolder };
  const child = fork(join(__dirname, 'cut-transactions.ts'), [JSON.stringify(plan)], {
    cwd: root,
    execArgv: ['-r', 'tsx/cjs'],
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  });
  let errors = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => (errors += text));
  const seen = { rejected: 0, resolved: 0, failedAfter: 0 };
  let step = 'the first connection';
  const end = await new Promise<'ended' | 'hung'>((settle) => {
    const hung = () => settle('hung');
    let limit = setTimeout(hung, limitSeconds * 3_000); // The program's own start comes before it.
    child.on('message', (progress: Progress) => {
      clearTimeout(limit);
      limit = setTimeout(hung, limitSeconds * 1_000);
      if (progress.kind === 'step') step = progress.step;
      else seen[progress.kind] += 1;
    });
    child.once('close', () => {
      clearTimeout(limit);
      settle('ended');
    });
  });
  if (end === 'hung') child.kill('SIGKILL');
  const outcome = end === 'hung' ? 'hung' : child.exitCode === 0 ? 'survived' : 'crashed';
  const [{ rows }] = [await query(url, 'select count(*)::int as count from cut')];
  return {
    driver: contender.name,
    version: contender.version,
    survived: seen.rejected,
    outcome,
    detail: {
      hung: `${step} took longer than ${limitSeconds} s`,
      crashed: errorLine(errors),
      survived: '',
    }[outcome],
    resolved: seen.resolved,
    committedRows: (rows as readonly { readonly count: number }[])[0]?.count ?? 0,
    failedAfter: seen.failedAfter,
  };
}

async function query(url: string, text: string): Promise<{ readonly rows: readonly unknown[] }> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    return await client.query(text);
  } finally {
    await client.end();
  }
}

function errorLine(stderr: string): string {
  return /^\w*Error: .*$/m.exec(stderr)?.[0] ?? stderr.trim().split('\n').at(-1) ?? '';
}

function print(results: readonly Survival[], transactions: number): void {
  report(
    `transactions whose connection the server ends, ${transactions} for each driver`,
    results.map((result) => [`${result.driver} ${result.version}`, describe(result, transactions)]),
    { transactions, limitSeconds, node: process.version, results },
  );
}

function describe(result: Survival, transactions: number): string {
  const { survived, outcome, detail, resolved, committedRows, failedAfter } = result;
  const notes = [
    ...(detail === '' ? [] : [detail]),
    ...(resolved === 0 ? [] : [`${resolved} transactions resolved`]),
    ...(committedRows === 0 ? [] : [`${committedRows} rows of lost transactions were committed`]),
    ...(failedAfter === 0 ? [] : [`${failedAfter} single statements after them failed`]),
  ];
  return `${outcome}, ${survived} of ${transactions}${notes.map((note) => `; ${note}`).join('')}`;
}

main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
});
