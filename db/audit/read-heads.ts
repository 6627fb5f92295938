import type { Tenant } from '../../domain/ids';
import type { Query } from '../connection';
import type { AuditHead } from '../repositories/audit';
import type { auditHeads } from '../schema/audit';

export type HeadRow = typeof auditHeads.$inferSelect;

export async function lastHead(sql: Query, tenant: Tenant): Promise<HeadRow | null> {
  const [row] = await sql<HeadRow[]>`select * from audit_heads where tenant_id = ${tenant} order by batch desc limit 1`;
  return row ?? null;
}

export function toHead(row: HeadRow): AuditHead {
  const { tenantId: tenant, batch, first, count, root, previous, sealedAt, digest, keyId, signature } = row;
  return { tenant, batch, first, count, root, previous, sealedAt, digest, keyId, signature };
}
