import { execFile } from 'node:child_process';
import { cp, mkdtemp, readFile, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative, resolve } from 'node:path';
import { promisify } from 'node:util';
import { openDatabase, type Database } from '../../db/connection';
import { migrate } from '../../db/migrate';
import { testDatabase } from '../support/platform';

describe('migrations', () => {
  let created: Awaited<ReturnType<typeof testDatabase>>;
  const opened: Database[] = [];

  const open = () => {
    const database = openDatabase({ url: created.url });
    opened.push(database);
    return database;
  };

  beforeEach(async () => {
    created = await testDatabase();
  });

  afterEach(async () => {
    await Promise.all(opened.splice(0).map((database) => database.close()));
    await created.drop();
  });

  test('run once when four processes start together', async () => {
    await Promise.all([open(), open(), open(), open()].map((database) => migrate(database)));
    const { sql } = open();
    const applied = await sql<{ tag: string }[]>`select tag from perennial_migrations order by tag`;
    const files = (await readdir(resolve(__dirname, '..', '..', 'db', 'migrations'))).filter(
      (name) => name.endsWith('.sql'),
    );
    expect(applied.map(({ tag }) => `${tag}.sql`)).toEqual(files.sort());
    const [tenants] = await sql<{ count: number }[]>`select count(*) from tenants`;
    expect(tenants?.count).toBe(1);
  });

  test('change nothing in a migrated database', async () => {
    await migrate(open());
    await expect(migrate(open())).resolves.toBeUndefined();
  });

  test("refuse a database that holds another program's tables, name them, and change nothing", async () => {
    const database = open();
    await database.sql`create table invoices (id int)`;
    await database.sql`create schema billing`;
    await database.sql`create view billing.open_invoices as select * from invoices`;
    await expect(migrate(database)).rejects.toMatchObject({
      type: 'InvalidInput',
      message: expect.stringMatching(
        /billing\.open_invoices, public\.invoices\. Nothing was changed/,
      ) as string,
    });
    const tables = await database.sql`select tablename from pg_tables where schemaname = 'public'`;
    expect(tables).toHaveLength(1);
  });

  test('refuse a database that a newer version migrated', async () => {
    const database = open();
    await migrate(database);
    await database.sql`insert into perennial_migrations (tag, digest) values ('0999_future', 'x')`;
    await expect(migrate(database)).rejects.toMatchObject({
      type: 'NotInThisVersion',
      message: expect.stringContaining('0999_future') as string,
    });
  });

  test('refuse a migration that was changed after it was applied', async () => {
    const database = open();
    await migrate(database);
    await database.sql`update perennial_migrations set digest = 'other' where tag = '0000_registry'`;
    await expect(migrate(database)).rejects.toMatchObject({
      type: 'Conflict',
      message: expect.stringContaining('0000_registry') as string,
      next: expect.stringMatching(/from before 0\.1\.0 .* empty/) as string,
    });
  });

  test('leave nothing behind when one fails', async () => {
    const database = open();
    // The name belongs to an object that the check for foreign tables ignores.
    await database.sql`create function perennial_refuse_change() returns int language sql as 'select 1'`;
    await expect(migrate(database)).rejects.toThrow(/perennial_refuse_change/);
    const tables = await database.sql`select tablename from pg_tables where schemaname = 'public'`;
    expect(tables).toHaveLength(0);
  });

  test('name every constraint and index after its table', async () => {
    const { sql } = open();
    await migrate(open());
    const names = await sql<{ table: string; name: string }[]>`
      select c.conrelid::regclass::text as table, c.conname as name from pg_constraint c
      join pg_class t on t.oid = c.conrelid where t.relnamespace = 'public'::regnamespace and c.contype <> 'n' and t.relkind in ('r', 'p')
        and not t.relispartition and c.conparentid = 0
      union all
      select tablename, indexname from pg_indexes where schemaname = 'public'
        and tablename not in (select c.relname from pg_class c where c.relispartition)`;
    const generated = names.filter(({ name }) =>
      /_(pkey|fkey|key|check\d+|idx)$|_fk_|not_null/.test(name),
    );
    expect(generated).toEqual([]);
  });

  test('put the tenant into every table except those without a tenant', async () => {
    const { sql } = open();
    await migrate(open());
    const without = await sql<{ name: string }[]>`
      select c.relname as name from pg_class c where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') and not c.relispartition
        and not exists (select from pg_attribute a where a.attrelid = c.oid and a.attname = 'tenant_id' and a.attnotnull) order by 1`;
    expect(without.map(({ name }) => name)).toEqual([
      'compute_offers',
      'gateways',
      'label_join_cursors',
      'perennial_migrations',
      'routing_epoch',
      'tenants',
    ]);
  });

  test('agree with the schema', async () => {
    const root = resolve(__dirname, '..', '..');
    const folder = await mkdtemp(join(tmpdir(), 'perennial-migrations-'));
    try {
      await cp(join(root, 'db', 'migrations'), folder, { recursive: true });
      const before = await readdir(folder);
      // drizzle-kit finds no absolute folder, and then ends with exit code 0.
      const { stdout } = await promisify(execFile)(
        process.execPath,
        [
          join(root, 'node_modules', 'drizzle-kit', 'bin.cjs'),
          'generate',
          '--dialect',
          'postgresql',
          '--schema',
          join(root, 'db/*/*schema.ts'),
          '--out',
          relative(root, folder),
        ],
        { cwd: root },
      );
      expect(stdout).toContain('No schema changes');
      expect(await readdir(folder)).toEqual(before);
      const guards = await readFile(join(root, 'db', 'migrations', '0000_registry.sql'), 'utf8');
      expect(guards).toContain('PARTITION BY RANGE ("day")');
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });
});
