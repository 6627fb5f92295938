/** Incidents of versions that a gateway cannot load, for example because a file was exchanged. */
import type { Tenant } from '../../domain/ids';
import { versionName } from '../../domain/model/model';
import type { Database } from '../connection';
import type { BlockedVersion } from '../../domain/serving/blocked-version';
import { raiseIncident, resolveIncident, type RaisedIncident } from './change';

const actor = 'gateway';

interface BlockedAnywhere extends Omit<BlockedVersion, 'tenant'> {
  readonly tenant: Tenant;
  readonly gateways: number;
}

/**
 * Opens an incident for each wanted version that a live gateway cannot load, and resolves it once no
 * live gateway says so. Nothing is resolved while no gateway lives, or while one has started within
 * `startSeconds`, because it may not have tried to load what it is to serve.
 */
export async function followBlockedVersions(
  { sql }: Database,
  { startSeconds }: { readonly startSeconds: number },
): Promise<void> {
  const blocked = await sql<BlockedAnywhere[]>`
    select b.tenant, b.model, b.version, min(b.alias) as alias, min(b.error) as error, count(*)::int as gateways
    from gateways g cross join lateral json_to_recordset(g.blocked) as b (tenant text, model text, version int, alias text, error text)
    where g.lease_until > now() and g.blocked is not null
      and not exists (
        select from incidents i where i.tenant_id = b.tenant and i.model = b.model and i.key = 'blocked-' || b.version and i.status <> 'resolved'
      )
    group by 1, 2, 3 order by 1, 2, 3`;
  for (const each of blocked) await sql.begin((tx) => raiseIncident(tx, blockedIncident(each)));
  const over = await sql<Pick<RaisedIncident, 'tenant' | 'model' | 'key'>[]>`
    select i.tenant_id as tenant, i.model, i.key from incidents i
    where i.kind = 'artifact' and i.key like 'blocked-%' and i.status <> 'resolved'
      and exists (select from gateways where lease_until > now())
      and not exists (select from gateways where lease_until > now() and started_at > now() - make_interval(secs => ${startSeconds}))
      and not exists (
        select from gateways g cross join lateral json_to_recordset(g.blocked) as b (tenant text, model text, version int)
        where g.lease_until > now() and g.blocked is not null and b.tenant = i.tenant_id and b.model = i.model and i.key = 'blocked-' || b.version
      )`;
  const because = 'no live gateway reports it any more';
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
      ...(alias === 'champion'
        ? {
            engineDid:
              'No gateway serves files that differ from those that were evaluated. A gateway that has ' +
              'an earlier version loaded answers with it. Other gateways answer requests for the model ' +
              'with 503.',
            waitsFor: `Restore the files of ${name} in the artifact store, or serve another version: perennial model rollback ${model}`,
          }
        : {
            engineDid: 'The champion answers all requests. The rollout waits for the gateways.',
            waitsFor: `Restore the files of ${name} in the artifact store, or end the rollout: perennial rollout abort ${model}`,
          }),
    },
    actor,
  };
}
