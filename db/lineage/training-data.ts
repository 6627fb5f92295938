import {
  datasetName,
  holdoutRows,
  requestRows,
  type DatasetVersionRef,
} from '../../domain/dataset/dataset';
import type { Tenant } from '../../domain/ids';
import type { LineageRepository } from './repository';

/** The datasets that the training set was assembled from; tables that assembly made are left out. */
export async function trainingData(
  lineage: Pick<LineageRepository, 'of'>,
  {
    tenant,
    model,
    version,
  }: { readonly tenant: Tenant; readonly model: string; readonly version: number },
): Promise<readonly Pick<DatasetVersionRef, 'dataset' | 'version'>[]> {
  const edges = await lineage.of({
    tenant,
    node: { kind: 'model', name: model, version },
    direction: 'upstream',
  });
  const made = [requestRows, holdoutRows].map((table) => datasetName(model, table));
  const newest = new Map<string, number>();
  for (const { from } of edges)
    if (from.kind === 'dataset' && from.version !== undefined && !made.includes(from.name))
      newest.set(from.name, Math.max(from.version, newest.get(from.name) ?? 0));
  return [...newest].map(([dataset, of]) => ({ dataset, version: of }));
}
