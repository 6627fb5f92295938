import { openSourceTables, type SourceTables } from '../../../data/lifecycle/source-tables';
import type { SourcePolicy } from '../../../data/dataset/sources/policy';
import type { Registry } from '../../../db/registry';
import type { DatasetAlias } from '../../../db/dataset/records';
import { datasetName } from '../../../domain/dataset/dataset';
import type { Tenant } from '../../../domain/ids';

interface TablesDeps {
  readonly registry: Pick<Registry, 'datasets'>;
  readonly sources: SourcePolicy;
  readonly scratchRoot: string;
}

/** Reads the sources that this process can read, and datasets of the registry for the others. */
export function registeredTables(
  { registry: { datasets }, sources, scratchRoot }: TablesDeps,
  tenant: Tenant,
): SourceTables {
  const readColumns = async (dataset: string, version: number) =>
    (await datasets.get({ tenant, dataset, version }))?.columns ?? null;
  const columnsAt = async (dataset: string, alias: DatasetAlias) => {
    const version = await datasets.alias({ tenant, dataset, alias });
    return version === null ? null : readColumns(dataset, version.version);
  };
  return openSourceTables({
    policy: sources,
    scratchRoot,
    lastVersion: ({ lifecycle, source }) => columnsAt(datasetName(lifecycle, source), 'latest'),
    async registered(dataset, reference) {
      if (/^\d{1,9}$/.test(reference)) return readColumns(dataset, Number(reference));
      const alias = aliases.find((each) => each === reference);
      return alias === undefined ? null : columnsAt(dataset, alias);
    },
  });
}

const aliases: readonly DatasetAlias[] = ['latest', 'approved'];
