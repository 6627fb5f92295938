import type { Digest } from '../../domain/artifact';
import type { RunId, Tenant } from '../../domain/ids';

export type LineageKind = 'dataset' | 'run' | 'model' | 'deployment';

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
  /** Edges that exist already are skipped. */
  add(input: { readonly tenant: Tenant; readonly edges: readonly LineageEdge[] }): Promise<void>;
  /** Every edge reachable from the node, nearest first: `upstream` is where it came from, `downstream` what was made from it. Digests do not take part in a node's identity. */
  of(input: {
    readonly tenant: Tenant;
    readonly node: LineageNode;
    readonly direction: 'upstream' | 'downstream';
  }): Promise<readonly (LineageEdge & { readonly distance: number })[]>;
}
