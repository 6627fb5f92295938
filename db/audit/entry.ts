import type { Tenant } from '../../domain/ids';
import { actingKeyId, actingReason } from '../acting-key';
import type { Query } from '../connection';
import { toJson } from '../document';
import { newId } from '../ids';

export interface AuditEntry {
  readonly tenant: Tenant;
  readonly actor: string;
  readonly action: string;
  readonly subject: string;
  readonly cause: string;
  readonly before?: unknown;
  readonly after?: unknown;
}

/**
 * Call it in the transaction of the change, so that both are written or neither is (I6). The row
 * names the acting API key, if any, and the caller's reason.
 */
export async function appendAudit(
  tx: Query,
  { tenant, actor, action, subject, cause, before, after }: AuditEntry,
): Promise<void> {
  await tx`
    insert into audit_log (tenant_id, id, actor, key_id, action, subject, cause, before, after)
    values (${tenant}, ${newId('aud')}, ${actor}, ${actingKeyId()}, ${action}, ${subject}, ${causeWithReason(cause)}, ${toJson(before)}, ${toJson(after)})`;
}

/** Some causes already contain the reason. */
function causeWithReason(cause: string): string {
  const reason = actingReason();
  return reason === null || cause.includes(reason) ? cause : `${cause}: ${reason}`;
}
