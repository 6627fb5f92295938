import type { Column } from '../../domain/dataset/dataset';
import type { Issue } from '../../domain/failure';
import { isPerennialError } from '../../domain/failure';
import type { DataSpec } from '../../domain/lifecycle/lifecycle';
import type { FeatureColumn } from '../../domain/model/model';
import type { LifecycleSqlParts } from '../../domain/lifecycle/parts';
import { keyColumnIssues } from '../dataset/assemble/key-columns';
import { withheldLabel } from './feature-policy';
import { checkInSqlProcess } from './sql-checker';

type SqlFiles = Readonly<Record<string, string>>;

/**
 * Checks a lifecycle's SQL without data: it parses, is one SELECT, reads only its sources and uses
 * allowed functions. Missing files are reported elsewhere.
 */
export async function lifecycleSqlIssues(
  { assemble, features, sources, label }: LifecycleSqlParts,
  files: SqlFiles,
): Promise<readonly Issue[]> {
  const [assembly, featured] = [findSqlText(assemble, files), findSqlText(features, files)];
  const withheld = label === null ? {} : withheldLabel(label);
  return [
    ...(assembly === null
      ? []
      : await findIssues('/spec/data/assemble', () =>
          checkInSqlProcess({ kind: 'checkAssembly', text: assembly, tables: sources }),
        )),
    ...(featured === null
      ? []
      : await findIssues('/spec/data/features', () =>
          checkInSqlProcess({ kind: 'checkFeatures', text: featured, withheld }),
        )),
  ];
}

/**
 * Issues from binding the SQL to its sources. The request columns if the assembly is valid, and the
 * features if `features.sql` is valid too.
 */
export interface BoundSql {
  readonly issues: readonly Issue[];
  readonly request: readonly Column[] | null;
  readonly features: readonly FeatureColumn[] | null;
}

/**
 * Binds the SQL to the columns of its sources in the process for user SQL. Finds missing columns,
 * wrong types and missing key columns. `tables` are the sources as the assembly reads them. SQL
 * that
 * `lifecycleSqlIssues` refuses gives the same issues again.
 */
export async function bindLifecycleSql(
  data: DataSpec,
  files: SqlFiles,
  tables: Readonly<Record<string, readonly Column[]>>,
): Promise<BoundSql> {
  const [assembly, featured] = [
    findSqlText(data.assemble, files),
    findSqlText(data.features, files),
  ];
  if (assembly === null) return { issues: [], request: null, features: null };
  const given: Column[] = [];
  const unbound = await findIssues('/spec/data/assemble', async () => {
    given.push(...(await checkInSqlProcess({ kind: 'bindAssembly', text: assembly, tables })));
  });
  if (unbound.length > 0) return { issues: unbound, request: null, features: null };
  const request = given.filter(({ name }) => name !== data.label.column);
  const withheld = withheldLabel(data.label.column);
  const compiled: FeatureColumn[] = [];
  const unfeatured =
    featured === null
      ? []
      : await findIssues('/spec/data/features', async () => {
          const plan = await checkInSqlProcess({
            kind: 'compileFeatures',
            text: featured,
            request,
            withheld,
          });
          compiled.push(...plan.features);
        });
  const features = compiled.length === 0 ? null : compiled;
  return { issues: [...keyColumnIssues(given, data), ...unfeatured], request, features };
}

function findSqlText(
  path: string | null,
  files: SqlFiles,
): { readonly sql: string; readonly file: string } | null {
  const sql = path !== null && Object.hasOwn(files, path) ? files[path] : undefined;
  return path === null || sql === undefined || sql.trim() === '' ? null : { sql, file: path };
}

async function findIssues(
  pointer: string,
  check: () => Promise<unknown>,
): Promise<readonly Issue[]> {
  try {
    await check();
    return [];
  } catch (error) {
    if (!isPerennialError(error)) throw error;
    return error.issues.map((issue) => ({ ...issue, pointer }));
  }
}
