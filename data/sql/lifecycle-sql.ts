import type { Issue } from '../../domain/failure';
import { isPerennialError } from '../../domain/failure';
import type { ModelLifecycleSpec } from '../../domain/lifecycle';
import { withheldLabel } from './feature-policy';
import { checkInSqlProcess } from './sql-checker';

/**
 * What can be said of a lifecycle's SQL before there is data: that it parses, is one SELECT, reads its sources alone and uses functions that are allowed.
 * Columns and types show themselves when the sources are read.
 */
export async function lifecycleSqlIssues({ data }: ModelLifecycleSpec, files: Readonly<Record<string, string>>): Promise<readonly Issue[]> {
  const assemble = { sql: files[data.assemble] ?? '', file: data.assemble };
  const features = { sql: files[data.features] ?? '', file: data.features };
  const sources = data.sources.map(({ name }) => name);
  return [
    ...(await issuesOf('/spec/data/assemble', () => checkInSqlProcess({ kind: 'checkAssembly', text: assemble, tables: sources }))),
    ...(await issuesOf('/spec/data/features', () =>
      checkInSqlProcess({ kind: 'checkFeatures', text: features, withheld: withheldLabel(data.label.column) }),
    )),
  ];
}

async function issuesOf(pointer: string, check: () => Promise<unknown>): Promise<readonly Issue[]> {
  try {
    await check();
    return [];
  } catch (error) {
    if (!isPerennialError(error)) throw error;
    return error.issues.map((issue) => ({ ...issue, pointer }));
  }
}
