/** The incident of gateways that cannot write predictions to their disks. */
import { defaultTenant } from '../../domain/ids';
import { diskIncident } from '../../domain/incident/disk-incident';
import type { DiskFailure } from '../../domain/serving/disk-failure';
import type { Database } from '../connection';
import { raiseIncident, resolveIncident } from './change';

/**
 * Gateways serve every tenant, so no tenant owns their disks. The administrators of the platform, who
 * can free a disk, have keys of the default tenant.
 */
const of = { tenant: defaultTenant, model: null, key: 'gateway-disk' } as const;
const actor = 'gateway';

/**
 * One incident for all gateways. It is resolved once no live gateway reports a failure. Nothing is
 * resolved while no gateway lives, or while one has started within `startSeconds`, because it may
 * not have had a prediction to write.
 */
export async function followDiskFailures(
  { sql }: Database,
  { startSeconds }: { readonly startSeconds: number },
): Promise<void> {
  const live = await sql<{ url: string; diskFailure: DiskFailure | null; isNew: boolean }[]>`
    select url, disk_failure, started_at > now() - make_interval(secs => ${startSeconds}) as is_new
    from gateways where lease_until > now() order by url`;
  const failures = live.flatMap(({ url, diskFailure }) =>
    diskFailure === null ? [] : [{ url, ...diskFailure }],
  );
  if (failures.length > 0) {
    const incident = {
      ...of,
      version: null,
      kind: 'gateway',
      ...diskIncident(failures),
      actor,
    } as const;
    await sql.begin((tx) => raiseIncident(tx, incident));
  } else if (live.length > 0 && !live.some(({ isNew }) => isNew)) {
    const because = 'no live gateway reports it any more';
    await sql.begin((tx) => resolveIncident(tx, { ...of, because, actor }));
  }
}
