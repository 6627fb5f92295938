import type { Digest } from '../../domain/artifact';
import type { RunId, Tenant } from '../../domain/ids';
import type { Database, Sql } from '../connection';
import { toJson } from '../document';
import type { Page, PageRequest } from '../page';
import { afterKey, rowsToAsk, toPage } from '../page';
import type { Statement } from '../sql';

/**
 * A deployment starts with the move that makes a version the champion and ends with the next move.
 * Its name is the model's, and its version is that move's fencing number.
 */
export type LineageKind = 'source' | 'dataset' | 'run' | 'index' | 'model' | 'deployment';

export interface LineageNode {
  readonly kind: LineageKind;
  readonly name: string;
  readonly version?: number | undefined;
  readonly digest?: Digest | undefined;
}

export interface LineageEdge {
  readonly from: LineageNode;
  readonly to: LineageNode;
  readonly runId: RunId | null;
}

export interface LineageRepository {
  /** The node as edges name it, without `version` the newest one; null if no edge has it. */
  find(input: {
    readonly tenant: Tenant;
    readonly kind: LineageKind;
    readonly name: string;
    readonly version?: number | undefined;
  }): Promise<LineageNode | null>;
  /** Skips edges that exist. */
  add(input: { readonly tenant: Tenant; readonly edges: readonly LineageEdge[] }): Promise<void>;
  /**
   * Edges that are reachable from the node, nearest first: `upstream` is what it was made from,
   * `downstream` what was made from it. Visits at most `maxNodes` nodes. Digests are not part of a
   * node's identity.
   */
  of(input: LineageQuery): Promise<readonly DistantEdge[]>;
  /** The same in pages. */
  page(input: LineageQuery & PageRequest): Promise<Page<DistantEdge>>;
}

export interface LineageQuery {
  readonly tenant: Tenant;
  readonly node: LineageNode;
  readonly direction: 'upstream' | 'downstream';
}

/** `distance` is 1 for edges that touch the queried node. */
export interface DistantEdge extends LineageEdge {
  readonly distance: number;
}

interface EdgeRow {
  readonly fromKind: LineageKind;
  readonly fromName: string;
  readonly fromVersion: number;
  readonly fromDigest: Digest | null;
  readonly toKind: LineageKind;
  readonly toName: string;
  readonly toVersion: number;
  readonly toDigest: Digest | null;
  readonly runId: RunId | null;
}

/**
 * Bounds the memory of one response. A hundred retrainings back to the first data have about 300
 * nodes.
 */
const maxNodes = 10_000;

export function createLineageRepository({ sql }: Database): LineageRepository {
  return {
    async add({ tenant, edges }) {
      const rows = edges.map(({ from, to, runId }) => ({
        from_kind: from.kind,
        from_name: from.name,
        from_version: from.version ?? 0,
        from_digest: from.digest ?? null,
        to_kind: to.kind,
        to_name: to.name,
        to_version: to.version ?? 0,
        to_digest: to.digest ?? null,
        run_id: runId,
      }));
      await sql`
        insert into lineage_edges (tenant_id, from_kind, from_name, from_version, from_digest, to_kind, to_name, to_version, to_digest, run_id)
        select ${tenant}, e.* from json_to_recordset(${toJson(rows)}) as e (from_kind text, from_name text, from_version int, from_digest text,
          to_kind text, to_name text, to_version int, to_digest text, run_id text)
        on conflict do nothing`;
    },

    async find({ tenant, kind, name, version }) {
      const end = (side: string) => sql`
        select ${sql(`${side}_version`)} as version from lineage_edges where tenant_id = ${tenant} and ${sql(`${side}_kind`)} = ${kind}
          and ${sql(`${side}_name`)} = ${name} and ${version === undefined ? sql`true` : sql`${sql(`${side}_version`)} = ${version}`}`;
      const [row] = await sql<{ newest: number | null }[]>`
        select max(version) as newest from (${end('from')} union all ${end('to')}) named`;
      return row?.newest == null ? null : toNode(kind, name, row.newest, null);
    },

    of: (query) => reachableEdges(sql, query),

    async page({ pageSize, pageToken, ...query }) {
      const page = { pageSize, pageToken };
      const after = afterKey(page);
      const edges = await reachableEdges(sql, query);
      const rest = after === null ? edges : edges.filter((edge) => sortKey(edge) > after);
      return toPage(rest.slice(0, rowsToAsk(page)), page, sortKey, (edge) => edge);
    },
  };
}

