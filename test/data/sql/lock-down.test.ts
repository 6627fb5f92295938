import { DuckDBInstance, type DuckDBConnection } from '@duckdb/node-api';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { lockDownDatabase } from '../../../data/sql/lock-down';

let folder: string;
let connection: DuckDBConnection;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lock-down-'));
  await mkdir(join(folder, 'inside'));
  await writeFile(join(folder, 'inside', 'a.csv'), 'a,b\n1,2\n');
  await writeFile(join(folder, 'secret.csv'), 'a,b\n3,4\n');
  await symlink(join(folder, 'secret.csv'), join(folder, 'inside', 'link.csv'));
  connection = await (await DuckDBInstance.create(':memory:')).connect();
  await lockDownDatabase(connection, join(folder, 'inside'));
});
afterAll(async () => rm(folder, { recursive: true, force: true }));

test('the folder is readable and writable', async () => {
  const copied = await connection.runAndReadAll(
    `COPY (SELECT * FROM '${folder}/inside/a.csv') TO '${folder}/inside/a.parquet'`,
  );
  expect(copied.getRows()).toEqual([[1n]]);
});

describe('without any check of the SQL, the database itself refuses', () => {
  test.each([
    ['a file outside', () => `SELECT * FROM read_csv('${folder}/secret.csv')`],
    ['a file outside by name', () => `SELECT * FROM '${folder}/secret.csv'`],
    ['a path with ..', () => `SELECT * FROM read_csv('${folder}/inside/../secret.csv')`],
    ['a link to a file outside', () => `SELECT * FROM read_csv('${folder}/inside/link.csv')`],
    ['writing outside', () => `COPY (SELECT 1 AS a) TO '${folder}/written.csv'`],
    ['another database', () => `ATTACH '${folder}/other.db'`],
    ['the network', () => `SELECT * FROM read_csv('http://127.0.0.1:1/x.csv')`],
    ['an extension', () => 'INSTALL httpfs'],
    ['an extension by path', () => `LOAD '${folder}/x.duckdb_extension'`],
    ['unlocking', () => 'SET lock_configuration = false'],
    ['external access', () => 'SET enable_external_access = true'],
    ['another folder', () => `SET allowed_directories = ['/']`],
    ['another zone', () => "SET TimeZone = 'America/New_York'"],
  ])('%s', async (_, sql) => {
    await expect(connection.run(sql())).rejects.toThrow();
  });
});

test('with no folder, no file is readable', async () => {
  const closed = await (await DuckDBInstance.create(':memory:')).connect();
  await lockDownDatabase(closed, null);
  await expect(closed.run(`SELECT * FROM '${folder}/inside/a.csv'`)).rejects.toThrow(
    /disabled by configuration/,
  );
});
