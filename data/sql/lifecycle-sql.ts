import { DuckDBInstance } from '@duckdb/node-api';
import type { Issue } from '../../domain/failure';
import { isPerennialError } from '../../domain/failure';
import type { ModelLifecycleSpec } from '../../domain/lifecycle';
import { checkFeatureSql, withheldLabel } from './feature-policy';
import { lockDown } from './lock-down';
import { parseSelect } from './syntax';
import { checkUserSql } from './user-sql-policy';

/**
 * What can be said of a lifecycle's SQL before there is data: that it parses, is one SELECT, reads its sources alone and uses functions that are allowed.
 * Columns and types show themselves when the sources are read.
 */
export async function lifecycleSqlIssues({ data }: ModelLifecycleSpec, files: Readonly<Record<string, string>>): Promise<readonly Issue[]> {
  const assemble = { sql: files[data.assemble] ?? '', file: data.assemble };
  const features = { sql: files[data.features] ?? '', file: data.features };
  const sources = data.sources.map(({ name }) => name);
  const instance = await DuckDBInstance.create(':memory:', { threads: '1', temp_directory: '' });
  try {
    const connection = await instance.connect();
    await lockDown(connection, null);
    return [
      ...(await issuesOf('/spec/data/assemble', () => checkUserSql(connection, assemble, sources))),
      ...(await issuesOf('/spec/data/features', async () => {
        const statement = await parseSelect(connection, features);
        checkFeatureSql(statement, { text: features, request: null, withheld: withheldLabel(data.label.column) });
      })),
    ];
  } finally {
    instance.closeSync();
  }
}

async function issuesOf(pointer: string, check: () => Promise<void>): Promise<readonly Issue[]> {
  try {
    await check();
    return [];
  } catch (error) {
    if (!isPerennialError(error)) throw error;
    return error.issues.map((issue) => ({ ...issue, pointer }));
  }
}