/**
 * The recursive query collects nodes, not paths, so `union` follows each node once. Distances are
 * added here, because in the recursion they would give one row for each path length.
 */
async function reachableEdges(sql: Sql, query: LineageQuery): Promise<readonly DistantEdge[]> {
  const rows = await selectReachable(sql, query);
  return byDistance(rows.map(toEdge), { start: query.node, ...chooseEnds(query) });
}

/** Runs when it is awaited. */
export function selectReachable(sql: Sql, query: LineageQuery): Statement<EdgeRow[]> {
  const { tenant, node } = query;
  const { near, far } = chooseEnds(query);
  const column = (end: string, part: string) => sql(`${end}_${part}`);
  return sql<EdgeRow[]>`
    with recursive reached (kind, name, version) as (
      select ${node.kind}::text, ${node.name}::text, ${node.version ?? 0}::int
      union
      select e.${column(far, 'kind')}, e.${column(far, 'name')}, e.${column(far, 'version')}
      from reached r join lineage_edges e on e.tenant_id = ${tenant}
        and e.${column(near, 'kind')} = r.kind and e.${column(near, 'name')} = r.name and e.${column(near, 'version')} = r.version
    ), nearest as (select * from reached limit ${maxNodes})
    select e.* from nearest n cross join lateral (
      -- Without an offset the planner, which guesses that far more nodes are reached, reads the whole table.
      select * from lineage_edges e where e.tenant_id = ${tenant}
        and e.${column(near, 'kind')} = n.kind and e.${column(near, 'name')} = n.name and e.${column(near, 'version')} = n.version offset 0) e`;
}

/** `near` is the end of an edge that is already reached, `far` the other end. */
function chooseEnds({ direction }: LineageQuery): {
  readonly near: 'from' | 'to';
  readonly far: 'from' | 'to';
} {
  return direction === 'upstream' ? { near: 'to', far: 'from' } : { near: 'from', far: 'to' };
}

/** A breadth-first walk over the edges, sorted by distance and then by the names of both ends. */
function byDistance(
  edges: readonly LineageEdge[],
  {
    start,
    near,
    far,
  }: { readonly start: LineageNode; readonly near: 'from' | 'to'; readonly far: 'from' | 'to' },
): readonly DistantEdge[] {
  const edgesByNode = new Map<string, LineageEdge[]>();
  for (const edge of edges) {
    const key = nodeKey(edge[near]);
    const others = edgesByNode.get(key);
    if (others === undefined) edgesByNode.set(key, [edge]);
    else others.push(edge);
  }
  const distances = new Map([[nodeKey(start), 0]]);
  // A Map iterates over entries that are added during the iteration.
  for (const [key, distance] of distances) {
    for (const edge of edgesByNode.get(key) ?? []) {
      const next = nodeKey(edge[far]);
      if (!distances.has(next)) distances.set(next, distance + 1);
    }
  }
  return edges
    .map((edge): DistantEdge => ({
      ...edge,
      distance: (distances.get(nodeKey(edge[near])) ?? 0) + 1,
    }))
    .map((edge) => ({ edge, key: sortKey(edge) }))
    .sort((a, b) => (a.key < b.key ? -1 : 1))
    .map(({ edge }) => edge);
}

function sortKey({ distance, from, to }: DistantEdge): string {
  return `${String(distance).padStart(6, '0')} ${nodeKey(from)} ${nodeKey(to)}`;
}

function nodeKey({ kind, name, version }: LineageNode): string {
  return `${kind}:${name}@${String(version ?? 0).padStart(9, '0')}`;
}

function toEdge(row: EdgeRow): LineageEdge {
  return {
    from: toNode(row.fromKind, row.fromName, row.fromVersion, row.fromDigest),
    to: toNode(row.toKind, row.toName, row.toVersion, row.toDigest),
    runId: row.runId,
  };
}

function toNode(
  kind: LineageKind,
  name: string,
  version: number,
  digest: Digest | null,
): LineageNode {
  return { kind, name, ...(version > 0 && { version }), ...(digest !== null && { digest }) };
}
