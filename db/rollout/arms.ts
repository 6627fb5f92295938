import type { Tenant } from '../../domain/ids';
import { failure } from '../../domain/failure';
import type { CanarySpec } from '../../domain/rollout/canary';
import { versionName } from '../../domain/model/model';
import type { AbObservations, ArmObservations } from '../../domain/rollout/state';
import { readStatus } from '../model/state';
import { appendAudit } from '../audit/entry';
import type { Query, Transaction } from '../connection';
import { readArmControls, readFailed } from './control';
import type { Cause, DuePair } from './records';
import type { RolloutRow } from './state';

/**
 * Checks the versions that an A/B rollout names. @throws Conflict if one is unknown, was rejected
 * or withdrawn, or is already in the rollout
 */
export async function checkFurtherChallengers(
  tx: Transaction,
  rollout: {
    readonly tenant: Tenant;
    readonly model: string;
    readonly champion: number;
    readonly challenger: number;
    readonly spec: CanarySpec;
  },
): Promise<void> {
  const { tenant, model, champion, challenger, spec } = rollout;
  for (const version of spec.against ?? []) {
    const name = versionName({ model, version });
    const [found] = await tx`
      select from model_versions where tenant_id = ${tenant} and model = ${model} and version = ${version}`;
    const status = found === undefined ? null : await readStatus(tx, { tenant, model, version });
    const why =
      status === null
        ? 'does not exist'
        : status === 'rejected' || status === 'withdrawn'
          ? `was ${status}`
          : version === champion
            ? 'is the champion'
            : version === challenger
              ? "is the run's own version"
              : null;
    if (why !== null)
      throw failure('Conflict', `spec.canary.against names ${name}, which ${why}`, {
        next: `perennial model show ${model}`,
      });
  }
}

/** Every challenger has an equal part of the weight; the champion has the rest. */
export async function insertArms(
  tx: Transaction,
  { tenantId: tenant, id, model, champion, challenger, spec }: RolloutRow,
): Promise<void> {
  if (spec.method !== 'ab') return;
  const challengers = [challenger, ...(spec.against ?? [])];
  const weight = (spec.steps[0] ?? 0) / 100;
  const versions = [...challengers, champion];
  const shares = versions.map((version) =>
    version === champion ? 1 - weight : weight / challengers.length,
  );
  await tx`
    insert into rollout_arms (tenant_id, rollout_id, version, model, position, share)
    select ${tenant}, ${id}, version, ${model}, position - 1, share
    from unnest(${versions}::int[], ${shares}::float8[]) with ordinality as a (version, share, position)`;
}

/**
 * Harm rejects a candidate, so that no other rollout tries it again. A former champion keeps its
 * status, because a rollback may return to it.
 */
export async function rejectHarmful(
  tx: Transaction,
  { tenantId: tenant, model }: RolloutRow,
  version: number,
  { actor, cause }: Cause,
): Promise<void> {
  const rejected = await tx`
    update model_versions set status = 'rejected', updated_at = now()
    where tenant_id = ${tenant} and model = ${model} and version = ${version} and status = 'candidate'`;
  if (rejected.count === 0) return;
  await appendAudit(tx, {
    tenant,
    actor,
    action: 'model.setStatus',
    subject: `model:${versionName({ model, version })}`,
    cause,
    before: { status: 'candidate' },
    after: { status: 'rejected' },
  });
}

interface ArmRow {
  readonly version: number;
  readonly share: number;
  readonly entities: number;
  readonly isStopped: boolean;
  readonly assigned: number;
  readonly failed: number;
  readonly slow: number;
  readonly ripe: number;
  readonly labelled: number;
}

/** The totals of each version of an A/B rollout; null for other rollouts. */
export async function readArms(
  sql: Query,
  { tenantId: tenant, id, model, champion, winner, spec, trafficSpanSeconds }: RolloutRow,
  ripeUntil: string | null,
): Promise<AbObservations | null> {
  if (spec.method !== 'ab') return null;
  const rows = await sql<ArmRow[]>`
    with spans as (
      select *, coalesce(span_start + make_interval(secs => ${trafficSpanSeconds}) <= ${ripeUntil}::timestamptz, false) as is_ripe
      from rollout_arm_traffic where tenant_id = ${tenant} and rollout_id = ${id}
    )
    select a.version, a.share, a.entities, a.stopped_at is not null as is_stopped,
      coalesce(sum(s.assigned), 0)::bigint as assigned, coalesce(sum(s.failed), 0)::bigint as failed, coalesce(sum(s.slow), 0)::bigint as slow,
      coalesce(sum(s.assigned) filter (where s.is_ripe), 0)::bigint as ripe, coalesce(sum(s.labelled) filter (where s.is_ripe), 0)::bigint as labelled
    from rollout_arms a left join spans s on s.version = a.version
    where a.tenant_id = ${tenant} and a.rollout_id = ${id} group by a.tenant_id, a.rollout_id, a.version order by a.position`;
  const lost = await readFailed(sql, { tenantId: tenant, id });
  const control = await readArmControls(sql, { tenantId: tenant, id, champion });
  const arms = rows.map(({ version, share, entities, isStopped, ripe, labelled, ...answered }) => {
    const own = lost.filter((each) => each.version === version);
    const failed = own.reduce((total, each) => total + each.failed, 0);
    const assigned = answered.assigned + failed;
    const fallbacks = answered.failed + failed;
    return {
      version,
      arm: versionName({ model, version }),
      share,
      entities,
      isStopped,
      counts: {
        requests: assigned,
        errors: fallbacks,
        assigned,
        fallbacks,
        slow: answered.slow + failed,
        ripe,
        labelled,
      },
      ...(version !== champion && { control: control(version) }),
    };
  });
  const [ofChampion] = arms.filter(({ version }) => version === champion);
  if (ofChampion === undefined) throw new Error(`A/B rollout ${id} has no arms`);
  const challengers: readonly ArmObservations[] = arms.filter((arm) => arm !== ofChampion);
  return {
    champion: ofChampion,
    challengers,
    ...(winner !== null && { winner: versionName({ model, version: winner }) }),
  };
}

/** Counts labels by the version to which their entity is assigned. */
export async function tallyArms(
  tx: Transaction,
  { tenantId: tenant, id }: RolloutRow,
  pairs: readonly (DuePair & { readonly spanStart: string | null })[],
): Promise<void> {
  const counted = pairs.filter(({ assignedVersion }) => assignedVersion !== undefined);
  if (counted.length === 0) return;
  await tx`
    with labelled as (
      select version, span_start, count(*) as n
      from unnest(${counted.map(({ assignedVersion = 0 }) => assignedVersion)}::int[], ${counted.map(({ spanStart }) => spanStart)}::timestamptz[]) as l (version, span_start)
      group by version, span_start
    ), locked as materialized (
      select t.version, t.span_start, l.n from rollout_arm_traffic t join labelled l on l.version = t.version and l.span_start = t.span_start
      where t.tenant_id = ${tenant} and t.rollout_id = ${id} order by t.version, t.span_start for update of t
    )
    update rollout_arm_traffic t set labelled = t.labelled + l.n
    from locked l where t.tenant_id = ${tenant} and t.rollout_id = ${id} and t.version = l.version and t.span_start = l.span_start`;
}
