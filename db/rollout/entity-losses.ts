import { openCalendar } from '../../domain/calendar';
import { addLoss, stepWeight, type EntityLosses } from '../../domain/rollout/judging/entity-losses';
import { requestLoss } from '../../domain/rollout/judging/loss';
import { answerLoss } from '../../domain/rollout/judging/observe';
import type { Query, Transaction } from '../connection';
import type { Value } from '../sql';
import type { DuePair } from './records';
import type { RolloutRow } from './state';

/** The number of buckets. Entities beyond it share them, which only makes bounds wider. */
const buckets = 65_536;

/** The bucket of a request's entity. Without an entity, a request is one of its own. */
export function selectBucket(sql: Query, unit: Value, entity: Value, id: Value) {
  return sql`(coalesce(${unit}, hashtextextended(coalesce(${entity}, ${id}), 0)) & ${buckets - 1})::int`;
}

interface StoredLosses extends EntityLosses {
  readonly version: number;
  readonly bucket: number;
}

/**
 * Adds the labels of a rollout by arms to the losses of their entities, and to each label how it
 * changes them. The rollout is locked, so each label counts once, like the evidence.
 */
export async function countEntities(
  tx: Transaction,
  row: RolloutRow,
  pairs: readonly (DuePair & { readonly bucket: number })[],
): Promise<readonly DuePair[]> {
  if (row.paired) return pairs;
  const loss = requestLoss(row.spec.quality);
  const calendar = openCalendar(row.spec.timezone);
  const known = await readLosses(tx, row, pairs);
  const changed = new Map<string, StoredLosses>();
  const counted = pairs.map((pair): DuePair => {
    const { bucket, assigned, label, step } = pair;
    const version = versionIn(row, pair);
    const value = answerLoss(loss, { label, score: pair[assigned] });
    if (typeof value === 'string') return pair;
    const ofEntity = known.get(`${version}/${bucket}`) ?? [];
    const day = calendar.findDay(Date.parse(pair.eventTime));
    const weightOf = stepWeight(row.spec, assigned);
    const { after, change } = addLoss(ofEntity, { step, day, loss: value }, weightOf);
    const stored = { ...after, version, bucket };
    known.set(`${version}/${bucket}`, [...ofEntity.filter((each) => each.step !== step), stored]);
    changed.set(`${version}/${bucket}/${step}`, stored);
    return { ...pair, change };
  });
  await storeLosses(tx, row, [...changed.values()]);
  return counted;
}

function versionIn(
  { champion, challenger }: RolloutRow,
  { assigned, assignedVersion }: DuePair,
): number {
  return assignedVersion ?? (assigned === 'challenger' ? challenger : champion);
}

async function readLosses(
  tx: Transaction,
  row: RolloutRow,
  pairs: readonly (DuePair & { readonly bucket: number })[],
): Promise<Map<string, readonly EntityLosses[]>> {
  const rows = await tx<StoredLosses[]>`
    select e.version, e.bucket, e.step, e.days, e.loss, e.day, e.labels, e.sum from rollout_entity_losses e
    join (select distinct * from unnest(${pairs.map((pair) => versionIn(row, pair))}::int[], ${pairs.map(({ bucket }) => bucket)}::int[])) k (version, bucket)
      on k.version = e.version and k.bucket = e.bucket
    where e.tenant_id = ${row.tenantId} and e.rollout_id = ${row.id}`;
  const known = new Map<string, readonly EntityLosses[]>();
  for (const { version, bucket, ...losses } of rows) {
    const key = `${version}/${bucket}`;
    known.set(key, [...(known.get(key) ?? []), losses]);
  }
  return known;
}

async function storeLosses(
  tx: Transaction,
  { tenantId: tenant, id }: RolloutRow,
  rows: readonly StoredLosses[],
): Promise<void> {
  if (rows.length === 0) return;
  const of = (name: keyof StoredLosses) => rows.map((row) => row[name]);
  await tx`
    insert into rollout_entity_losses (tenant_id, rollout_id, version, bucket, step, days, loss, day, labels, sum)
    select ${tenant}, ${id}, * from unnest(${of('version')}::int[], ${of('bucket')}::int[], ${of('step')}::int[],
      ${of('days')}::int[], ${of('loss')}::float8[], ${of('day')}::int[], ${of('labels')}::int[], ${of('sum')}::float8[])
    on conflict on constraint rollout_entity_losses_pk do update
      set days = excluded.days, loss = excluded.loss, day = excluded.day, labels = excluded.labels, sum = excluded.sum`;
}
