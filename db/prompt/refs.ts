import { failure } from '../../domain/failure';
import type { Tenant } from '../../domain/ids';
import type { PointerMove } from '../../domain/model/rollback-path';
import type { Columns } from '../columns';
import type { Query, Transaction } from '../connection';
import { newId } from '../ids';
import type { PromptMoveKind, PromptRef, PromptRefKind } from './records';
import type { promptRefHistory, prompts } from './schema';
import { appendAudit } from '../audit/entry';

export interface PromptName {
  readonly tenant: Tenant;
  readonly prompt: string;
}

type PromptMoveRow = typeof promptRefHistory.$inferSelect;

/** The lock on the prompt's row orders versions and moves. */
export async function lockPrompt(
  tx: Transaction,
  { tenant, prompt }: PromptName,
): Promise<{ readonly versions: number }> {
  const [row] = await tx<Columns<typeof prompts, 'versions'>[]>`
    select versions from prompts where tenant_id = ${tenant} and name = ${prompt} for update`;
  if (!row) throw promptNotFound(prompt);
  return row;
}

function promptNotFound(prompt: string): Error {
  return failure('NotFound', `there is no prompt ${prompt}`, { next: 'perennial prompt list' });
}

export async function requireVersion(
  tx: Query,
  { tenant, prompt, version }: PromptName & { readonly version: number },
): Promise<void> {
  const [found] =
    await tx`select from prompt_versions where tenant_id = ${tenant} and prompt = ${prompt} and version = ${version}`;
  if (!found)
    throw failure('NotFound', `there is no ${prompt}@${version}`, {
      next: `perennial prompt show ${prompt}`,
    });
}

export async function readRef(
  sql: Query,
  { tenant, prompt, ref }: PromptName & { readonly ref: string },
): Promise<PromptRef | null> {
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
    throw failure(
      'Conflict',
      `${name.prompt}@${name.ref} is a ${found.kind}, not a ${kind}: use another name`,
    );
  return found;
}

export interface RefMove extends PromptName {
  readonly ref: string;
  readonly refKind: PromptRefKind;
  readonly kind: PromptMoveKind;
  readonly from: number | null;
  readonly to: number;
  readonly actor: string;
  readonly cause: string;
}

/**
 * Moves the pointer and adds its history and audit row, under the prompt's row lock. Returns the
 * move's fencing token.
 */
export async function moveRef(
  tx: Transaction,
  { tenant, prompt, ref, refKind, kind, from, to, actor, cause }: RefMove,
): Promise<number> {
  const [row] = await tx<Columns<typeof prompts, 'fencing'>[]>`
    update prompts set fencing = fencing + 1 where tenant_id = ${tenant} and name = ${prompt} returning fencing`;
  if (!row) throw promptNotFound(prompt);
  const { fencing } = row;
  await tx`
    insert into prompt_refs (tenant_id, prompt, ref, kind, version, fencing, moved_at)
    values (${tenant}, ${prompt}, ${ref}, ${refKind}, ${to}, ${fencing}, clock_timestamp())
    on conflict on constraint prompt_refs_pk do update set version = excluded.version, fencing = excluded.fencing, moved_at = excluded.moved_at`;
  await tx`
    insert into prompt_ref_history (tenant_id, id, prompt, ref, kind, from_version, to_version, fencing, actor, cause, moved_at)
    values (${tenant}, ${newId('mov')}, ${prompt}, ${ref}, ${kind}, ${from}, ${to}, ${fencing}, ${actor}, ${cause},
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

/** Every move of a branch or label, oldest first. */
export async function listRefMoves(
  sql: Query,
  { tenant, prompt, ref }: PromptName & { readonly ref: string },
): Promise<readonly PointerMove[]> {
  const rows = await sql<Pick<PromptMoveRow, 'kind' | 'toVersion'>[]>`
    select kind, to_version from prompt_ref_history where tenant_id = ${tenant} and prompt = ${prompt} and ref = ${ref} order by fencing`;
  return rows.map(({ kind, toVersion: to }) => ({ kind: kind === 'set' ? 'forward' : 'back', to }));
}
