import { copyTo } from './copy';
import { readKeys } from './keys';
import { proveRow } from './prove';
import type { HeadRow } from './read-heads';
import { toHead } from './read-heads';
import { registerKey } from './register-key';
import { seal } from './seal';
import { verifyAudit } from './verify';
import type { Columns } from '../columns';
import type { Database } from '../connection';
import { afterKey, rowsToAsk, toPage } from '../page';
import type { auditLog } from './schema';
import type { tenants } from '../tenant/schema';
import type { AuditRepository, AuditRow } from './records';

type AuditLogRow = typeof auditLog.$inferSelect & { readonly position: number | null };

export function createAuditRepository({ sql }: Database): AuditRepository {
  return {
    async list({ tenant, subject, action, ...page }) {
      const after = afterKey(page);
      const rows = await sql<AuditLogRow[]>`
        select l.*, s.position from audit_log l left join audit_seals s on s.tenant_id = l.tenant_id and s.audit_id = l.id
        where l.tenant_id = ${tenant} and ${subject === undefined ? sql`true` : sql`l.subject = ${subject}`}
          and ${action === undefined ? sql`true` : sql`l.action = ${action}`}
          and ${after === null ? sql`true` : sql`l.id < ${after}`}
        order by l.id desc limit ${rowsToAsk(page)}`;
      return toPage(rows, page, (row) => row.id, toRow);
    },

    seal: (input) => seal(sql, input),

    async heads({ tenant, ...page }) {
      const after = afterKey(page);
      const rows = await sql<HeadRow[]>`
        select * from audit_heads where tenant_id = ${tenant} and ${after === null ? sql`true` : sql`batch < ${Number(after)}`}
        order by batch desc limit ${rowsToAsk(page)}`;
      return toPage(rows, page, (row) => String(row.batch), toHead);
    },

    copyTo: ({ tenant, archive }) => copyTo(sql, tenant, archive),

    keys: (tenant) => readKeys(sql, tenant),

    registerKey: (input) => registerKey(sql, input),

    verify: (input) => verifyAudit(sql, input),

    prove: (input) => proveRow(sql, input),

    async unsealedTenants(places) {
      const rows = await sql<Columns<typeof tenants, 'id'>[]>`
        select t.id from tenants t where exists (select from audit_pending p where p.tenant_id = t.id)
          or exists (select from unnest(${places}::text[]) as asked (place) left join audit_copies c on c.tenant_id = t.id and c.place = asked.place
            where coalesce(c.heads_through, 0) < (select max(batch) from audit_heads h where h.tenant_id = t.id)
              or coalesce(c.keys_through, 0) < (select max(sequence) from audit_keys k where k.tenant_id = t.id))
        order by 1`;
      return rows.map((row) => row.id);
    },
  };
}

function toRow({
  id,
  at,
  actor,
  keyId,
  action,
  subject,
  cause,
  before,
  after,
  position: sealedAs,
}: AuditLogRow): AuditRow {
  return { id, at, actor, keyId, action, subject, cause, before, after, sealedAs };
}
