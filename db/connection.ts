import { createHash } from 'node:crypto';
import { Pool, type ClientConfig, type PoolClient, type QueryArrayResult } from 'pg';
import { failure } from '../domain/failure';
import { isConnectionLost } from './failures';
import { openTurns } from './turns';
import { openListener, type Listener } from './listener';
import { createQuery, type Rendered, type Rows, type Sql, type Transaction } from './sql';
import { typeParsers } from './type-parsers';

export type { Query, Sql, Transaction } from './sql';

export interface Database {
  readonly sql: Sql;
  readonly listener: Listener;
  /** `host:port/database`, without credentials. */
  readonly target: string;
  close(): Promise<void>;
}

export interface DatabaseSettings {
  readonly url: string;
  readonly maxConnections?: number | undefined;
  readonly applicationName?: string | undefined;
}

/**
 * Connects on first use; a database that is away makes calls fail with DatabaseUnavailable, and is
 * found again when it is back.
 */
export function openDatabase(settings: DatabaseSettings): Database {
  const target = checkedTarget(settings.url);
  const config: ClientConfig = {
    connectionString: settings.url,
    application_name: settings.applicationName ?? 'perennial',
    options: '-c TimeZone=UTC -c search_path=public -c jit=off',
    connectionTimeoutMillis: longestWaitMs,
    keepAlive: true,
    keepAliveInitialDelayMillis: 15_000,
    statement_timeout: longestStatementSeconds * 1000,
    lock_timeout: 20_000,
    // A client that is frozen in the middle of a transaction must not keep its locks.
    idle_in_transaction_session_timeout: 60_000,
    // A server that is frozen answers nothing, not even that the statement took too long.
    query_timeout: 75_000,
    types: typeParsers,
  };
  const max = settings.maxConnections ?? usualConnections;
  const pool = new Pool({ ...config, max, idleTimeoutMillis: 300_000 });
  // Of an idle connection, which the pool has dropped already.
  pool.on('error', () => undefined);
  const listener = openListener(config);
  return {
    sql: createSql(pool, max),
    listener,
    target,
    close: async () => {
      await Promise.all([listener.close(), pool.end()]);
    },
  };
}

/** The server ends statements that take longer, those of migrations excepted. */
export const longestStatementSeconds = 60;
const usualConnections = 10;

/** Beyond it a queue would take longer than a caller waits. */
const mostWaiting = 256;
const longestWaitMs = 10_000;

/**
 * Changes hold a connection for several statements and may wait for locks, so single statements,
 * which most reads are, keep some connections for themselves.
 */
function createSql(pool: Pool, max: number): Sql {
  const changes = openTurns({
    atOnce: Math.max(1, Math.floor(max * 0.6)),
    ...{ mostWaiting, longestWaitMs },
    refuse: ({ running, waiting }) => busy(`${running} changes are under way and ${waiting} wait`),
  });
  const withConnection = async <T>(work: (client: PoolClient) => Promise<T>): Promise<T> => {
    if (pool.waitingCount >= mostWaiting)
      throw busy(
        `all ${max} connections are in use and ${pool.waitingCount} requests wait for one`,
      );
    return withClient(pool, work, max);
  };
  const query = createQuery(
    (statement) => withConnection((client) => runPrepared(client, statement)),
    (text) => withConnection((client) => runScript(client, text)),
  );
  return Object.assign(query, {
    begin: <T>(work: (tx: Transaction) => Promise<T>) =>
      changes.run(() => withConnection((client) => transact(client, work))),
  });
}

function busy(why: string): Error {
  return failure('DatabaseBusy', `PostgreSQL is busy: ${why}`, {
    retryAfterMs: 2_000,
    next: 'send fewer requests at once, and try again',
  });
}

