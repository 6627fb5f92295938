import type { Query } from '../../../../db/connection';
import type { TestRegistry } from '../../../db/registry-fixture';

/** Set by every request with the key, or at most once a minute. */
const uses = { api_keys: 'last_used_at' } as const;

/** Digests of all rows of a tenant, by table. They show that nothing was changed. */
export async function digestRows(
  { sql }: TestRegistry['database'],
  tenant: string,
): Promise<Readonly<Record<string, string>>> {
  const digests: [string, string][] = [];
  for (const name of await listTables(sql)) {
    const ignored = name in uses ? uses[name as keyof typeof uses] : '';
    const [row] = await sql<{ digest: string }[]>`
      select md5(coalesce(string_agg(line, ' ' order by line), '')) as digest from (
        select (to_jsonb(t) - ${ignored}::text)::text as line from ${sql(name)} t where tenant_id = ${tenant}) lines`;
    digests.push([name, row?.digest ?? '']);
  }
  return Object.fromEntries(digests);
}

/**
 * Copies all rows of a tenant to another one, except rows whose id belongs to one tenant. Texts that hold
 * the name of the tenant after `marker`, or in the id of a workflow, get the other name.
 */
export async function copyRows(
  { sql }: TestRegistry['database'],
  { from, to, marker }: { readonly from: string; readonly to: string; readonly marker: string },
): Promise<void> {
  const tables = (await listTables(sql)).filter(
    (name) => !/^(api_keys|audit_.*|outbox|predictions)$/.test(name),
  );
  await sql.begin(async (tx) => {
    // The tables are not in the order of their foreign keys.
    await tx`set local session_replication_role = replica`;
    for (const name of tables)
      await tx`
        insert into ${tx(name)} select copied.* from ${tx(name)} t,
          json_populate_record(null::${tx(name)}, regexp_replace(
            replace(row_to_json(t)::text, ${marker + from}::text, ${marker + to}::text),
            ${`("tenant_id":"|(run|rollout)/)${from}\\M`}::text, ${`\\1${to}`}::text, 'g')::json) copied
        where t.tenant_id = ${from}`;
  });
}

/** The tables with a column for the tenant, without partitions of others. */
async function listTables(sql: Query): Promise<readonly string[]> {
  const tables = await sql<{ name: string }[]>`
    select c.relname as name from pg_class c join pg_attribute a on a.attrelid = c.oid
    where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') and not c.relispartition
      and a.attname = 'tenant_id' and not a.attisdropped
    order by 1`;
  return tables.map(({ name }) => name);
}
