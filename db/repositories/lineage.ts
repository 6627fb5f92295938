import type { Digest } from '../../domain/artifact';
import type { RunId, Tenant } from '../../domain/ids';
import type { Database } from '../connection';
import { toJson } from '../document';

/** A deployment is a model's version from the move that made it serve to the next: it has the model's name and that move's fencing number. */
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
  /** The node as edges name it, without a version its newest one; null when no edge does. */
  find(input: {
    readonly tenant: Tenant;
    readonly kind: LineageKind;
    readonly name: string;
    readonly version?: number | undefined;
  }): Promise<LineageNode | null>;
  /** Edges that exist already are skipped. */
  add(input: { readonly tenant: Tenant; readonly edges: readonly LineageEdge[] }): Promise<void>;
  /** Every edge reachable from the node, nearest first: `upstream` is where it came from, `downstream` what was made from it. Digests do not take part in a node's identity. */
  of(input: {
    readonly tenant: Tenant;
    readonly node: LineageNode;
    readonly direction: 'upstream' | 'downstream';
  }): Promise<readonly (LineageEdge & { readonly distance: number })[]>;
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
  readonly distance: number;
}

/** Edges farther than this are not followed: a chain of a hundred retrainings back to its first data is one of 300. */
const farthest = 1000;

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

    async of({ tenant, node, direction }) {
      // `near` is the end of an edge that is already reached, `far` the one behind it.
      const [near, far] = direction === 'upstream' ? ['to', 'from'] : ['from', 'to'];
      const column = (end: string, part: string) => sql(`${end}_${part}`);
      const rows = await sql<EdgeRow[]>`
        with recursive reached (kind, name, version, distance) as (
          select ${node.kind}::text, ${node.name}::text, ${node.version ?? 0}::int, 0
          union
          select e.${column(far, 'kind')}, e.${column(far, 'name')}, e.${column(far, 'version')}, r.distance + 1
          from reached r join lineage_edges e on e.tenant_id = ${tenant}
            and e.${column(near, 'kind')} = r.kind and e.${column(near, 'name')} = r.name and e.${column(near, 'version')} = r.version
          where r.distance < ${farthest}
        ) cycle kind, name, version set is_cycle using path,
        nearest as (select kind, name, version, min(distance) as distance from reached group by kind, name, version)
        select e.*, n.distance + 1 as distance from nearest n join lineage_edges e on e.tenant_id = ${tenant}
          and e.${column(near, 'kind')} = n.kind and e.${column(near, 'name')} = n.name and e.${column(near, 'version')} = n.version
        order by n.distance, e.created_at, e.from_kind, e.from_name, e.from_version, e.to_kind, e.to_name, e.to_version`;
      return rows.map(toEdge);
    },
  };
}

function toEdge(row: EdgeRow): LineageEdge & { readonly distance: number } {
  return {
    from: toNode(row.fromKind, row.fromName, row.fromVersion, row.fromDigest),
    to: toNode(row.toKind, row.toName, row.toVersion, row.toDigest),
    runId: row.runId,
    distance: row.distance,
  };
}

function toNode(kind: LineageKind, name: string, version: number, digest: Digest | null): LineageNode {
  return { kind, name, ...(version > 0 && { version }), ...(digest !== null && { digest }) };
}
