import type { Digest } from '../../domain/artifact';
import type { Tenant } from '../../domain/ids';
import type { PromptTemplate } from '../../domain/prompt/prompt';
import { actingKeyId } from '../acting-key';
import type { Columns } from '../columns';
import type { Query, Transaction } from '../connection';
import { computeDigest, toJson } from '../document';
import type { PromptVersionRecord } from './records';
import type { promptVersions, prompts } from './schema';
import { appendAudit } from '../audit/entry';
import type { PromptName } from './refs';

export type PromptVersionRow = typeof promptVersions.$inferSelect & {
  readonly approvals: PromptVersionRecord['approvals'] | null;
};

interface PromptVersionInput extends PromptName {
  readonly template: PromptTemplate;
  readonly parent: number | null;
  readonly actor: string;
  readonly cause: string;
}

/** Equal content keeps its version. */
export async function storeVersion(
  tx: Transaction,
  given: PromptVersionInput,
): Promise<{ readonly version: number; readonly digest: Digest }> {
  const { tenant, prompt, template, parent, actor, cause } = given;
  const digest = computeDigest(template);
  const [same] = await tx<Pick<PromptVersionRow, 'version'>[]>`
    select version from prompt_versions where tenant_id = ${tenant} and prompt = ${prompt} and digest = ${digest}`;
  if (same) return { version: same.version, digest };
  const [row] = await tx<Columns<typeof prompts, 'versions'>[]>`
    update prompts set versions = versions + 1 where tenant_id = ${tenant} and name = ${prompt} returning versions`;
  const version = row?.versions ?? 1;
  await tx`
    insert into prompt_versions (tenant_id, prompt, version, digest, template, parent, author, author_key_id, cause)
    values (${tenant}, ${prompt}, ${version}, ${digest}, ${toJson(template)}, ${parent}, ${actor}, ${actingKeyId()}, ${cause})`;
  await appendAudit(tx, {
    tenant,
    actor,
    action: 'prompt.write',
    subject: `prompt:${prompt}`,
    cause,
    after: { version, digest, parent },
  });
  return { version, digest };
}

/** Approvals of the version `v` of the enclosing query. */
export function approvalsColumn(sql: Query) {
  return sql`(
    select json_agg(json_build_object('actor', a.actor, 'selfApproved', a.self_approved, 'cause', a.cause, 'approvedAt', a.approved_at) order by a.approved_at)
    from prompt_approvals a where a.tenant_id = v.tenant_id and a.prompt = v.prompt and a.version = v.version
  ) as approvals`;
}

export async function approvalCount(
  tx: Query,
  { tenant, prompt, version }: PromptName & { readonly version: number },
): Promise<number> {
  const [row] = await tx<{ count: number }[]>`
    select count(*)::int as count from prompt_approvals where tenant_id = ${tenant} and prompt = ${prompt} and version = ${version}`;
  return row?.count ?? 0;
}

export async function readVersion(
  sql: Query,
  { tenant, prompt, version }: PromptName & { readonly version: number },
): Promise<PromptVersionRecord | null> {
  const [row] = await sql<PromptVersionRow[]>`
    select v.*, ${approvalsColumn(sql)} from prompt_versions v where v.tenant_id = ${tenant} and v.prompt = ${prompt} and v.version = ${version}`;
  return row ? toRecord(row) : null;
}

export function toRecord({
  prompt,
  version,
  digest,
  template,
  parent,
  author,
  cause,
  createdAt,
  approvals: by,
}: PromptVersionRow): PromptVersionRecord {
  return {
    prompt,
    version,
    digest,
    template,
    parent,
    author,
    cause,
    createdAt,
    approvals: (by ?? []).map((each) => ({ ...each, approvedAt: utc(each.approvedAt) })),
  };
}

/** PostgreSQL writes times inside a document in the session's time zone. */
export function utc(time: string): string {
  return new Date(time).toISOString();
}

/** The person who acts: the holder of the key. Without a key it is the name. */
export async function holderOfCaller(
  tx: Query,
  { tenant, actor }: { readonly tenant: Tenant; readonly actor: string },
): Promise<string> {
  const [key] = await tx<{ readonly holderId: string }[]>`
    select holder_id from api_keys where tenant_id = ${tenant} and id = ${actingKeyId()}`;
  return key?.holderId ?? actor;
}

/** The person who wrote the version; the name of an author without a key. */
export async function findAuthor(
  tx: Query,
  { tenant, prompt, version }: PromptName & { readonly version: number },
): Promise<string> {
  const [row] = await tx<{ readonly author: string }[]>`
    select coalesce(k.holder_id, v.author) as author from prompt_versions v
    left join api_keys k on k.tenant_id = v.tenant_id and k.id = v.author_key_id
    where v.tenant_id = ${tenant} and v.prompt = ${prompt} and v.version = ${version}`;
  return row?.author ?? '';
}
