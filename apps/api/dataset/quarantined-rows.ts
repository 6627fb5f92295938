import type { ArtifactStore } from '../../../data/artifact/store';
import {
  readQuarantined,
  type QuarantinedRow,
} from '../../../data/dataset/contracts/quarantined-rows';
import { openScratch } from '../../../data/scratch';
import type { QuarantineRecord } from '../../../db/dataset/records';
import type { Registry } from '../../../db/registry';
import { formatByteSize } from '../../../domain/byte-size';
import { failure } from '../../../domain/failure';
import type { Tenant } from '../../../domain/ids';

export interface QuarantineDeps {
  readonly registry: Pick<Registry, 'datasets'>;
  readonly artifacts: Pick<ArtifactStore, 'toFile'>;
  readonly scratchRoot: string;
}

export interface QuarantinedRowsRequest {
  readonly tenant: Tenant;
  readonly dataset: string;
  readonly id: string;
  readonly limit: number;
  readonly actor: string;
}

/** The limit of the file size. Only the whole file can be verified, and the caller waits for it. */
const largest = 256 << 20;

/**
 * Returns the first rows of a quarantine. The audit row is written first, so that no answer is sent
 * without one.
 */
export async function readQuarantinedRows(
  { registry, artifacts, scratchRoot }: QuarantineDeps,
  { tenant, dataset, id, limit, actor }: QuarantinedRowsRequest,
): Promise<{ readonly quarantine: QuarantineRecord; readonly items: readonly QuarantinedRow[] }> {
  const quarantine = await registry.datasets.quarantine.inspect({
    tenant,
    dataset,
    id,
    rows: limit,
    actor,
  });
  if (!quarantine)
    throw failure('NotFound', `${dataset} has no quarantine ${id}`, {
      next: `perennial dataset quarantine ${dataset}`,
    });
  const { artifact } = quarantine;
  if (artifact.bytes > largest) {
    const size = `${formatByteSize(artifact.bytes)}, more than ${formatByteSize(largest)}`;
    throw failure('InvalidInput', `the rows of ${id} are too large to show here: ${size}`, {
      next: `read the Parquet file ${artifact.uri}`,
    });
  }
  const scratch = await openScratch(scratchRoot, 'quarantine');
  try {
    const path = scratch.path('rows.parquet');
    await artifacts.toFile(artifact, path);
    return { quarantine, items: await readQuarantined(path, limit) };
  } finally {
    await scratch.dispose();
  }
}
