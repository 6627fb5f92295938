import type { LifecycleSpec } from '../../../domain/lifecycle/revision';
import type { ApiClient } from '../../client/api-client';

/** The spec of the applied revision. The API describes it as a document of any version. */
export async function appliedSpec(api: ApiClient, name: string): Promise<LifecycleSpec> {
  const { spec } = await api.call('GET /lifecycles/{name}', { path: { name } });
  return spec as LifecycleSpec;
}
