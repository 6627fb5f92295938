import { createHash } from 'node:crypto';
import { Pool, type ClientConfig, type PoolClient, type QueryArrayResult } from 'pg';
import { failure } from '../domain/failure';
import { isConnectionLost } from './failures';
import { openTurns } from './turns';
import { openListener, type Listener } from './listener';
import { createQuery, type RenderedStatement, type Rows, type Sql, type Transaction } from './sql';
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
 * Connects on first use and reconnects after an outage. Calls during the outage fail with
 * DatabaseUnavailable.
 */
export function openDatabase(settings: DatabaseSettings): Database {
  const target = checkedTarget(settings.url);
  const config: ClientConfig = {
    connectionString: settings.url,
    application_name: settings.applicationName ?? 'perennial',
    options: '-c TimeZone=UTC -c search_path=public -c jit=off',
    connectionTimeoutMillis: maxWaitMs,
    keepAlive: true,
    keepAliveInitialDelayMillis: 15_000,
    statement_timeout: maxStatementSeconds * 1000,
    lock_timeout: 20_000,
    // A client that hangs inside a transaction must not keep its locks.
    idle_in_transaction_session_timeout: 60_000,
    // A server that hangs cannot enforce statement_timeout.
    query_timeout: 75_000,
    types: typeParsers,
  };
  const max = settings.maxConnections ?? defaultConnections;
  const pool = new Pool({ ...config, max, idleTimeoutMillis: 300_000 });
  // The pool has already dropped the idle connection that failed.
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

/** PostgreSQL cancels longer statements, except those of migrations. */
export const maxStatementSeconds = 60;
const defaultConnections = 10;

/** A longer queue would exceed `longestWaitMs`. */
const maxWaiting = 256;
const maxWaitMs = 10_000;

/**
 * Transactions hold a connection for several statements and may wait for locks. Limiting them
 * leaves connections for single statements, which most reads are.
 */
function createSql(pool: Pool, max: number): Sql {
  const changes = openTurns({
    maxRunning: Math.max(1, Math.floor(max * 0.6)),
    maxWaiting: maxWaiting,
    maxWaitMs: maxWaitMs,
    refuse: ({ running, waiting }) =>
      busy(`${running} transactions are running and ${waiting} are waiting`),
  });
  const withConnection = async <T>(work: (client: PoolClient) => Promise<T>): Promise<T> => {
    if (pool.waitingCount >= maxWaiting)
      throw busy(`all ${max} connections are in use and ${pool.waitingCount} requests are waiting`);
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
    next: 'send fewer requests at the same time and retry',
  });
}

async function transact<T>(client: PoolClient, work: (tx: Transaction) => Promise<T>): Promise<T> {
  const { tx, over } = transactionOn(client);
  await client.query('begin');
  try {
    const result = await work(tx);
    await over({ finishing: 'running' });
    // If the caller caught the error of a statement, PostgreSQL answers COMMIT with ROLLBACK and
    // raises no error.
    if ((await client.query('commit')).command !== 'COMMIT')
      throw new Error('the transaction was rolled back because one of its statements failed');
    return result;
  } catch (error) {
    await over({ finishing: 'none' });
    // Report the first error. If the rollback fails too, `withClient` drops the connection and the
    // server rolls back.
    await client.query('rollback').catch(() => lostClients.add(client));
    throw error;
  }
}

/**
 * Runs the statements of a transaction one after the other, because a connection executes one at a
 * time. Rejects statements after its end, because they would run outside of it.
 */
function transactionOn(client: PoolClient) {
  let last: Promise<unknown> = Promise.resolve();
  let isOver = false;
  const inOrder = <T>(run: () => Promise<T>): Promise<T> => {
    const mine = last.then(() => {
      if (isOver) throw new Error('the transaction has ended');
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
    // `pg` reports the same error for an unreachable server and for an exhausted pool.
    if (
      pool.totalCount >= max &&
      pool.idleCount === 0 &&
      /^timeout exceeded when trying to connect/.test(readMessage(error))
    ) {
      throw busy(`none of ${max} connections became free within ${maxWaitMs / 1000} s`);
    }
    throw error;
  });
  const onError = () => lostClients.add(client);
  // Without a listener, an error between two statements would end the process.
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

function readMessage(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

async function runPrepared(
  client: PoolClient,
  { text, values }: RenderedStatement,
): Promise<Rows<object[]>> {
  const result = await client.query<unknown[], unknown[]>({
    name: quoteName(text),
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
  // Not enumerable, so that the rows can be passed on as a plain list.
  return Object.defineProperty(objects, 'count', { value: rowCount ?? rows.length }) as Rows<
    object[]
  >;
}

/** Names of prepared statements by text. A connection prepares each name once. */
const names = new Map<string, string>();

function quoteName(text: string): string {
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
    // The address may contain a password, so the error does not repeat it.
    throw failure(
      'InvalidInput',
      'the database address is not of the form postgres://user:password@host:port/database',
    );
  }
  return `${url.hostname}:${url.port === '' ? '5432' : url.port}${url.pathname}`;
}
