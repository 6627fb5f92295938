import type { ArtifactRef, Digest } from '../../domain/artifact';
import type { Tenant } from '../../domain/ids';

export interface SweepableArtifact {
  readonly tenant: Tenant;
  readonly digest: Digest;
  /** Null when the upload was leased but never recorded; the store knows where a digest lives. */
  readonly uri: string | null;
}

/**
 * What exists in the artifact store, who holds on to it, and its collection (DESIGN §8). Writer: lease → look whether the object exists →
 * upload if not → record → reference. Collector: mark → wait longer than `maxLeaseSeconds` → sweepable → delete.
 */
export interface ArtifactRepository {
  /**
   * Holds a digest against collection for `seconds` (at most `maxLeaseSeconds`), existing or not, and clears a collector's mark. `mustUpload`
   * is true when the collector may be deleting the object this moment: upload again without looking whether it exists.
   */
  lease(input: {
    readonly tenant: Tenant;
    readonly digest: Digest;
    readonly owner: string;
    readonly seconds: number;
  }): Promise<{ readonly mustUpload: boolean }>;
  /** Gives the lease back early; fine when it ran out. */
  release(input: { readonly tenant: Tenant; readonly digest: Digest; readonly owner: string }): Promise<void>;
  /** The object is in the store. Throws Conflict when the collector deleted it since it was leased (the lease had run out). */
  record(input: { readonly tenant: Tenant; readonly ref: ArtifactRef }): Promise<void>;
  /** `by` names the holder, such as `model:flight-delay@7`, `run:run_…`. Throws ArtifactMissing when the artifact was collected or never recorded. */
  reference(input: { readonly tenant: Tenant; readonly digest: Digest; readonly by: string }): Promise<void>;
  unreference(input: { readonly tenant: Tenant; readonly by: string; readonly digest?: Digest | undefined }): Promise<number>;
  get(input: { readonly tenant: Tenant; readonly digest: Digest }): Promise<ArtifactRef | null>;
  /** Marks what nothing refers to, no lease holds, and nothing touched for `idleSeconds`. Number marked. */
  mark(input: { readonly tenant: Tenant; readonly idleSeconds: number; readonly limit: number }): Promise<number>;
  /**
   * Marks that stood longer than `maxLeaseSeconds` and are still unheld: each is claimed for deletion, under its row's lock. From here until
   * `delete` a writer's lease answers `mustUpload`.
   */
  sweepable(input: { readonly tenant: Tenant; readonly limit: number }): Promise<readonly SweepableArtifact[]>;
  /** The second look, under the row's lock held while `remove` deletes the object: false, and nothing removed, when a writer took the digest meanwhile. */
  delete(input: { readonly tenant: Tenant; readonly digest: Digest; readonly remove: () => Promise<void> }): Promise<boolean>;
}

/** The longest lease, and so the shortest time between mark and sweep. A writer renews for longer uploads. */
export const maxLeaseSeconds = 3600;
