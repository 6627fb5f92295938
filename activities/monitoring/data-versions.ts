import type { Tenant } from '../../domain/ids';
import {
  dataVersionText,
  type MonitorStory,
} from '../../domain/monitoring/observation/monitor-story';
import { trainingData } from '../../db/lineage/training-data';
import type { Registry } from '../../db/registry';

/** What the incident of an alarm says of dataset versions; null if the lineage names none. */
export async function describeDataVersions(
  registry: Pick<Registry, 'lineage' | 'datasets'>,
  {
    tenant,
    model,
    version,
    kind,
  }: {
    readonly tenant: Tenant;
    readonly model: string;
    readonly version: number;
    readonly kind: MonitorStory['kind'];
  },
): Promise<string | null> {
  const trainedOn = await trainingData(registry.lineage, { tenant, model, version });
  const newest = await Promise.all(
    trainedOn.map(async ({ dataset, version: of }) => {
      const { items } = await registry.datasets.versions({ tenant, dataset, pageSize: 1 });
      return { dataset, version: items[0]?.version ?? of };
    }),
  );
  return dataVersionText(kind, { trainedOn, newest });
}
