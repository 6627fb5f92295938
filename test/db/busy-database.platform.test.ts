import { openDatabase } from '../../db/connection';
import { withFailures } from '../../db/failures';
import { toProblem } from '../../apps/http/problem';
import { testDatabase } from '../support/platform';

test('changes queue, reads pass them, and too many changes are refused with Retry-After', async () => {
  const server = await testDatabase();
  const database = openDatabase({ url: server.url, maxConnections: 5 });
  const registry = withFailures({
    change: (work: () => Promise<void>) =>
      database.sql.begin(async (tx) => {
        await tx`select 1`;
        await work();
      }),
    read: async () => (await database.sql<{ one: number }[]>`select 1 as one`)[0]?.one,
  });
  let end: () => void = () => undefined;
  const ended = new Promise<void>((resolve) => (end = resolve));
  try {
    const changes = Array.from({ length: 3 + 256 }, () => registry.change(() => ended));
    const refused: unknown = await registry.change(() => ended).catch((error: unknown) => error);
    expect(toProblem(refused as Error, '0')).toMatchObject({
      status: 429,
      code: 'DatabaseBusy',
      detail: 'PostgreSQL is busy: 3 transactions are running and 256 are waiting',
      retryAfter: 2,
    });
    // The changes are still in progress.
    expect(await Promise.all(Array.from({ length: 20 }, () => registry.read()))).toEqual(
      Array.from({ length: 20 }, () => 1),
    );
    end();
    await Promise.all(changes);
  } finally {
    end();
    await database.close();
    await server.drop();
  }
});

test('a read without a free connection for ten seconds fails with that reason, not as unreachable', async () => {
  const server = await testDatabase();
  const database = openDatabase({ url: server.url, maxConnections: 1 });
  const registry = withFailures({
    read: (seconds: number) => database.sql`select pg_sleep(${seconds})`,
  });
  try {
    const slow = registry.read(12);
    await expect(registry.read(0)).rejects.toMatchObject({
      type: 'DatabaseBusy',
      message: expect.stringContaining('none of 1') as string,
    });
    await slow;
  } finally {
    await database.close();
    await server.drop();
  }
});
