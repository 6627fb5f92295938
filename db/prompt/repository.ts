import type { Digest } from '../../domain/artifact';
import { failure } from '../../domain/failure';
import type { Tenant } from '../../domain/ids';
import type { PromptTemplate } from '../../domain/prompt/prompt';
import { needsApproval } from '../../domain/prompt/labels';
import type { Columns } from '../columns';
import type { Database } from '../connection';
import { versionBefore } from '../../domain/model/rollback-path';
import { runIdempotently } from '../idempotency/idempotency';
import type { Page, PageRequest } from '../page';
import { afterKey, rowsToAsk, toPage } from '../page';
import { lockPrompt, moveRef, readRef, requireKind, requireVersion, listRefMoves } from './refs';
import {
  approvalCount,
  approvalsColumn,
  findAuthor,
  holderOfCaller,
  readVersion,
  storeVersion,
  toRecord,
  utc,
  type PromptVersionRow,
} from './versions';
import type { promptRefHistory, prompts } from './schema';
import { appendAudit } from '../audit/entry';
import type { PromptMoveKind, PromptRef, PromptVersionRecord } from './records';

export interface PromptSummary {
  readonly name: string;
  readonly versions: number;
  readonly refs: readonly PromptRef[];
  readonly createdAt: string;
}

export interface PromptMove {
  readonly id: string;
  readonly ref: string;
  readonly kind: PromptMoveKind;
  readonly from: number | null;
  readonly to: number;
  readonly fencing: number;
  readonly actor: string;
  readonly cause: string;
  readonly movedAt: string;
}

/** Where the caller last saw the label. Without a label, version is null and fencing is ignored. */
export interface ExpectedRef {
  readonly version: number | null;
  readonly fencing: number;
}

export type Labelling =
  | { readonly kind: 'moved' | 'unchanged'; readonly from: number | null; readonly fencing: number }
  | { readonly kind: 'conflict'; readonly now: PromptRef | null };

interface PromptKey {
  readonly tenant: Tenant;
  readonly prompt: string;
}

interface KeyedPromptChange extends PromptKey {
  readonly actor: string;
  readonly cause: string;
  readonly idempotencyKey: string;
}

/**
 * Prompts and their pointers. Each change is one transaction under the prompt's row lock, with
 * history and audit row. A repeated key returns the first result.
 */
export interface PromptRepository {
  /**
   * Adds a version at the head of `branch`. Equal content keeps its version and only moves the
   * head. With `parent`, throws Conflict unless it is the branch's head, so that no unseen change
   * is overwritten. A new branch starts at `parent` or at the head of `main`.
   */
  put(
    input: KeyedPromptChange & {
      readonly template: PromptTemplate;
      readonly branch: string;
      readonly parent?: number | undefined;
    },
  ): Promise<{ readonly version: number; readonly digest: Digest; readonly changed: boolean }>;
  get(input: PromptKey & { readonly version: number }): Promise<PromptVersionRecord | null>;
  /** Resolves `name@ref`: a branch, a label or the number of a version. */
  resolve(input: PromptKey & { readonly ref: string }): Promise<PromptVersionRecord | null>;
  refs(input: PromptKey): Promise<readonly PromptRef[]>;
  /** Sorted by name. */
  list(input: { readonly tenant: Tenant } & PageRequest): Promise<Page<PromptSummary>>;
  versions(input: PromptKey & PageRequest): Promise<Page<PromptVersionRecord>>;
  history(
    input: PromptKey & { readonly ref?: string | undefined } & PageRequest,
  ): Promise<Page<PromptMove>>;
  /**
   * Counts once for each person and version. @throws Forbidden for the author of the version unless
   * `selfApprove` is set; the caller checks who may set it.
   */
  approve(
    input: KeyedPromptChange & { readonly version: number; readonly selfApprove?: boolean },
  ): Promise<{ readonly approvals: number }>;
  /**
   * Throws Conflict if the label needs approval and the version has none. A conflict with
   * `expected` changes nothing and does not use up the key.
   */
  label(
    input: KeyedPromptChange & {
      readonly label: string;
      readonly version: number;
      readonly expected: ExpectedRef;
    },
  ): Promise<Labelling>;
  /**
   * Without `to`, goes back to the version before. Another rollback goes further back, never
   * forward to the bad version. Throws Conflict if there is no such version.
   */
  rollback(
    input: KeyedPromptChange & { readonly label: string; readonly to?: number | undefined },
  ): Promise<{ readonly from: number; readonly to: number; readonly fencing: number }>;
}

