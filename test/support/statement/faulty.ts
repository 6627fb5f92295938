/** Statements with one error each, which the compiler cannot see. They never run. */
import type { Query } from '../../../db/sql';

export function faultyStatements(sql: Query) {
  return [
    sql`select nonsense from lifecycles`,
    sql<{ colour: string }[]>`select name from lifecycles`,
    sql<{ total: string }[]>`select count(*) as total from lifecycles`,
    sql<{ name: 'flights' }[]>`select name from lifecycles`,
    sql<{ archivedAt: string }[]>`select archived_at from lifecycles`,
    sql<{ digest: string }[]>`
      select r.digest from lifecycles l
      left join lifecycle_revisions r on r.tenant_id = l.tenant_id and r.lifecycle = l.name`,
    sql<{ name: string }[]>`
      select name from lifecycles where ${Math.random() < 2 ? sql`true` : sql`nonsense = ${1}`}`,
  ];
}
