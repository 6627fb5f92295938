import type { Verdict } from '../decision/verdict';
import type { ArtifactRef } from './artifact';
import type { ColumnType } from './dataset';

/** The rules that the rows of one source must meet. Several sources may share one. */
export interface DataContract {
  readonly columns: readonly ColumnExpectation[];
  /** Other columns: `allow` passes them on, `refuse` fails the schema check. */
  readonly otherColumns: 'allow' | 'refuse';
  /** Column sets whose combination must be unique; later duplicates are the bad rows. */
  readonly unique: readonly (readonly string[])[];
  readonly rows: { readonly min: number; readonly max: number | null };
  /** Share of rows in quarantine beyond which the run stops. */
  readonly maxQuarantinedShare: number;
  readonly distribution: { readonly columns: readonly string[]; readonly maxPsi: number } | null;
}

/** By source name. A source without a contract is absent. */
export type DataContracts = Readonly<Record<string, DataContract>>;

/** Of own keys only: `constructor` may name a source. */
export function contractOf(contracts: DataContracts, source: string): DataContract | null {
  return Object.hasOwn(contracts, source) ? (contracts[source] ?? null) : null;
}

export interface ColumnExpectation {
  readonly name: string;
  readonly type: ColumnType;
  readonly required: boolean;
  /** Highest share of nulls in the whole; `0` makes each null row a bad row. */
  readonly maxNullShare: number;
  readonly min: number | string | null;
  readonly max: number | string | null;
  readonly values: readonly (string | number)[] | null;
  readonly pattern: string | null;
}

export interface ContractCheck {
  readonly check: string;
  readonly column: string | null;
  readonly passed: boolean | null;
  readonly observed: string;
  readonly expected: string;
  readonly badRows: number;
  /**
   * There was nothing to compare with yet, so nothing was measured and nothing is held against the
   * data; `passed` is true, and the verdict says so.
   */
  readonly notApplicable?: true;
}

/**
 * What validation measured; `passed: null` in a check is "could not be measured" and fails closed.
 */
export interface ContractReport {
  readonly source: string;
  /** The version's dataset, `shop.orders`. */
  readonly dataset: string;
  readonly rows: number;
  readonly accepted: number;
  readonly quarantined: number;
  readonly checks: readonly ContractCheck[];
}

/** One source after its contract. */
export interface ContractResult {
  readonly report: ContractReport;
  /** Parquet of the rows that broke the contract; null when none did. */
  readonly quarantine: ArtifactRef | null;
  readonly verdict: Verdict;
}
