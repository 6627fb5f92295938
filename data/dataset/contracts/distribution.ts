import type { ContractCheck, DataContract } from '../../../domain/dataset/contract';
import type { Column } from '../../../domain/dataset/dataset';
import { quoteName, readParquet, type PlatformSql } from '../../sql/platform-sql';

/** The approved version, or why none is available for comparison. */
export type ReferenceVersion =
  | {
      readonly kind: 'version';
      readonly name: string;
      readonly files: readonly string[];
      readonly columns: readonly Column[];
    }
  | { readonly kind: 'none' }
  | { readonly kind: 'unreadable'; readonly reason: string };

/** View of the accepted rows. */
export const acceptedView = '__contract_accepted';

/** Numbers are compared over the reference's deciles, text over its most frequent values. */
const bins = 10;
const categories = 20;

export async function distributionChecks(
  sql: PlatformSql,
  { distribution }: DataContract,
  {
    reference,
    accepted,
  }: { readonly reference: ReferenceVersion; readonly accepted: readonly Column[] },
): Promise<ContractCheck[]> {
  if (distribution === null) return [];
  const checks: ContractCheck[] = [];
  for (const name of distribution.columns) {
    const result = await compareColumn(sql, {
      name,
      reference,
      accepted,
      maxPsi: distribution.maxPsi,
    });
    checks.push({
      check: 'distribution',
      column: name,
      expected: `PSI at most ${distribution.maxPsi}`,
      badRows: 0,
      ...result,
    });
  }
  return checks;
}

async function compareColumn(
  sql: PlatformSql,
  {
    name,
    reference,
    accepted,
    maxPsi,
  }: {
    readonly name: string;
    readonly reference: ReferenceVersion;
    readonly accepted: readonly Column[];
    readonly maxPsi: number;
  },
): Promise<Pick<ContractCheck, 'passed' | 'observed' | 'notApplicable'>> {
  const toUnmeasured = (why: string): Pick<ContractCheck, 'passed' | 'observed'> => ({
    passed: null,
    observed: `could not be measured: ${why}`,
  });
  if (reference.kind === 'none')
    return {
      passed: true,
      observed: 'not compared: no version has been approved yet',
      notApplicable: true,
    };
  if (reference.kind === 'unreadable') return toUnmeasured(reference.reason);
  const column = accepted.find((candidate) => candidate.name === name);
  const before = reference.columns.find((candidate) => candidate.name === name);
  if (column === undefined) return toUnmeasured('the column does not exist');
  if (before === undefined) return toUnmeasured(`${reference.name} has no such column`);
  if (before.type !== column.type)
    return toUnmeasured(`it was ${before.type} in ${reference.name}`);
  const source = readParquet(reference.files);
  const sides = await sql.one<{ now: number; then: number }>(
    `SELECT (SELECT count(*) FROM ${acceptedView}) AS now, (SELECT count(*) FROM ${source}) AS "then"`,
  );
  if (sides.now === 0 || sides.then === 0)
    return toUnmeasured(
      `${sides.now === 0 ? 'no rows are left' : `${reference.name} has no rows`} to compare`,
    );
  const { psi, bins } = await populationStability(sql, {
    column,
    current: acceptedView,
    reference: source,
  });
  return {
    passed: psi <= maxPsi,
    observed: `PSI ${psi.toFixed(3)} over ${bins} bins against ${reference.name}`,
  };
}

export interface PopulationShift {
  readonly psi: number;
  readonly bins: number;
}

/**
 * Population stability index of one column between two relations: Σ (p − q) · ln(p / q) over bins,
 * one of them for missing values. Laplace smoothing by half a row keeps a single empty bin from
 * deciding. (Siddiqi, Credit Risk Scorecards, 2006; by convention 0.1 is a small shift and 0.25 a
 * large one.)
 */
async function populationStability(
  sql: PlatformSql,
  {
    column,
    current,
    reference,
  }: { readonly column: Column; readonly current: string; readonly reference: string },
): Promise<PopulationShift> {
  const edges =
    column.type === 'string' || column.type === 'boolean'
      ? null
      : await deciles(sql, column, reference);
  const bin =
    edges === null ? await frequentValues(sql, column, reference) : intervals(column, edges);
  const rows = await sql.rows<{ bin: string; p: number; q: number }>(
    `SELECT bin, sum(p) AS p, sum(q) AS q FROM (
       SELECT ${bin} AS bin, count(*) AS p, 0 AS q FROM ${current} GROUP BY 1
       UNION ALL SELECT ${bin}, 0, count(*) FROM ${reference} GROUP BY 1)
     GROUP BY bin ORDER BY bin`,
  );
  return { psi: stabilityIndex(rows), bins: rows.length };
}

export function stabilityIndex(
  counts: readonly { readonly p: number; readonly q: number }[],
): number {
  const total = (side: 'p' | 'q'): number =>
    counts.reduce((sum, count) => sum + count[side], 0) + 0.5 * counts.length;
  const [totalP, totalQ] = [total('p'), total('q')];
  return counts.reduce((sum, count) => {
    const p = (count.p + 0.5) / totalP;
    const q = (count.q + 0.5) / totalQ;
    return sum + (p - q) * Math.log(p / q);
  }, 0);
}

function asNumber({ name, type }: Column): string {
  return type === 'timestamp' ? `epoch(${quoteName(name)})` : `${quoteName(name)}::DOUBLE`;
}

async function deciles(
  sql: PlatformSql,
  column: Column,
  reference: string,
): Promise<readonly number[]> {
  const value = asNumber(column);
  const shares = Array.from({ length: bins - 1 }, (_, i) => (i + 1) / bins);
  const { edges } = await sql.one<{ edges: readonly number[] | null }>(
    `SELECT quantile_disc(${value}, [${shares.join(', ')}]) FILTER (WHERE isfinite(${value})) AS edges FROM ${reference}`,
  );
  return [...new Set(edges ?? [])];
}

/** SQL for the bin: `a` for missing values, then one letter per decile of the reference. */
function intervals(column: Column, edges: readonly number[]): string {
  const value = asNumber(column);
  const cases = edges.map((edge, i) => `WHEN ${value} <= ${edge}::DOUBLE THEN '${letter(i + 1)}'`);
  return `CASE WHEN coalesce(isnan(${value}), true) THEN 'a' ${cases.join(' ')} ELSE '${letter(edges.length + 1)}' END`;
}

function letter(index: number): string {
  return String.fromCharCode(97 + index);
}

/** SQL for the bin: the value if it is frequent in the reference, `missing` or `other`. */
async function frequentValues(
  sql: PlatformSql,
  column: Column,
  reference: string,
): Promise<string> {
  const value = `${quoteName(column.name)}::VARCHAR`;
  const top = `__frequent_${Buffer.from(column.name).toString('hex')}`;
  await sql.run(
    `CREATE OR REPLACE TEMP TABLE ${top} AS
     SELECT ${value} AS value FROM ${reference} WHERE ${value} IS NOT NULL GROUP BY 1 ORDER BY count(*) DESC, 1 LIMIT ${categories}`,
  );
  return `CASE WHEN ${value} IS NULL THEN 'missing' WHEN ${value} IN (SELECT value FROM ${top}) THEN '=' || ${value} ELSE 'other' END`;
}
