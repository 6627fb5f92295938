import type { ColumnType } from './dataset';

/** The expectations that one dataset must meet. */
export interface DataContract {
  /** A source of the lifecycle. */
  readonly dataset: string;
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
  /** The version's dataset, `shop.orders`. */
  readonly dataset: string;
  readonly rows: number;
  readonly accepted: number;
  readonly quarantined: number;
  readonly checks: readonly ContractCheck[];
}
