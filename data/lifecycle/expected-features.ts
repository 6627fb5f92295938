import type { DataContracts } from '../../domain/dataset/contract';
import { findContract } from '../../domain/dataset/contract';
import type { DataSpec } from '../../domain/lifecycle/lifecycle';
import type { FeatureColumn } from '../../domain/model/model';
import { acceptedColumns } from '../dataset/contracts/validate-contract';
import { bindLifecycleSql } from '../sql/lifecycle-sql';
import type { SourceTables } from './source-tables';

export interface LifecycleData {
  readonly lifecycle: string;
  readonly data: DataSpec;
  readonly contracts: DataContracts;
  /** Texts of the SQL files by path. */
  readonly files: Readonly<Record<string, string>>;
}

/**
 * The features that a run of the lifecycle would compute from its sources. Null when a source is
 * not readable now, or when the SQL does not fit it; a run then reports it.
 */
export async function expectedFeatures(
  { lifecycle, data, contracts, files }: LifecycleData,
  tables: SourceTables,
): Promise<readonly FeatureColumn[] | null> {
  const readings = Object.entries(await tables.read(data, lifecycle));
  const columns = readings.flatMap(([source, reading]) => {
    if (reading.kind !== 'read') return [];
    const contract = findContract(contracts, source);
    return [
      [source, contract ? acceptedColumns(contract, reading.columns) : reading.columns] as const,
    ];
  });
  if (columns.length < data.sources.length) return null;
  return (await bindLifecycleSql(data, files, Object.fromEntries(columns))).features;
}
