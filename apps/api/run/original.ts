import { failure } from '../../../domain/failure';
import type { OriginalRun } from '../../../domain/run/rerun';
import type { Registry } from '../../../db/registry';
import type { RunRecord } from '../../../db/run/repository';

/**
 * The run whose stages another one reuses.
 * @throws NotFound when its revision does not exist, for example because it was deleted.
 */
export async function readOriginal(
  registry: Pick<Registry, 'stages' | 'lifecycles'>,
  { tenant, id, lifecycle: name, revisionDigest: digest, status, request }: RunRecord,
): Promise<OriginalRun> {
  const revision = await registry.lifecycles.get({ tenant, name, digest });
  if (!revision)
    throw failure('NotFound', `the revision of ${id} no longer exists`, {
      next: `perennial run start ${name}`,
    });
  return {
    id,
    status,
    revision,
    request,
    stages: await registry.stages.list({ tenant, runId: id }),
  };
}
