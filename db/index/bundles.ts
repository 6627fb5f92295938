/**
 * The relation between release bundles and index versions: the lineage edge that
 * activities/language/bundle-version.ts writes.
 */
import { failure } from '../../domain/failure';
import type { Tenant } from '../../domain/ids';
import type { IndexState } from '../../domain/index/version';
import type { Columns } from '../columns';
import type { Query, Transaction } from '../connection';
import type { IndexName } from './records';
import type { modelVersions } from '../model/schema';
import type { gateways } from '../serving/gateway-schema';

export interface BundleName {
  readonly tenant: Tenant;
  readonly model: string;
  readonly version: number;
}

export interface NamedIndex {
  readonly index: string;
  readonly version: number;
  readonly state: IndexState;
}

/**
 * The index version that the bundle uses; null for bundles without retrieval and classical models.
 */
export async function indexOfBundle(
  sql: Query,
  { tenant, model, version }: BundleName,
): Promise<NamedIndex | null> {
  const [row] = await sql<NamedIndex[]>`
    select v.index, v.version, v.state from lineage_edges e
    join index_versions v on v.tenant_id = e.tenant_id and v.index = e.from_name and v.version = e.from_version
    where e.tenant_id = ${tenant} and e.from_kind = 'index' and e.to_kind = 'model' and e.to_name = ${model} and e.to_version = ${version}`;
  return row ?? null;
}

/**
 * Call this first in a move of champions. The locks last until the commit, so no index is retired
 * meanwhile. Locks in the order of names to avoid deadlocks.
 */
export async function lockIndexes(
  tx: Transaction,
  { tenant, model }: Pick<BundleName, 'tenant' | 'model'>,
  versions: readonly number[],
): Promise<void> {
  await tx`
    select from indexes where tenant_id = ${tenant} and name in (
      select from_name from lineage_edges
      where tenant_id = ${tenant} and from_kind = 'index' and to_kind = 'model' and to_name = ${model} and to_version = any(${[...versions]})
    ) order by name for update`;
}

/** Conflict unless the index of the bundle is ready. */
export async function requireReadyIndex(tx: Transaction, bundle: BundleName): Promise<void> {
  const named = await indexOfBundle(tx, bundle);
  if (!named || named.state === 'ready') return;
  const { model, version } = bundle;
  throw failure(
    'Conflict',
    `${model}@${version} uses ${named.index}@${named.version}, which is ${named.state} and cannot be searched`,
    {
      next: `perennial run start ${model}`,
    },
  );
}

type Role = 'champion' | 'challenger' | 'previous' | 'candidate';

const releaseAdvice: Readonly<Record<Role, (model: string) => string>> = {
  champion: (model) =>
    `perennial run start ${model}: its index is free after two newer bundles were promoted`,
  challenger: (model) => `perennial rollout show ${model}: its rollout is open`,
  previous: (model) =>
    `perennial run start ${model}: a rollback needs it until another bundle is promoted`,
  candidate: (model) => `perennial run list ${model}: a run evaluates it`,
};

/**
 * Refuses while a bundle may use the index version: as an alias, in a rollout or in a running
 * evaluation. Also refuses while a gateway has not applied the last move.
 */
export async function refuseWhileNeeded(
  tx: Transaction,
  { tenant, index, version }: IndexName & { readonly version: number },
): Promise<void> {
  const named = tx`
    select to_name as model, to_version as version from lineage_edges
    where tenant_id = ${tenant} and from_kind = 'index' and from_name = ${index} and from_version = ${version} and to_kind = 'model'`;
  const [bundle] = await tx<
    (Columns<typeof modelVersions, 'model' | 'version'> & { readonly role: Role })[]
  >`
    select * from (
      select m.model, m.version, case when a.alias is not null then a.alias when r.id is not null then 'challenger' else 'candidate' end as role
      from (${named}) n
      join model_versions m on m.tenant_id = ${tenant} and m.model = n.model and m.version = n.version
      join runs on runs.tenant_id = ${tenant} and runs.id = m.run_id
      left join model_aliases a on a.tenant_id = ${tenant} and a.model = n.model and a.version = n.version
      left join rollouts r on r.tenant_id = ${tenant} and r.model = n.model and r.challenger = n.version and r.ended_at is null
      where a.alias is not null or r.id is not null or (m.status = 'candidate' and runs.ended_at is null)
    ) needed order by array_position(array['champion', 'challenger', 'previous', 'candidate'], role), version desc limit 1`;
  if (bundle) {
    const { model, role } = bundle;
    const told = `${index}@${version} is used by ${model}@${bundle.version}, the ${role} of ${model}, so its table is kept`;
    throw failure('Conflict', told, { next: releaseAdvice[role](model) });
  }
  const [behind] = await tx<Columns<typeof gateways, 'url'>[]>`
    select g.url from gateways g, routing_epoch r where g.lease_until > now() and g.epoch < r.epoch and exists (${named}) limit 1`;
  if (behind)
    throw failure(
      'Conflict',
      `the gateway ${behind.url} may still use ${index}@${version}: it has not applied the last change of routing`,
      {
        next: 'try again in a second; perennial doctor shows which gateways respond',
      },
    );
}
