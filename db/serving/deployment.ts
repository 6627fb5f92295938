import type { RunId, Tenant } from '../../domain/ids';
import type { Query } from '../connection';

export interface Deployment {
  readonly tenant: Tenant;
  readonly model: string;
  readonly version: number;
  /**
   * Fencing number of the move that made the version the champion. It numbers the model's
   * deployments.
   */
  readonly fencing: number;
  readonly runId: RunId | null;
}

/**
 * Adds the lineage edge from a version to its deployment in the transaction of the move. Exactly
 * the versions that served have one.
 */
export async function appendDeployment(
  tx: Query,
  { tenant, model, version, fencing, runId }: Deployment,
): Promise<void> {
  await tx`
    insert into lineage_edges (tenant_id, from_kind, from_name, from_version, from_digest, to_kind, to_name, to_version, to_digest, run_id)
    select tenant_id, 'model', model, version, digest, 'deployment', model, ${fencing}::int, digest, ${runId} from model_versions
    where tenant_id = ${tenant} and model = ${model} and version = ${version}`;
}
