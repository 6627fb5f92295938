import postgres from 'postgres';
import { failure } from '../domain/failure';
import type { Listener } from './listener';
import { openListener } from './listener';

/** postgres.js with Perennial's types: times as RFC 3339 UTC text, days as text, bigint as number, columns in camelCase, documents by `json`. */
export type Sql = postgres.Sql<Types>;
/** A connection or a transaction. */
export type Query = postgres.ISql<Types>;
export type Transaction = postgres.TransactionSql<Types>;
/** What the custom types below stand for; documents are typed where they are read. */
type Types = { instant: string; day: string; bigint: number; document: never };

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

/** Connects on first use; a database that is away makes calls fail with DatabaseUnavailable, and is found again when it is back. */
export function openDatabase(settings: DatabaseSettings): Database {
  const { url, target } = checkedUrl(settings.url);
  const options = {
    max: settings.maxConnections ?? 10,
    idle_timeout: 300,
    connect_timeout: 10,
    keep_alive: 15,
    // The driver's own back-off grows to 20 s, which a stage would wait after a restart of half a second.
    backoff: (attempts: number) => Math.min(0.05 * 2 ** attempts, 0.5),
    // Arrays as parameters need it.
    fetch_types: true,
    onnotice: () => undefined,
    transform: { column: { from: postgres.toCamel } },
    types: { instant, day, bigint, document },
    connection: {
      application_name: settings.applicationName ?? 'perennial',
      TimeZone: 'UTC',
      search_path: 'public',
      jit: 'off',
      statement_timeout: 60_000,
      lock_timeout: 20_000,
      // A client that is frozen in the middle of a transaction must not keep its locks.
      idle_in_transaction_session_timeout: 60_000,
    },
  };
  const sql: Sql = postgres(url, options as typeof options & { connection: Record<string, never> });
  const listener = openListener((hooks) => postgres(url, { ...options, ...hooks, max: 1, idle_timeout: 0, max_lifetime: null }) as Sql);
  return {
    sql,
    listener,
    target,
    close: async () => {
      await Promise.all([listener.close(), sql.end({ timeout: 5 })]);
    },
  };
}

const instant = {
  to: 1184,
  from: [1184],
  serialize: (text: string) => text,
  parse: (text: string) => new Date(text).toISOString(),
};

const day = { to: 1082, from: [1082], serialize: (text: string) => text, parse: (text: string) => text };

/** Documents come as text from `toJson`: the driver would take an array for a PostgreSQL array and a boolean for a boolean before it knew the column. */
const document = { to: 114, from: [114], serialize: (text: string) => text, parse: (text: string): unknown => JSON.parse(text) };

/** Counters here stay far below 2^53; one that does not is a bug and must not be rounded. */
const bigint = {
  to: 20,
  from: [20],
  serialize: (value: number) => String(value),
  parse: (text: string) => {
    const value = Number(text);
    if (!Number.isSafeInteger(value)) throw new RangeError(`${text} from the database is beyond what a number holds exactly`);
    return value;
  },
};

function checkedUrl(text: string): { readonly url: string; readonly target: string } {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url === null || !/^postgres(ql)?:$/.test(url.protocol) || url.hostname === '' || url.pathname.length < 2) {
    // The text may hold a password: it is not repeated.
    throw failure('InvalidInput', 'the database address is not of the form postgres://user:password@host:port/database');
  }
  return { url: text, target: `${url.hostname}:${url.port === '' ? '5432' : url.port}${url.pathname}` };
}
