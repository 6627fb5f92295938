import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { failure } from '../domain/failure';
import { advisoryLocks } from './advisory-locks';
import type { Database, Transaction } from './connection';
import { asFailure } from './failures';
import { createPredictionRepository } from './serving/prediction-repository';

interface Migration {
  readonly tag: string;
  readonly digest: string;
  readonly text: string;
}

const partitionDaysAhead = 7;

/**
 * Migrates the schema to the version of this program in one transaction, one process at a time.
 * Refuses a database with foreign tables, or one that a newer Perennial migrated. drizzle-kit
 * generates `db/migrations` from the schemas; the PARTITION clause of `predictions` and the end of
 * the first file, with its triggers, are written by hand. A released migration never changes.
 */
export async function migrate(database: Database): Promise<void> {
  const known = await readMigrations(join(__dirname, 'migrations'));
  try {
    await database.sql.begin(async (tx) => {
      await tx`set local statement_timeout = 0`;
      await tx`set local lock_timeout = 0`;
      await tx`select pg_advisory_xact_lock(${advisoryLocks.migrations})`;
      const applied = await appliedMigrations(tx, database.target);
      for (const migration of pendingMigrations(known, applied, database.target)) {
        await tx.unsafe(migration.text);
        await tx`insert into perennial_migrations (tag, digest) values (${migration.tag}, ${migration.digest})`;
      }
    });
  } catch (error) {
    throw asFailure(error);
  }
  await createPredictionRepository(database).ensurePartitions({ days: partitionDaysAhead });
}

async function readMigrations(folder: string): Promise<readonly Migration[]> {
  const journal = JSON.parse(await readFile(join(folder, 'meta', '_journal.json'), 'utf8')) as {
    readonly entries: readonly { readonly tag: string }[];
  };
  return Promise.all(
    journal.entries.map(async ({ tag }) => {
      const text = await readFile(join(folder, `${tag}.sql`), 'utf8');
      return { tag, digest: createHash('sha256').update(text).digest('hex'), text };
    }),
  );
}

async function appliedMigrations(
  tx: Transaction,
  target: string,
): Promise<readonly Omit<Migration, 'text'>[]> {
  const [marker] =
    await tx`select from pg_class where relname = 'perennial_migrations' and relnamespace = 'public'::regnamespace`;
  if (!marker) {
    const foreign = await foreignTables(tx);
    if (foreign.length > 0) {
      const some =
        foreign.slice(0, 5).join(', ') +
        (foreign.length > 5 ? ` and ${foreign.length - 5} more` : '');
      throw failure(
        'InvalidInput',
        `the database ${target} holds tables that are not Perennial's: ${some}. Nothing was changed.`,
        {
          next: 'create an empty database and name it in PERENNIAL_DATABASE_URL',
        },
      );
    }
    await tx`
      create table perennial_migrations (
        tag text not null, digest text not null, applied_at timestamptz not null default now(),
        constraint perennial_migrations_pk primary key (tag))`;
  }
  return tx<
    Omit<Migration, 'text'>[]
  >`select tag, digest from perennial_migrations order by tag collate "C"`;
}

/** Tables, views and sequences of any schema, except those of extensions. */
async function foreignTables(tx: Transaction): Promise<readonly string[]> {
  const rows = await tx<{ name: string }[]>`
    select n.nspname || '.' || c.relname as name from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where c.relkind in ('r', 'p', 'v', 'm', 'f', 'S') and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
      and not exists (select from pg_depend d where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype = 'e')
    order by 1`;
  return rows.map((row) => row.name);
}

function pendingMigrations(
  known: readonly Migration[],
  applied: readonly Omit<Migration, 'text'>[],
  target: string,
): readonly Migration[] {
  applied.forEach((row, place) => {
    const migration = known[place];
    if (!known.some((candidate) => candidate.tag === row.tag)) {
      throw failure(
        'NotInThisVersion',
        `the database ${target} was migrated by a newer Perennial (${row.tag} is unknown here)`,
        {
          next: 'start the newer version, or restore the backup made before the upgrade',
        },
      );
    }
    if (migration?.tag !== row.tag || migration.digest !== row.digest) {
      throw failure(
        'Conflict',
        `migration ${row.tag} of the database ${target} is not the one that this program has: a released migration never changes`,
        {
          next: 'install the program again from its release; a database from before 0.1.0 cannot be migrated, so begin with an empty one',
        },
      );
    }
  });
  return known.slice(applied.length);
}
