/**
 * What a run of a language application left in the stores: chunks in an index, moves of aliases,
 * requests in the ledger. Checked from outside the product.
 */
import { openChunkStore } from '../../../data/index/chunk-store';
import type { Database } from '../../../db/connection';
import { reportCalls, reportsBelow } from '../../../db/language/call-report';
import { defaultTenant as tenant, type RunId } from '../../../domain/ids';
import type { CallReport } from '../../../domain/provider/call-ledger';
import { runScope } from '../../../domain/budget/run-budget';
import { findStore } from '../leftovers';
import type { Product } from './product';

export interface StoredIndex {
  readonly chunks: number;
  readonly documents: number;
  /** Ids of chunks that occur twice. */
  readonly duplicates: readonly string[];
}

/** The chunks that questions to this version are answered from. */
export async function readStoredIndex(
  product: Pick<Product, 'pids'>,
  index: string,
  version: number,
): Promise<StoredIndex> {
  const store = openChunkStore({ kind: 's3', s3: findStore(product) });
  try {
    const table = await store.open({ tenant, index, version });
    return await table.audit().finally(() => table.close());
  } finally {
    store.close();
  }
}

export interface IndexVersionRow {
  readonly version: number;
  readonly state: string;
  readonly chunks: number | null;
}

/** From the registry, oldest first. */
export async function listIndexVersions(
  { sql }: Database,
  index: string,
): Promise<readonly IndexVersionRow[]> {
  return sql<
    IndexVersionRow[]
  >`select version, state, chunks::int from index_versions where index = ${index} order by version`;
}

/** Versions that its alias pointed to, oldest first. */
export async function listIndexMoves({ sql }: Database, index: string): Promise<readonly number[]> {
  const rows = await sql<
    { toVersion: number }[]
  >`select to_version from index_alias_history where index = ${index} order by fencing`;
  return rows.map(({ toVersion }) => toVersion);
}

export function readRequests({ sql }: Database, run: string, stage: string): Promise<CallReport> {
  return reportCalls(sql, { tenant, scope: `${runScope(run as RunId)}/${stage}` });
}

/** Requests without a recorded result. */
export async function requestsInFlight(
  { sql }: Database,
  run: string,
  stage: string,
): Promise<readonly string[]> {
  const rows = await sql<{ requestId: string }[]>`
    select request_id from llm_attempts
    where tenant_id = ${tenant} and scope = ${`${runScope(run as RunId)}/${stage}`} and outcome = 'sent' order by request_id`;
  return rows.map(({ requestId }) => requestId);
}

/**
 * How often an attempt of a calling activity took over from an earlier one that was dead or
 * presumed dead, if it then sent requests.
 */
export async function takeovers({ sql }: Database, run: string, stage: string): Promise<number> {
  const rows = await sql<{ attempt: number }[]>`
    select max(execution_attempt) as attempt from llm_calls
    where tenant_id = ${tenant} and scope = ${`${runScope(run as RunId)}/${stage}`} group by execution`;
  return rows.reduce((sum, { attempt }) => sum + attempt - 1, 0);
}

/**
 * Nothing is paid twice: each call of the run has one answer, and no request is open. Repeated
 * requests are recorded as lost attempts, at most `inFlight` of them. Returns their number.
 */
export async function expectPaidOnce(
  { sql }: Database,
  run: string,
  inFlight: number,
): Promise<number> {
  const reports = await reportsBelow(sql, { tenant, scope: runScope(run as RunId) });
  for (const { calls, attempts } of reports) {
    expect(calls).toMatchObject({ asking: 0, failed: 0 });
    expect(attempts).toMatchObject({ answered: calls.answered, sent: 0 });
  }
  const again = reports.reduce((sum, { attempts }) => sum + attempts.lost + attempts.broken, 0);
  expect(reports.flatMap(({ unsettled }) => unsettled.requestIds)).toHaveLength(again);
  expect(again).toBeLessThanOrEqual(inFlight);
  return again;
}
