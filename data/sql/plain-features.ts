import { DuckDBInstance } from '@duckdb/node-api';
import type { Column } from '../../domain/dataset/dataset';
import { missingText } from '../../domain/model/model';
import type { FeatureColumns } from './feature-runner';
import type { FeaturePlan } from './feature-compiler';
import { lockDownDatabase } from './lock-down';
import { parseSelect, type SyntaxNode } from './syntax';

/**
 * Features that are unchanged request columns. They need no database, which saves half a
 * millisecond per request.
 */
export interface PlainFeatures {
  /** The same values as from `FeatureRunner`. */
  compute(rows: readonly Readonly<Record<string, unknown>>[]): FeatureColumns;
}

type Convert = (value: unknown) => string | number;

/** Null when a feature of the plan is more than a renamed column. */
export async function plainFeatures(plan: FeaturePlan): Promise<PlainFeatures | null> {
  const columns = await sourceColumns(plan);
  if (columns === null) return null;
  const parts = plan.features.map(({ name, type }, i) => {
    const column = columns[i] as Column;
    return { name, source: column.name, convert: type === 'string' ? text : number };
  });
  return {
    compute(rows) {
      const computed: FeatureColumns = {};
      for (const { name, source, convert } of parts)
        computed[name] = readValues(rows, source, convert);
      return computed;
    },
  };
}

async function sourceColumns(plan: FeaturePlan): Promise<readonly Column[] | null> {
  const instance = await DuckDBInstance.create(':memory:', { threads: '1', temp_directory: '' });
  try {
    const connection = await instance.connect();
    await lockDownDatabase(connection, null);
    const { node } = await parseSelect(connection, plan.text);
    const { select_list: list, from_table: from } = node as {
      readonly select_list: readonly SyntaxNode[];
      readonly from_table: SyntaxNode;
    };
    const columns = list.map((expression) =>
      plainColumn(expression, plan, String(from.alias ?? from.table_name)),
    );
    return columns.length === plan.features.length && columns.every((column) => column !== null)
      ? columns
      : null;
  } finally {
    instance.closeSync();
  }
}

function plainColumn(expression: SyntaxNode, plan: FeaturePlan, relation: string): Column | null {
  if (expression.class !== 'COLUMN_REF') return null;
  const names = (expression.column_names ?? []) as readonly string[];
  const name = names.at(-1)?.toLowerCase();
  if (
    names.length > 2 ||
    (names.length === 2 && names[0]?.toLowerCase() !== relation.toLowerCase())
  )
    return null;
  // A timestamp cannot be a feature; a name that is not a column refers to another feature.
  return plan.requestColumns.find((column) => column.name.toLowerCase() === name) ?? null;
}

function readValues(
  rows: readonly Readonly<Record<string, unknown>>[],
  source: string,
  convert: Convert,
): (string | number)[] {
  const values: (string | number)[] = [];
  for (const row of rows) values.push(convert(row[source]));
  return values;
}

const text: Convert = (value) => (typeof value === 'string' ? value : missingText);

/**
 * Like `finished` in feature-compiler.ts: numbers that a 32-bit float cannot hold are missing, and
 * minus zero is zero.
 */
const number: Convert = (value) => {
  const plain = typeof value === 'boolean' ? Number(value) : value;
  return typeof plain === 'number' && Math.abs(plain) <= 3.4028234663852886e38 ? plain + 0 : NaN;
};
