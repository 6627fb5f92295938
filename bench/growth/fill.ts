import type { Database } from '../../db/connection';
import type { AuditArchive, AuditSigner } from '../../db/audit/records';
import type { Registry } from '../../db/registry';
import { defaultTenant as tenant } from '../../domain/ids';

/**
 * The contents of a registry at scale 1. Scale 1,000 is a busy team after years: 20,000 runs,
 * 50,000 versions and a million labelled predictions.
 */
const base = {
  runs: 20,
  models: 1,
  predictions: 1_000,
  waitingLabels: 10,
  auditRows: 500,
  artifacts: 380,
} as const;
export const versionsPerModel = 50;
const daysOfTraffic = 28;
/** One in this many runs is open. */
const openRunEvery = 10;
/** Keeps each statement far below the statement timeout. */
const rowsAtOnce = 50_000;
/** Chained diamonds, whose number of paths doubles with each layer. */
const diamondLayers = 32;

export type GrowthSize = Readonly<Record<keyof typeof base | 'versions', number>>;

export function sizeAt(scale: number): GrowthSize {
  const sizes = Object.fromEntries(
    Object.entries(base).map(([name, count]) => [name, count * scale]),
  ) as Record<keyof typeof base, number>;
  return { ...sizes, versions: sizes.models * versionsPerModel };
}

export interface FillInput {
  readonly database: Database;
  readonly registry: Registry;
  readonly scale: number;
  readonly audit: { readonly signer: AuditSigner; readonly archive: AuditArchive };
}

/**
 * Fills a migrated registry with one statement per table and part, because single rows would take
 * hours. Audit rows are sealed as the platform seals them.
 */
export async function fillRegistry({
  database,
  registry,
  scale,
  audit,
}: FillInput): Promise<GrowthSize> {
  const size = sizeAt(scale);
  await createIdFunction(database);
  await fillModels(database, size);
  await fillLineage(database, size);
  await fillArtifacts(database, size);
  await createPastPartitions(database);
  await fillPredictions(database, size);
  await fillAudit(database, size);
  for (let sealed = 0; sealed < size.auditRows;) {
    const head = await registry.audit.seal({ tenant, ...audit, limit: 1_000 });
    if (head === null || head === 'busy')
      throw new Error(`sealing stopped after ${sealed} rows: ${String(head)}`);
    sealed += head.count;
  }
  await database.sql.unsafe('analyze');
  return size;
}

/**
 * Ids as `newId` makes them: the first ten digits are the time, so a lookup by id knows the day.
 */
async function createIdFunction({ sql }: Database): Promise<void> {
  const digit = (place: number) =>
    `substr('0123456789abcdefghjkmnpqrstvwxyz', ((ms >> ${45 - place * 5}) & 31)::int + 1, 1)`;
  const digits = Array.from({ length: 10 }, (_, place) => digit(place)).join(' || ');
  await sql.unsafe(`
    create function growth_id(prefix text, at timestamptz, n bigint) returns text language sql immutable as $$
      select prefix || '_' || ${digits} || lpad(n::text, 16, '0') from (select floor(extract(epoch from at) * 1000)::bigint as ms) t
    $$;
    create sequence growth_labels minvalue 5000000000;
    create function growth_digest(content text) returns text language sql immutable as $$
      select 'sha256:' || encode(sha256(content::bytea), 'hex')
    $$`);
}

async function fillModels({ sql }: Database, size: GrowthSize): Promise<void> {
  await sql.begin(async (tx) => {
    await tx`
      insert into lifecycles (tenant_id, name, kind, owner, current_revision, revisions)
      select ${tenant}, 'model-' || m, 'ModelLifecycle', 'team@example.org', 1, 1 from generate_series(1, ${size.models}::int) m`;
    await tx`
      insert into lifecycle_revisions (tenant_id, lifecycle, revision, digest, spec, contracts, files, applied_by)
      select ${tenant}, 'model-' || m, 1, growth_digest('model-' || m), '{"kind":"ModelLifecycle"}', '{}', '{}', 'bench'
      from generate_series(1, ${size.models}::int) m`;
  });
  await sql`
    insert into runs (tenant_id, id, lifecycle, kind, revision_digest, workflow_id, status, waiting_for, request, actor, trace_id, ended_at, touched_at)
    select ${tenant}, growth_id('run', at, n), model, 'ModelLifecycle', growth_digest(model), 'run/' || n,
      case when open then 'waiting' else 'succeeded' end, case when open then '1 approval' end, '{}', 'bench', '0', case when open then null else at end, at
    from generate_series(1, ${size.runs}::int) n, lateral (
      select now() - (${size.runs}::int - n) * interval '1 minute' - interval '1 hour' as at, 'model-' || 1 + n % ${size.models}::int as model,
        n % ${openRunEvery}::int = 0 as open) each`;
  await sql`
    insert into models (tenant_id, name, versions, fencing)
    select ${tenant}, 'model-' || m, ${versionsPerModel}::int, 2 from generate_series(1, ${size.models}::int) m`;
  await sql`
    insert into model_versions (tenant_id, model, version, digest, manifest, signature, metrics, status, run_id)
    select ${tenant}, 'model-' || m, v, digest, json_build_object('uri', 's3://bench/' || digest, 'digest', digest, 'bytes', 1000, 'mediaType', 'application/json'),
      '{"task":"classification"}', '{}', 'candidate', (select min(id) from runs)
    from generate_series(1, ${size.models}::int) m, generate_series(1, ${versionsPerModel}::int) v, growth_digest('model-' || m || '@' || v) as digest`;
  await sql`
    insert into model_aliases (tenant_id, model, alias, version, fencing, moved_at)
    select ${tenant}, 'model-' || m, alias, version, 1, now() - m * interval '1 hour'
    from generate_series(1, ${size.models}::int) m,
      (values ('champion', ${versionsPerModel}::int), ('previous', ${versionsPerModel - 1}::int)) as a (alias, version)`;
}

