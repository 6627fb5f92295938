/**
 * PostgreSQL prepares every statement that the source code contains, and its description of the
 * rows is compared with the row type that the code declares. A row type is a cast that the compiler
 * cannot check, and this is its proof.
 */
import { resolve } from 'node:path';
import { Client, types, type Connection, type FieldDef, type Submittable } from 'pg';
import { typeParsers } from '../../db/type-parsers';
import { migratedDatabase } from '../support/platform';
import { findStatements, type RegistryStatement } from '../support/statement/find-statements';
import type { RowField, ValueKind } from '../support/statement/row-types';

const root = resolve(__dirname, '..', '..');
/** The compiler works alone for ten seconds, and much longer on a busy machine. */
const compilerTimeoutMs = 300_000;
const planted = 'test/support/statement/faulty.ts';

describe('the statements of the registry', () => {
  let statements: readonly RegistryStatement[];
  let faulty: readonly RegistryStatement[];
  let client: Client;
  let drop = () => Promise.resolve();

  beforeAll(async () => {
    const found = findStatements(root, new RegExp(`^(?!test/|bench/|node_modules/)|^${planted}$`));
    faulty = found.filter(({ place }) => place.startsWith(planted));
    statements = found.filter((statement) => !faulty.includes(statement));
    const database = await migratedDatabase();
    client = new Client({ connectionString: database.ownerUrl });
    await client.connect();
    drop = async () => {
      await client.end();
      await database.drop();
    };
  }, compilerTimeoutMs);
  afterAll(() => drop());

  test('fit the tables, and their rows have the declared types', async () => {
    expect(statements.length).toBeGreaterThan(300);
    expect(await findErrors(client, statements)).toEqual([]);
  });

  test('are named by file and line when a column has another name', async () => {
    await client.query('alter table outbox rename column topic to subject');
    const errors = await findErrors(client, statements);
    await client.query('alter table outbox rename column subject to topic');
    expect(errors).toContainEqual(
      expect.stringMatching(
        /^db\/\S+\.ts:\d+: column "topic" of relation "outbox" does not exist$/,
      ),
    );
    expect(errors.filter((error) => !error.includes('topic'))).toEqual([]);
  });

  test('are named with each kind of error', async () => {
    const errors = await findErrors(client, faulty);
    expect(errors.map((error) => error.replace(/^\S+:\d+: /, ''))).toEqual([
      'column "nonsense" does not exist',
      'the row type has colour, which the statement does not return',
      'total is string in the row type, but the statement returns number',
      'name is "flights" in the row type, but string in lifecycles.name',
      'archivedAt is string in the row type, but string | null in lifecycles.archived_at',
      'digest is string in the row type, but `sha256:${string}` | null in lifecycle_revisions.digest',
      'column "nonsense" does not exist',
    ]);
  });
});

async function findErrors(
  client: Client,
  statements: readonly RegistryStatement[],
): Promise<readonly string[]> {
  const errors = new Set<string>();
  const catalog = await readCatalog(client);
  for (const { place, texts, row } of statements) {
    for (const text of texts) {
      try {
        const columns = await describeRows(client, text);
        for (const field of row ?? []) {
          const error = errorIn(field, columns, { text, catalog });
          if (error !== null) errors.add(`${place}: ${error}`);
        }
      } catch (error) {
        errors.add(`${place}: ${(error as Error).message}`);
      }
    }
  }
  return [...errors];
}

/** Parse and Describe of the protocol: PostgreSQL plans nothing and runs nothing. */
async function describeRows(client: Client, text: string): Promise<readonly FieldDef[]> {
  return new Promise((done, fail) => {
    let columns: readonly FieldDef[] = [];
    const description = {
      submit(connection: Connection) {
        connection.parse({ name: '', text, types: [] }, false);
        connection.describe({ type: 'S', name: '' }, false);
        connection.sync();
      },
      handleRowDescription: ({ fields }: { readonly fields: readonly FieldDef[] }) => {
        columns = fields;
      },
      handleError: fail,
      handleReadyForQuery: () => done(columns),
    };
    client.query(description as Submittable);
  });
}

interface CatalogColumn {
  readonly table: string;
  readonly column: string;
}

type Catalog = ReadonlyMap<string, CatalogColumn>;

async function readCatalog(client: Client): Promise<Catalog> {
  const { rows } = await client.query<CatalogColumn & { readonly key: string }>(`
    select a.attrelid || '.' || a.attnum as key, c.relname as table, a.attname as column
    from pg_attribute a join pg_class c on c.oid = a.attrelid where a.attnum > 0`);
  return new Map(rows.map((row) => [row.key, row]));
}

/** It is unknown whether an expression can be null, so only its kind of value is compared. */
function errorIn(
  { name, isOptional, type, kinds, allows }: RowField,
  columns: readonly FieldDef[],
  { text, catalog }: { readonly text: string; readonly catalog: Catalog },
): string | null {
  const found = columns.find((each) => camelCase(each.name) === name);
  if (found === undefined) {
    return isOptional ? null : `the row type has ${name}, which the statement does not return`;
  }
  const origin = catalog.get(`${found.tableID}.${found.columnID}`);
  if (origin !== undefined) {
    const { table, column } = origin;
    const nulls = excludesNull(text, column)
      ? 'excluded'
      : isLeftJoined(text, table)
        ? 'added'
        : 'schema';
    const stored = allows({ table, column: camelCase(column), nulls });
    if (stored !== null) {
      return stored.all
        ? null
        : `${name} is ${type} in the row type, but ${stored.type} in ${table}.${column}`;
    }
  }
  const returned = findKind(found.dataTypeID);
  const declared = [...kinds].filter((kind) => kind !== 'null');
  const isKnown = returned !== 'document' && !kinds.has('document');
  return isKnown && declared.some((kind) => kind !== returned)
    ? `${name} is ${type} in the row type, but the statement returns ${returned}`
    : null;
}

const documentTypes: ReadonlySet<number> = new Set([types.builtins.JSON, types.builtins.JSONB]);

/** The value after the parser of the product. */
function findKind(oid: number): ValueKind {
  const parserOf = typeParsers.getTypeParser as (oid: number) => (text: string) => unknown;
  return documentTypes.has(oid) ? 'document' : (typeof parserOf(oid)('1') as ValueKind);
}

function excludesNull(text: string, column: string): boolean {
  return new RegExp(`\\b${column} (is not null|[<>])`).test(text);
}

function isLeftJoined(text: string, table: string): boolean {
  const joins = text.match(new RegExp(`\\b(left join|from|join) ${table}\\b`, 'g')) ?? [];
  return joins.length > 0 && joins.every((join) => join.startsWith('left'));
}

function camelCase(name: string): string {
  return name.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
}
