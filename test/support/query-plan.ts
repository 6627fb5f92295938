import type { Query } from '../../db/connection';
import type { Statement } from '../../db/sql';

export interface QueryPlan {
  readonly rowsRead: number;
  /** The index that each node uses, or the kind of a node without one, such as `Seq Scan`. */
  readonly indexes: readonly string[];
}

/**
 * Runs the statement and returns the rows that it read and the indexes that it used, for tables and
 * partitions whose names begin with `table`.
 */
export async function explain(
  sql: Query,
  statement: Statement<object[]>,
  table: string,
): Promise<QueryPlan> {
  const [row] = await sql<
    { 'QUERY PLAN': readonly { readonly Plan: PlanNode }[] }[]
  >`explain (analyze, format json) ${statement}`;
  const nodes = listNodes(row?.['QUERY PLAN'][0]?.Plan).filter((node) =>
    node['Relation Name']?.startsWith(table),
  );
  return {
    // PostgreSQL reports rounded means over the loops.
    rowsRead: Math.round(
      nodes.reduce(
        (sum, node) =>
          sum +
          (node['Actual Rows'] + (node['Rows Removed by Filter'] ?? 0)) * node['Actual Loops'],
        0,
      ),
    ),
    indexes: nodes.map((node) => node['Index Name'] ?? node['Node Type']),
  };
}

interface PlanNode {
  readonly 'Node Type': string;
  readonly 'Relation Name'?: string;
  readonly 'Index Name'?: string;
  readonly 'Actual Rows': number;
  readonly 'Actual Loops': number;
  readonly 'Rows Removed by Filter'?: number;
  readonly Plans?: readonly PlanNode[];
}

function listNodes(plan: PlanNode | undefined): readonly PlanNode[] {
  return plan === undefined ? [] : [plan, ...(plan.Plans ?? []).flatMap(listNodes)];
}
