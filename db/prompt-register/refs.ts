import { failure } from '../../domain/failure';
import type { Tenant } from '../../domain/ids';
import type { Query, Transaction } from '../connection';
import { newId } from '../ids';
import type { PromptMoveKind, PromptRef, PromptRefKind } from '../repositories/prompts';
import type { promptRefHistory } from '../schema/prompts';
import { appendAudit } from '../writes/audit-entry';

export interface PromptName {
  readonly tenant: Tenant;
  readonly prompt: string;
}

type MoveRow = typeof promptRefHistory.$inferSelect;

/** The prompt's row lock puts versions and moves in one order. */
export async function lockPrompt(tx: Transaction, { tenant, prompt }: PromptName): Promise<{ readonly versions: number }> {
  const [row] = await tx<{ versions: number }[]>`select versions from prompts where tenant_id = ${tenant} and name = ${prompt} for update`;
  if (!row) throw noPrompt(prompt);
  return row;
}

function noPrompt(prompt: string): Error {
  return failure('NotFound', `there is no prompt ${prompt}`, { next: 'perennial prompt list' });
}

export async function requireVersion(tx: Query, { tenant, prompt, version }: PromptName & { readonly version: number }): Promise<void> {
  const [found] = await tx`select from prompt_versions where tenant_id = ${tenant} and prompt = ${prompt} and version = ${version}`;
  if (!found) throw failure('NotFound', `there is no ${prompt}@${version}`, { next: `perennial prompt show ${prompt}` });
}

export async function readRef(sql: Query, { tenant, prompt, ref }: PromptName & { readonly ref: string }): Promise<PromptRef | null> {
  const [row] = await sql<PromptRef[]>`
    select ref, kind, version, fencing, moved_at from prompt_refs where tenant_id = ${tenant} and prompt = ${prompt} and ref = ${ref}`;
  return row ?? null;
}

export async function requireKind(
  tx: Query,
  { kind, ...name }: PromptName & { readonly ref: string; readonly kind: PromptRefKind },
): Promise<PromptRef | null> {
  const found = await readRef(tx, name);
  if (found && found.kind !== kind)
    throw failure('Conflict', `${name.prompt}@${name.ref} is a ${found.kind}, not a ${kind}: take another name`);
  return found;
}

export interface RefMove extends PromptName {
  readonly ref: string;
  readonly refKind: PromptRefKind;
  readonly kind: PromptMoveKind;
  readonly from: number | null;
  readonly to: number;
  /** Of a rollback: the move forward that it comes back to. */
  readonly origin?: number;
  readonly actor: string;
  readonly cause: string;
}

/** Under the prompt's row lock: the pointer, its history and the audit row, in one transaction. Answers with the move's fencing token. */
export async function moveRef(
  tx: Transaction,
  { tenant, prompt, ref, refKind, kind, from, to, origin, actor, cause }: RefMove,
): Promise<number> {
  const [row] = await tx<{ fencing: number }[]>`
    update prompts set fencing = fencing + 1 where tenant_id = ${tenant} and name = ${prompt} returning fencing`;
  if (!row) throw noPrompt(prompt);
  const { fencing } = row;
  await tx`
    insert into prompt_refs (tenant_id, prompt, ref, kind, version, fencing, moved_at)
    values (${tenant}, ${prompt}, ${ref}, ${refKind}, ${to}, ${fencing}, clock_timestamp())
    on conflict on constraint prompt_refs_pk do update set version = excluded.version, fencing = excluded.fencing, moved_at = excluded.moved_at`;
  await tx`
    insert into prompt_ref_history (tenant_id, id, prompt, ref, kind, from_version, to_version, fencing, origin, actor, cause, moved_at)
    values (${tenant}, ${newId('mov')}, ${prompt}, ${ref}, ${kind}, ${from}, ${to}, ${fencing}, ${origin ?? fencing}, ${actor}, ${cause},
      clock_timestamp())`;
  await appendAudit(tx, {
    tenant,
    actor,
    action: `prompt.${kind === 'rollback' ? 'rollback' : refKind === 'branch' ? 'advance' : 'label'}`,
    subject: `prompt:${prompt}`,
    cause,
    before: { ref, version: from },
    after: { ref, version: to, fencing },
  });
  return fencing;
}

/** Where a rollback goes: without `to`, to what lay before the move that the standing comes from; else to where the ref once was set. Null when there is no such. */
export async function standingBefore(
  tx: Query,
  { tenant, prompt, ref, fencing, to }: PromptName & { readonly ref: string; readonly fencing: number; readonly to?: number | undefined },
): Promise<{ readonly version: number; readonly origin: number } | null> {
  const [row] = await tx<Pick<MoveRow, 'toVersion' | 'origin'>[]>`
    select to_version, origin from prompt_ref_history h
    where tenant_id = ${tenant} and prompt = ${prompt} and ref = ${ref} and ${
      to === undefined
        ? tx`fencing < (select origin from prompt_ref_history now where now.tenant_id = h.tenant_id and now.prompt = h.prompt and now.fencing = ${fencing})`
        : tx`kind = 'set' and to_version = ${to}`
    }
    order by fencing desc limit 1`;
  return row ? { version: row.toVersion, origin: row.origin } : null;
}