/**
 * Each version has its source, dataset and run as ancestors, and it is an ancestor of the next
 * version's dataset.
 */
async function fillLineage({ sql }: Database, size: GrowthSize): Promise<void> {
  const edges = (from: string, to: string, versions: string) =>
    sql.unsafe(`
      insert into lineage_edges (tenant_id, from_kind, from_name, from_version, to_kind, to_name, to_version)
      select '${tenant}', ${from}, ${to} from generate_series(1, ${size.models}) m, generate_series(1, ${versions}) v`);
  const versions = String(versionsPerModel);
  await edges(`'source', 'source-' || m, 1`, `'dataset', 'dataset-' || m, v`, versions);
  await edges(`'dataset', 'dataset-' || m, v`, `'run', 'run-' || m || '-' || v, 0`, versions);
  await edges(`'run', 'run-' || m || '-' || v, 0`, `'model', 'model-' || m, v`, versions);
  await edges(`'model', 'model-' || m, v`, `'dataset', 'dataset-' || m, v + 1`, `${versions} - 1`);
  await sql`
    insert into lineage_edges (tenant_id, from_kind, from_name, from_version, to_kind, to_name, to_version)
    select ${tenant}, 'dataset', 'diamond-' || layer || '-' || a, 1, 'dataset', 'diamond-' || layer + 1 || '-' || b, 1
    from generate_series(0, ${diamondLayers - 1}::int) layer, generate_series(0, 1) a, generate_series(0, 1) b`;
}

/** All of them in use for a month. */
async function fillArtifacts({ sql }: Database, size: GrowthSize): Promise<void> {
  await inParts(size.artifacts, async (first, last) => {
    await sql`
      insert into artifacts (tenant_id, digest, uri, bytes, media_type, touched_at, referenced_at)
      select ${tenant}, digest, 's3://bench/' || digest, 1000, 'application/json', now() - interval '30 days', now() - interval '30 days'
      from generate_series(${first}::int, ${last}::int) n, growth_digest('artifact-' || n) as digest`;
    await sql`
      insert into artifact_references (tenant_id, digest, held_by)
      select ${tenant}, growth_digest('artifact-' || n), 'model:model-' || 1 + n % ${size.models}::int || '@1'
      from generate_series(${first}::int, ${last}::int) n`;
  });
}

/** The platform creates future partitions; this creates the past ones. */
async function createPastPartitions({ sql }: Database): Promise<void> {
  for (let daysAgo = daysOfTraffic + 1; daysAgo > 1; daysAgo -= 1) {
    const [from, to] = [formatDay(daysAgo), formatDay(daysAgo - 1)];
    await sql.unsafe(
      `create table predictions_${from.replaceAll('-', '')} partition of predictions for values from ('${from}') to ('${to}')`,
    );
  }
}

function formatDay(daysAgo: number): string {
  return new Date(Date.now() - daysAgo * 86_400_000).toISOString().slice(0, 10);
}

/** Every prediction has its label, and there are labels without a prediction. */
async function fillPredictions({ sql }: Database, size: GrowthSize): Promise<void> {
  const at = sql`(now() - ${daysOfTraffic}::int * interval '1 day' * (1 - n::float8 / ${size.predictions}::int))`;
  await inParts(size.predictions, async (first, last) => {
    await sql`
      with added as (
      insert into predictions (tenant_id, day, id, received_at, model, version, arm, input, output, latency_ms, verdict, blocked)
      select ${tenant}, (at at time zone 'UTC')::date, growth_id('pred', at, n), at, 'model-' || 1 + n % ${size.models}::int, 1 + n % ${versionsPerModel}::int,
        case when n % 1000 = 1 then 'probe' when n % 10 = 0 then 'challenger' else 'champion' end, '{"distance":1400}', '{"score":0.25}', 1.5,
        case when n % 5000 = 0 then 'flagged' when n % 100 = 0 then 'passed' end, case when n % 5000 = 0 then 'output' end
      from generate_series(${first}::int, ${last}::int) n, lateral (select date_trunc('milliseconds', ${at}) as at) each
      returning tenant_id, id, received_at, day, model, version)
      insert into feedback (tenant_id, prediction_id, label, labelled_at, received_at, day, model, version, event_time)
      select tenant_id, id, 'true', received_at, received_at, day, model, version, received_at from added`;
  });
  await sql`
    insert into feedback (tenant_id, prediction_id, label, labelled_at, received_at)
    select ${tenant}, growth_id('pred', at, 1000000000 + n), 'true', at, at
    from generate_series(1, ${size.waitingLabels}::int) n, lateral (select now() - interval '1 hour' - n * interval '20 milliseconds' as at) each`;
}

async function fillAudit({ sql }: Database, size: GrowthSize): Promise<void> {
  await inParts(size.auditRows, async (first, last) => {
    await sql`
      insert into audit_log (tenant_id, id, at, actor, action, subject, cause, after)
      select ${tenant}, growth_id('audit', at, n), at, 'key:bench', 'run.update', 'run:' || n % 1000, 'went on', '{"status":"running"}'
      from generate_series(${first}::int, ${last}::int) n, lateral (select now() - (${size.auditRows}::int - n) * interval '1 second' as at) each`;
  });
}

async function inParts(
  rows: number,
  insert: (first: number, last: number) => Promise<void>,
): Promise<void> {
  for (let first = 1; first <= rows; first += rowsAtOnce)
    await insert(first, Math.min(first + rowsAtOnce - 1, rows));
}
