import type { Verdict } from '../verdict';
import type { ArtifactRef } from '../artifact';
import type { ColumnType } from './dataset';

/** The rules that the rows of one source must meet. Several sources may share one. */
export interface DataContract {
  readonly columns: readonly ColumnExpectation[];
  /** Other columns: `allow` keeps them, `refuse` fails the check. */
  readonly otherColumns: 'allow' | 'refuse';
  /** Sets of columns that must be unique together; later duplicates go to quarantine. */
  readonly unique: readonly (readonly string[])[];
  readonly rows: { readonly min: number; readonly max: number | null };
  /** The share of rows in quarantine above which the run stops. */
  readonly maxQuarantinedShare: number;
  readonly distribution: { readonly columns: readonly string[]; readonly maxPsi: number } | null;
}

/** By source name. A source without a contract is absent. */
export type DataContracts = Readonly<Record<string, DataContract>>;

/** Reads own keys only, because a source may be named `constructor`. */
export function findContract(contracts: DataContracts, source: string): DataContract | null {
  return Object.hasOwn(contracts, source) ? (contracts[source] ?? null) : null;
}

export interface ColumnExpectation {
  readonly name: string;
  readonly type: ColumnType;
  readonly required: boolean;
  /** The largest share of nulls; 0 quarantines each row with a null. */
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
  /** There was no version to compare with; `passed` is then true, and the verdict says so. */
  readonly notApplicable?: true;
}

/** The results of validation. `passed: null` was not measured, which makes it inconclusive. */
export interface ContractReport {
  readonly source: string;
  /** The version's dataset, `shop.orders`. */
  readonly dataset: string;
  readonly rows: number;
  readonly accepted: number;
  readonly quarantined: number;
  readonly checks: readonly ContractCheck[];
}

/** The result of one source's contract. */
export interface ContractResult {
  readonly report: ContractReport;
  /** Parquet of the quarantined rows; null without any. */
  readonly quarantine: ArtifactRef | null;
  readonly verdict: Verdict;
}
