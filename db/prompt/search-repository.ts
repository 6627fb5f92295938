import { failure } from '../../domain/failure';
import type { Tenant } from '../../domain/ids';
import type { SearchOutcome } from '../../domain/prompt-search/outcome';
import type { PromptSearchRequest } from '../../domain/prompt-search/request';
import type { Database } from '../connection';
import { toJson } from '../document';
import type { Page, PageRequest } from '../page';
import { afterKey, rowsToAsk, toPage } from '../page';
import type { promptSearches, PromptSearchStatus } from './search-schema';
import { appendAudit } from '../audit/entry';

export interface PromptSearchRecord {
  readonly id: string;
  readonly prompt: string;
  readonly firstVersion: number;
  readonly request: PromptSearchRequest;
  readonly actor: string;
  readonly status: PromptSearchStatus;
  readonly cause: string | null;
  readonly outcome: SearchOutcome | null;
  readonly createdAt: string;
  readonly endedAt: string | null;
}

interface SearchKey {
  readonly tenant: Tenant;
  readonly id: string;
}

/** Searches for better prompts: their requests and outcomes. */
export interface PromptSearchRepository {
  /**
   * Creates the search, or restarts one that failed or was cancelled. A running or finished one
   * stays unchanged.
   */
  open(
    input: SearchKey & Pick<PromptSearchRecord, 'prompt' | 'firstVersion' | 'request' | 'actor'>,
  ): Promise<PromptSearchRecord & { readonly begun: boolean }>;
  /** Ends a running search; a late call changes nothing. */
  end(
    input: SearchKey &
      (
        | { readonly status: 'done'; readonly outcome: SearchOutcome }
        | { readonly status: 'failed' | 'cancelled'; readonly cause: string }
      ),
  ): Promise<void>;
  get(input: SearchKey): Promise<PromptSearchRecord | null>;
  /** Searches of all tenants with the stored status `running`. */
  running(): Promise<readonly (PromptSearchRecord & { readonly tenant: Tenant })[]>;
  /** Newest first, by milliseconds, the precision of the page token. */
  list(
    input: { readonly tenant: Tenant; readonly prompt: string } & PageRequest,
  ): Promise<Page<PromptSearchRecord>>;
}

type SearchRow = typeof promptSearches.$inferSelect;

export function createPromptSearchRepository({ sql }: Database): PromptSearchRepository {
  return {
    open: ({ tenant, id, prompt, firstVersion, request, actor }) =>
      sql.begin(async (tx) => {
        const [begun] = await tx<SearchRow[]>`
          insert into prompt_searches (tenant_id, id, prompt, first_version, request, actor, status)
          values (${tenant}, ${id}, ${prompt}, ${firstVersion}, ${toJson(request)}, ${actor}, 'running')
          on conflict on constraint prompt_searches_pk do update
            set status = 'running', cause = null, ended_at = null, actor = excluded.actor, request = excluded.request
            where prompt_searches.status in ('failed', 'cancelled')
          returning *`;
        if (begun) {
          const cause = `a search for a better ${request.spec.quality}`;
          const after = { search: id, firstVersion, spec: request.spec };
          await appendAudit(tx, {
            tenant,
            actor,
            action: 'prompt.search',
            subject: `prompt:${prompt}`,
            cause,
            after,
          });
          return { ...toRecord(begun), begun: true };
        }
        const [found] = await tx<
          SearchRow[]
        >`select * from prompt_searches where tenant_id = ${tenant} and id = ${id}`;
        if (!found)
          throw failure(
            'DatabaseUnavailable',
            `the prompt search ${id} was stored but could not be read`,
          );
        return { ...toRecord(found), begun: false };
      }),

    async end({ tenant, id, status, ...ended }) {
      const outcome = 'outcome' in ended ? toJson(ended.outcome) : null;
      const cause = 'cause' in ended ? ended.cause : null;
      await sql`
        update prompt_searches set status = ${status}, outcome = ${outcome}::json, cause = ${cause}, ended_at = now()
        where tenant_id = ${tenant} and id = ${id} and status = 'running'`;
    },

    async get({ tenant, id }) {
      const [row] = await sql<
        SearchRow[]
      >`select * from prompt_searches where tenant_id = ${tenant} and id = ${id}`;
      return row ? toRecord(row) : null;
    },

    async running() {
      const rows = await sql<
        SearchRow[]
      >`select * from prompt_searches where status = 'running' order by created_at, tenant_id, id limit 1000`;
      return rows.map((row) => ({ ...toRecord(row), tenant: row.tenantId }));
    },

    async list({ tenant, prompt, ...page }) {
      const after = afterKey(page);
      const [at, id] = after === null ? [] : after.split(' ');
      const rows = await sql<SearchRow[]>`
        select * from prompt_searches where tenant_id = ${tenant} and prompt = ${prompt}
          and ${at === undefined || id === undefined ? sql`true` : sql`(date_trunc('milliseconds', created_at), id) < (${at}::timestamptz, ${id})`}
        order by date_trunc('milliseconds', created_at) desc, id desc limit ${rowsToAsk(page)}`;
      return toPage(rows, page, (row) => `${row.createdAt} ${row.id}`, toRecord);
    },
  };
}

function toRecord({
  id,
  prompt,
  firstVersion,
  request,
  actor,
  status,
  cause,
  outcome,
  createdAt,
  endedAt,
}: SearchRow): PromptSearchRecord {
  return { id, prompt, firstVersion, request, actor, status, cause, outcome, createdAt, endedAt };
}
