import { createServer, type AddressInfo } from 'node:net';
import { defaultTenant } from '../../domain/ids';
import { openDatabase } from '../../db/connection';
import { createRegistry } from '../../db/registry';
import { openTestRegistry, type TestRegistry } from './registry-fixture';

describe('a database connection', () => {
  let test_: TestRegistry;
  beforeAll(async () => {
    test_ = await openTestRegistry();
  });
  afterAll(() => test_.close());

  test('without a server is DatabaseUnavailable', async () => {
    const { port } = await freePort();
    const database = openDatabase({ url: `postgres://user:secret@127.0.0.1:${port}/db` });
    const call = createRegistry(database).retention.get({ tenant: defaultTenant });
    await expect(call).rejects.toMatchObject({
      type: 'DatabaseUnavailable',
      message: expect.not.stringContaining('secret') as string,
    });
    await database.close();
  });

  test('that the server ends is DatabaseUnavailable for the call in flight, and the next call reconnects', async () => {
    const { registry, database } = test_;
    const other = openDatabase({ url: test_.ownerUrl });
    const waiting = database.sql.begin(async (tx) => {
      await tx`select pg_sleep(0)`;
      await other.sql`select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()`;
      return tx`select 1`;
    });
    await expect(waiting).rejects.toThrow();
    await expect(registry.retention.get({ tenant: defaultTenant })).resolves.toMatchObject({
      predictionDays: 90,
    });
    await other.close();
  });

  test('cut repeatedly during transactions loses only those transactions', async () => {
    const { database } = test_;
    const killer = openDatabase({ url: test_.url, applicationName: 'killer' });
    for (let round = 0; round < 20; round++) {
      const cut = database.sql.begin(async (tx) => {
        await tx`insert into gateways (id, url, epoch, lease_until) values (${`cut-${round}`}, '', 0, now())`;
        await killer.sql`
          select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and application_name = 'perennial'`;
        await tx`select 1`;
      });
      await expect(cut).rejects.toThrow();
    }
    const rows = await database.sql`select from gateways where id like 'cut-%'`;
    expect(rows).toHaveLength(0);
    await killer.close();
  });

  test('accepts no statement of an ended transaction', async () => {
    const { sql } = test_.database;
    let stray: Promise<string> = Promise.resolve('');
    const failed = sql.begin(async (tx) => {
      await tx`select 1`;
      const before = tx`select pg_sleep(0.05)`.then(() => undefined);
      stray = Promise.all([
        before,
        tx`insert into gateways (id, url, epoch, lease_until) values ('stray', '', 0, now())`,
      ]).then(
        () => 'taken',
        (error: unknown) => (error as Error).message,
      );
      throw new Error('changed my mind');
    });
    await expect(failed).rejects.toThrow('changed my mind');
    expect(await stray).toBe('the transaction has ended');
    expect(await sql`select from gateways where id = 'stray'`).toHaveLength(0);
  });

  test('does not report a transaction with a failed statement as committed', async () => {
    const { sql } = test_.database;
    const swallowed = sql.begin(async (tx) => {
      await tx`insert into gateways (id, url, epoch, lease_until) values ('half', '', 0, now())`;
      await tx`select 1 / 0`.then(undefined, () => undefined);
    });
    await expect(swallowed).rejects.toThrow('the transaction was rolled back');
    expect(await sql`select from gateways where id = 'half'`).toHaveLength(0);
  });

  test('commits or rolls back concurrent transactions independently', async () => {
    const { sql } = test_.database;
    await Promise.allSettled(
      Array.from({ length: 40 }, (_, n) =>
        sql.begin(async (tx) => {
          await tx`insert into gateways (id, url, epoch, lease_until) values (${`side-${n}`}, '', ${n}, now())`;
          if (n % 2 === 1) throw new Error('undone');
        }),
      ),
    );
    const rows = await sql<
      { epoch: number }[]
    >`select epoch from gateways where id like 'side-%' order by epoch`;
    expect(rows.map(({ epoch }) => epoch)).toEqual(Array.from({ length: 20 }, (_, n) => n * 2));
  });

  test('with a wrong password or database is refused, not retried', async () => {
    const wrong = new URL(test_.url);
    wrong.password = 'wrong';
    const database = openDatabase({ url: wrong.href });
    await expect(createRegistry(database).gateways.live()).rejects.toMatchObject({
      type: 'Forbidden',
    });
    await database.close();
    wrong.href = test_.url;
    wrong.pathname = '/nowhere';
    const nowhere = openDatabase({ url: wrong.href });
    await expect(createRegistry(nowhere).gateways.live()).rejects.toMatchObject({
      type: 'NotFound',
    });
    await nowhere.close();
  });

  test.each(['nonsense', 'http://host/db', 'postgres://user:secret@host', 'postgres:///db'])(
    'to %j is refused without an attempt and without quoting it',
    (url) => {
      expect(() => openDatabase({ url })).toThrow(
        expect.objectContaining({
          type: 'InvalidInput',
          message: expect.not.stringContaining('secret') as string,
        }) as Error,
      );
    },
  );

  test('names its target without credentials', () => {
    expect(test_.database.target).toMatch(/^127\.0\.0\.1:\d+\/test_[0-9a-f]+$/);
  });
});

async function freePort(): Promise<AddressInfo> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return address;
}
