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

  test('that finds no server is DatabaseUnavailable', async () => {
    const { port } = await freePort();
    const database = openDatabase({ url: `postgres://user:secret@127.0.0.1:${port}/db` });
    const call = createRegistry(database).retention.get({ tenant: defaultTenant });
    await expect(call).rejects.toMatchObject({ type: 'DatabaseUnavailable', message: expect.not.stringContaining('secret') as string });
    await database.close();
  });

  test('that the server ends is DatabaseUnavailable for the call in flight, and the next call finds the server again', async () => {
    const { registry, database } = test_;
    const other = openDatabase({ url: test_.url });
    const waiting = database.sql.begin(async (tx) => {
      await tx`select pg_sleep(0)`;
      await other.sql`select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()`;
      return tx`select 1`;
    });
    await expect(waiting).rejects.toThrow();
    await expect(registry.retention.get({ tenant: defaultTenant })).resolves.toMatchObject({ predictionDays: 90 });
    await other.close();
  });

  test('with a wrong password or database is refused, not retried', async () => {
    const wrong = new URL(test_.url);
    wrong.password = 'wrong';
    const database = openDatabase({ url: wrong.href });
    await expect(createRegistry(database).gateways.live()).rejects.toMatchObject({ type: 'Forbidden' });
    await database.close();
    wrong.href = test_.url;
    wrong.pathname = '/nowhere';
    const nowhere = openDatabase({ url: wrong.href });
    await expect(createRegistry(nowhere).gateways.live()).rejects.toMatchObject({ type: 'NotFound' });
    await nowhere.close();
  });

  test.each(['nonsense', 'http://host/db', 'postgres://user:secret@host', 'postgres:///db'])(
    'to %j is refused before it is tried, without repeating it',
    (url) => {
      expect(() => openDatabase({ url })).toThrow(
        expect.objectContaining({ type: 'InvalidInput', message: expect.not.stringContaining('secret') as string }) as Error,
      );
    },
  );

  test('speaks of its target without credentials', () => {
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
