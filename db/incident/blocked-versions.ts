/** Incidents of versions that a gateway cannot load, for example because a file was exchanged. */
import type { Tenant } from '../../domain/ids';
import { versionName } from '../../domain/model/model';
import type { Database } from '../connection';
import type { BlockedVersion } from '../serving/gateway-repository';
import { raiseIncident, resolveIncident, type RaisedIncident } from './change';

const actor = 'gateway';

interface BlockedAnywhere extends Omit<BlockedVersion, 'tenant'> {
  readonly tenant: Tenant;
  readonly gateways: number;
}

/**
 * Opens an incident for each wanted version that a live gateway cannot load, and resolves it once
 * the live gateways can load what is wanted. While no gateway lives, nothing is resolved.
 */
export async function followBlockedVersions({ sql }: Database): Promise<void> {
  const blocked = await sql<BlockedAnywhere[]>`
    select b.tenant, b.model, b.version, b.alias, min(b.error) as error, count(*)::int as gateways
    from gateways g cross join lateral json_to_recordset(g.blocked) as b (tenant text, model text, version int, alias text, error text)
    where g.lease_until > now() and g.blocked is not null
      and not exists (
        select from incidents i where i.tenant_id = b.tenant and i.model = b.model and i.key = 'blocked-' || b.version and i.status <> 'resolved'
      )
    group by 1, 2, 3, 4 order by 1, 2, 3, 4`;
  for (const each of blocked) await sql.begin((tx) => raiseIncident(tx, blockedIncident(each)));
  const over = await sql<Pick<RaisedIncident, 'tenant' | 'model' | 'key'>[]>`
    select i.tenant_id as tenant, i.model, i.key from incidents i
    where i.kind = 'artifact' and i.key like 'blocked-%' and i.status <> 'resolved'
      and exists (select from gateways where lease_until > now())
      and not exists (
        select from gateways g cross join lateral json_to_recordset(g.blocked) as b (tenant text, model text, version int)
        where g.lease_until > now() and g.blocked is not null and b.tenant = i.tenant_id and b.model = i.model and i.key = 'blocked-' || b.version
      )`;
  const because = 'every live gateway can serve what it is to serve';
  for (const of of over) await sql.begin((tx) => resolveIncident(tx, { ...of, because, actor }));
}

function blockedIncident({
  tenant,
  model,
  version,
  alias,
  error,
  gateways,
}: BlockedAnywhere): RaisedIncident {
  const name = versionName({ model, version });
  const by = gateways === 1 ? 'A gateway' : `${gateways} gateways`;
  return {
    tenant,
    model,
    version,
    kind: 'artifact',
    key: `blocked-${version}`,
    severity: alias === 'champion' ? 'critical' : 'warning',
    title: `${name} cannot be loaded`,
    story: {
      what: `${by} cannot load ${name}, the ${alias}: ${error}.`,
      since: null,
      howLarge: null,
      features: [],
      slice: null,
      dataVersion: null,
      engineDid:
        'No gateway serves files that differ from those that were evaluated. A gateway that has an ' +
        'earlier version loaded answers with it. Other gateways answer requests for the model with 503.',
      waitsFor: `Restore the files of ${name} in the artifact store, or serve another version: perennial model rollback ${model}`,
    },
    actor,
  };
}
