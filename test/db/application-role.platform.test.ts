import { Client } from 'pg';
import { grantApplicationRole, ownsTables } from '../../db/application-role';
import { openDatabase, type Database } from '../../db/connection';
import { migrate } from '../../db/migrate';
import { testDatabase } from '../support/platform';
import { openTestRegistry, unique, type TestRegistry } from './registry-fixture';

const auditTables = ['audit_log', 'audit_seals', 'audit_heads', 'audit_keys'];

describe("the role of the platform's processes", () => {
  let test_: TestRegistry;
  beforeAll(async () => {
    test_ = await openTestRegistry();
  });
  afterAll(() => test_.close());

  test.each([
    'set session_replication_role = replica',
    'alter table audit_log disable trigger audit_log_append_only',
    'alter table runs disable trigger all',
    'drop trigger audit_log_append_only on audit_log',
    'create or replace function perennial_refuse_change() returns trigger language plpgsql as $$ begin return new; end $$',
    'drop function perennial_refuse_change cascade',
    'drop table audit_log',
    'truncate runs cascade',
    'truncate lifecycle_revisions cascade',
    'create table public.own (id int)',
    "insert into perennial_migrations (tag, digest) values ('0999_future', 'x')",
    'create role another superuser',
    'set role perennial',
    'alter role perennial_app superuser',
    "copy audit_log to program 'cat'",
    "select pg_read_file('/etc/passwd')",
    ...auditTables.flatMap((table) => [
      `update ${table} set tenant_id = tenant_id`,
      `delete from ${table}`,
      `truncate ${table} cascade`,
    ]),
  ])('is refused: %s', async (statement) => {
    await expect(test_.database.sql.unsafe(statement)).rejects.toMatchObject({ code: '42501' });
  });

  test('may read and write every table that is not append-only', async () => {
    const denied = await test_.database.sql<{ name: string }[]>`
      select relname as name from pg_class
      where relnamespace = 'public'::regnamespace and relkind in ('r', 'p') and not relispartition
        and not (has_table_privilege(oid, 'select') and has_table_privilege(oid, 'insert')
          and has_table_privilege(oid, 'update') and has_table_privilege(oid, 'delete'))
      order by 1`;
    expect(denied.map(({ name }) => name)).toEqual(
      [
        ...auditTables,
        'alias_history',
        'approvals',
        'dataset_alias_history',
        'decisions',
        'evidence',
        'index_alias_history',
        'index_changes',
        'lifecycle_revisions',
        'perennial_migrations',
        'policies',
        'prompt_approvals',
        'prompt_ref_history',
        'prompt_versions',
      ].sort(),
    );
    expect([await ownsTables(test_.database), await ownsTables(test_.owner)]).toEqual([
      false,
      true,
    ]);
  });

  test('gets its rights on tables of later migrations', async () => {
    await test_.owner.sql`create table later (id int)`;
    await test_.database.sql`insert into later values (1)`;
    await expect(test_.database.sql`truncate later`).rejects.toMatchObject({ code: '42501' });
  });
});

describe('granting', () => {
  let created: Awaited<ReturnType<typeof testDatabase>>;
  let owner: Database;
  const names: string[] = [];
  beforeAll(async () => {
    created = await testDatabase();
    owner = openDatabase({ url: created.ownerUrl });
    await migrate(owner);
  });
  afterAll(async () => {
    for (const name of names) {
      await owner.sql.unsafe(`drop owned by "${name}" cascade; drop role "${name}"`);
    }
    await owner.close();
    await created.drop();
  });

  const buildAddress = (name: string, password: string): string => {
    const url = new URL(created.ownerUrl);
    url.username = encodeURIComponent(name);
    url.password = encodeURIComponent(password);
    return url.href;
  };
  const role = (): string => {
    const name = `${unique('role')}-"x"-${process.pid}`.replaceAll('"', 'q');
    names.push(name);
    return name;
  };
  const counts = async (url: string): Promise<number> => {
    const client = new Client({ connectionString: url });
    await client.connect();
    try {
      const { rows } = await client.query<{ rows: string }>('select count(*) as rows from tenants');
      return Number(rows[0]?.rows);
    } finally {
      await client.end();
    }
  };

  test('creates the role of a database that an older version migrated, and may be repeated', async () => {
    const url = buildAddress(role(), "pass'word ü");
    await grantApplicationRole(owner, url);
    await grantApplicationRole(owner, url);
    expect(await counts(url)).toBe(1);
  });

  test('changes the password to the one of the settings', async () => {
    const name = role();
    await grantApplicationRole(owner, buildAddress(name, 'first'));
    await grantApplicationRole(owner, buildAddress(name, 'second'));
    expect(await counts(buildAddress(name, 'second'))).toBe(1);
    await expect(counts(buildAddress(name, 'first'))).rejects.toMatchObject({ code: '28P01' });
  });

  test.each(['superuser', 'createrole', 'in role perennial'])(
    'refuses a role that is %s',
    async (power) => {
      const name = role();
      await owner.sql.unsafe(`create role "${name}" login password 'p' ${power}`);
      await expect(grantApplicationRole(owner, buildAddress(name, 'p'))).rejects.toMatchObject({
        type: 'InvalidInput',
        message: expect.stringContaining(name) as string,
      });
    },
  );

  test('by an owner that may not create roles names the statement for an administrator', async () => {
    const name = role();
    const url = buildAddress(name, 'p');
    await owner.sql.unsafe(`create role "${name}" login password 'p'`);
    const weak = openDatabase({ url });
    await expect(grantApplicationRole(weak, buildAddress('nobody-yet', 'x'))).rejects.toMatchObject(
      {
        type: 'Forbidden',
        next: expect.stringContaining('create role nobody-yet login password') as string,
      },
    );
    await weak.close();
  });
});