export function createPromptRepository({ sql }: Database): PromptRepository {
  return {
    put: ({ tenant, idempotencyKey: key, ...request }) =>
      sql.begin((tx) =>
        runIdempotently(tx, { tenant, operation: 'prompt.put', key, request }, async () => {
          const { prompt, branch, template, actor, cause } = request;
          await tx`insert into prompts (tenant_id, name) values (${tenant}, ${prompt}) on conflict do nothing`;
          await lockPrompt(tx, { tenant, prompt });
          const head = await requireKind(tx, { tenant, prompt, ref: branch, kind: 'branch' });
          if (request.parent !== undefined && head !== null && head.version !== request.parent) {
            throw failure(
              'Conflict',
              `${prompt}@${branch} is at version ${head.version}, not ${request.parent}: another change was made since`,
              {
                next: `perennial prompt diff ${prompt} ${request.parent} ${head.version}`,
              },
            );
          }
          if (request.parent !== undefined)
            await requireVersion(tx, { tenant, prompt, version: request.parent });
          const main = head ?? (await readRef(tx, { tenant, prompt, ref: 'main' }));
          const parent = request.parent ?? main?.version ?? null;
          const { version, digest } = await storeVersion(tx, {
            tenant,
            prompt,
            template,
            parent,
            actor,
            cause,
          });
          const from = head?.version ?? null;
          if (from === version) return { version, digest, changed: false };
          await moveRef(tx, {
            tenant,
            prompt,
            ref: branch,
            refKind: 'branch',
            kind: 'set',
            from,
            to: version,
            actor,
            cause,
          });
          return { version, digest, changed: true };
        }),
      ),

    get: ({ tenant, prompt, version }) => readVersion(sql, { tenant, prompt, version }),

    async resolve({ tenant, prompt, ref }) {
      const version = /^[1-9]\d{0,8}$/.test(ref)
        ? Number(ref)
        : (await readRef(sql, { tenant, prompt, ref }))?.version;
      return version === undefined ? null : readVersion(sql, { tenant, prompt, version });
    },

    refs: async ({ tenant, prompt }) =>
      sql<PromptRef[]>`
        select ref, kind, version, fencing, moved_at from prompt_refs where tenant_id = ${tenant} and prompt = ${prompt} order by kind, ref`,

    async list({ tenant, ...page }) {
      const after = afterKey(page);
      const rows = await sql<
        (Columns<typeof prompts, 'name' | 'versions' | 'createdAt'> & {
          readonly refs: readonly PromptRef[] | null;
        })[]
      >`
        select p.name, p.versions, p.created_at, (
          select json_agg(json_build_object('ref', r.ref, 'kind', r.kind, 'version', r.version, 'fencing', r.fencing, 'movedAt', r.moved_at) order by r.ref)
          from prompt_refs r where r.tenant_id = p.tenant_id and r.prompt = p.name
        ) as refs
        from prompts p where p.tenant_id = ${tenant} and ${after === null ? sql`true` : sql`p.name > ${after}`}
        order by p.name limit ${rowsToAsk(page)}`;
      return toPage(
        rows,
        page,
        (row) => row.name,
        ({ name, versions, createdAt, refs }) => ({
          name,
          versions,
          createdAt,
          refs: (refs ?? []).map((ref) => ({ ...ref, movedAt: utc(ref.movedAt) })),
        }),
      );
    },

    async versions({ tenant, prompt, ...page }) {
      const after = afterKey(page);
      const rows = await sql<PromptVersionRow[]>`
        select v.*, ${approvalsColumn(sql)} from prompt_versions v where v.tenant_id = ${tenant} and v.prompt = ${prompt}
          and ${after === null ? sql`true` : sql`v.version < ${Number(after)}`}
        order by v.version desc limit ${rowsToAsk(page)}`;
      return toPage(rows, page, (row) => String(row.version), toRecord);
    },

    async history({ tenant, prompt, ref, ...page }) {
      const after = afterKey(page);
      const rows = await sql<(typeof promptRefHistory.$inferSelect)[]>`
        select * from prompt_ref_history where tenant_id = ${tenant} and prompt = ${prompt}
          and ${ref === undefined ? sql`true` : sql`ref = ${ref}`} and ${after === null ? sql`true` : sql`fencing < ${Number(after)}`}
        order by fencing desc limit ${rowsToAsk(page)}`;
      return toPage(
        rows,
        page,
        (row) => String(row.fencing),
        ({
          id,
          ref: moved,
          kind,
          fromVersion: from,
          toVersion: to,
          fencing,
          actor,
          cause,
          movedAt,
        }) => {
          return { id, ref: moved, kind, from, to, fencing, actor, cause, movedAt };
        },
      );
    },

    approve: ({ tenant, idempotencyKey: key, ...request }) =>
      sql.begin((tx) =>
        runIdempotently(tx, { tenant, operation: 'prompt.approve', key, request }, async () => {
          const { prompt, version, actor, cause, selfApprove = false } = request;
          await lockPrompt(tx, { tenant, prompt });
          await requireVersion(tx, { tenant, prompt, version });
          const holder = await holderOfCaller(tx, { tenant, actor });
          const isAuthor = holder === (await findAuthor(tx, { tenant, prompt, version }));
          if (isAuthor && !selfApprove)
            throw failure(
              'Forbidden',
              `${actor} wrote ${prompt}@${version} and may not approve it`,
              {
                next: 'ask another approver; an admin who works alone adds --self-approve (selfApprove: true), which the audit keeps',
              },
            );
          const [added] = await tx`
            insert into prompt_approvals (tenant_id, prompt, version, holder_id, actor, self_approved, cause)
            values (${tenant}, ${prompt}, ${version}, ${holder}, ${actor}, ${isAuthor}, ${cause})
            on conflict do nothing returning true as added`;
          if (added)
            await appendAudit(tx, {
              tenant,
              actor,
              action: 'prompt.approve',
              subject: `prompt:${prompt}`,
              cause,
              after: { version, selfApproved: isAuthor },
            });
          return { approvals: await approvalCount(tx, { tenant, prompt, version }) };
        }),
      ),

    label: ({ tenant, idempotencyKey: key, ...request }) =>
      sql.begin((tx) =>
        runIdempotently<Labelling>(
          tx,
          { tenant, operation: 'prompt.label', key, request },
          async () => {
            const { prompt, label: ref, version, expected, actor, cause } = request;
            await lockPrompt(tx, { tenant, prompt });
            await requireVersion(tx, { tenant, prompt, version });
            const now = await requireKind(tx, { tenant, prompt, ref, kind: 'label' });
            if (
              needsApproval(ref) &&
              (await approvalCount(tx, { tenant, prompt, version })) === 0
            ) {
              throw failure(
                'Conflict',
                `${prompt}@${version} is not approved, which the label ${ref} requires`,
                {
                  next: `perennial prompt approve ${prompt} ${version} --reason <text>`,
                },
              );
            }
            if (now?.version === version)
              return { kind: 'unchanged', from: version, fencing: now.fencing };
            const from = now?.version ?? null;
            if (from !== expected.version || (now !== null && now.fencing !== expected.fencing))
              return { kind: 'conflict', now };
            const fencing = await moveRef(tx, {
              tenant,
              prompt,
              ref,
              refKind: 'label',
              kind: 'set',
              from,
              to: version,
              actor,
              cause,
            });
            return { kind: 'moved', from, fencing };
          },
          ({ kind }) => kind !== 'conflict',
        ),
      ),

    rollback: ({ tenant, idempotencyKey: key, ...request }) =>
      sql.begin((tx) =>
        runIdempotently(tx, { tenant, operation: 'prompt.rollback', key, request }, async () => {
          const { prompt, label: ref, to, actor, cause } = request;
          const next = `perennial prompt history ${prompt}`;
          await lockPrompt(tx, { tenant, prompt });
          const now = await requireKind(tx, { tenant, prompt, ref, kind: 'label' });
          if (now === null) throw failure('NotFound', `${prompt} has no label ${ref}`, { next });
          if (to === now.version)
            throw failure('Conflict', `${prompt}@${ref} is already at version ${to}`);
          const moves = await listRefMoves(tx, { tenant, prompt, ref });
          const version =
            to === undefined
              ? versionBefore(moves)
              : moves.some((move) => move.kind !== 'undo' && move.to === to)
                ? to
                : null;
          if (version === null) {
            const what =
              to === undefined
                ? `there is nothing before version ${now.version}`
                : `the label never pointed to version ${to}`;
            throw failure('Conflict', `${prompt}@${ref} cannot go back: ${what}`, { next });
          }
          const move = {
            tenant,
            prompt,
            ref,
            refKind: 'label',
            kind: 'rollback',
            from: now.version,
            to: version,
            actor,
            cause,
          } as const;
          return { from: now.version, to: version, fencing: await moveRef(tx, move) };
        }),
      ),
  };
}