async function transact<T>(client: PoolClient, work: (tx: Transaction) => Promise<T>): Promise<T> {
  const { tx, over } = transactionOn(client);
  await client.query('begin');
  try {
    const result = await work(tx);
    await over({ finishing: 'running' });
    // A statement whose error was swallowed has undone the transaction; the server answers such a
    // commit without complaint.
    if ((await client.query('commit')).command !== 'COMMIT')
      throw new Error('the transaction was undone: one of its statements had failed');
    return result;
  } catch (error) {
    await over({ finishing: 'none' });
    // The first error is the one to tell. A rollback that fails leaves a connection that
    // `withClient` throws away, and the server undoes the rest.
    await client.query('rollback').catch(() => lostClients.add(client));
    throw error;
  }
}

/**
 * Statements of one transaction run one after the other, also when they are begun together: a
 * connection answers one at a time. Once it is over none runs any more, for it would run outside of
 * it.
 */
function transactionOn(client: PoolClient) {
  let last: Promise<unknown> = Promise.resolve();
  let isOver = false;
  const inOrder = <T>(run: () => Promise<T>): Promise<T> => {
    const mine = last.then(() => {
      if (isOver) throw new Error('the transaction is over');
      return run();
    });
    last = mine.catch(() => undefined);
    return mine;
  };
  const query = createQuery(
    (statement) => inOrder(() => runPrepared(client, statement)),
    (text) => inOrder(() => runScript(client, text)),
  );
  return {
    tx: Object.assign(query, { transaction: true as const }),
    over: async ({ finishing }: { readonly finishing: 'running' | 'none' }) => {
      isOver = finishing === 'none';
      await last;
      isOver = true;
    },
  };
}

/** Connections that must not go back to the pool. */
const lostClients = new WeakSet<PoolClient>();

async function withClient<T>(
  pool: Pool,
  work: (client: PoolClient) => Promise<T>,
  max: number,
): Promise<T> {
  const client = await pool.connect().catch((error: unknown) => {
    // `pg` says the same of a server that does not answer and of connections that are all in use.
    if (
      pool.totalCount >= max &&
      pool.idleCount === 0 &&
      /^timeout exceeded when trying to connect/.test(messageOf(error))
    ) {
      throw busy(`none of ${max} connections became free within ${longestWaitMs / 1000} s`);
    }
    throw error;
  });
  const onError = () => lostClients.add(client);
  // Without a listener an error between two statements would end the process.
  client.on('error', onError);
  try {
    return await work(client);
  } catch (error) {
    if (isConnectionLost(error)) lostClients.add(client);
    throw error;
  } finally {
    client.removeListener('error', onError);
    client.release(lostClients.has(client));
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

async function runPrepared(
  client: PoolClient,
  { text, values }: Rendered,
): Promise<Rows<object[]>> {
  const result = await client.query<unknown[], unknown[]>({
    name: nameOf(text),
    text,
    values: [...values],
    rowMode: 'array',
  });
  return toRows(result);
}

async function runScript(client: PoolClient, text: string): Promise<void> {
  await client.query(text);
}

function toRows({ fields, rows, rowCount }: QueryArrayResult<unknown[]>): Rows<object[]> {
  const keys = fields.map(({ name }) =>
    name.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase()),
  );
  const objects = rows.map((row) =>
    Object.fromEntries(keys.map((key, place) => [key, row[place]])),
  );
  // Not enumerable: it is no element, and rows may be handed on as they are.
  return Object.defineProperty(objects, 'count', { value: rowCount ?? rows.length }) as Rows<
    object[]
  >;
}

/** The server prepares a statement once a connection: same text, same name. */
const names = new Map<string, string>();

function nameOf(text: string): string {
  let name = names.get(text);
  if (name === undefined) {
    name = createHash('sha256').update(text).digest('hex').slice(0, 32);
    names.set(text, name);
  }
  return name;
}

function checkedTarget(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (
    url === null ||
    !/^postgres(ql)?:$/.test(url.protocol) ||
    url.hostname === '' ||
    url.pathname.length < 2
  ) {
    // The text may hold a password: it is not repeated.
    throw failure(
      'InvalidInput',
      'the database address is not of the form postgres://user:password@host:port/database',
    );
  }
  return `${url.hostname}:${url.port === '' ? '5432' : url.port}${url.pathname}`;
}
