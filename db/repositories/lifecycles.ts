import type { Digest } from '../../domain/artifact';
import type { Tenant } from '../../domain/ids';
import type { LifecycleRevision } from '../../domain/lifecycle';
import type { Page, PageRequest } from '../page';

/** What `apply` is given; the registry numbers it. */
export type NewLifecycleRevision = Omit<LifecycleRevision, 'revision'>;

export interface LifecycleSummary {
  readonly name: string;
  readonly kind: string;
  readonly owner: string;
  /** The revision that new runs take. */
  readonly revision: number;
  readonly digest: Digest;
  readonly createdAt: string;
  readonly updatedAt: string;
}

export interface LifecycleRevisionSummary {
  readonly revision: number;
  readonly digest: Digest;
  readonly appliedBy: string;
  readonly appliedAt: string;
}

export interface LifecycleRepository {
  /** Makes the revision current. `changed` is false when it already is; an older digest becomes current again under its old number. */
  apply(input: {
    readonly tenant: Tenant;
    readonly revision: NewLifecycleRevision;
    readonly actor: string;
  }): Promise<{ readonly revision: LifecycleRevision; readonly changed: boolean }>;
  /** The current revision, or the one of `digest`. */
  get(input: { readonly tenant: Tenant; readonly name: string; readonly digest?: Digest | undefined }): Promise<LifecycleRevision | null>;
  /** By name. */
  list(input: { readonly tenant: Tenant } & PageRequest): Promise<Page<LifecycleSummary>>;
  revisions(input: { readonly tenant: Tenant; readonly name: string } & PageRequest): Promise<Page<LifecycleRevisionSummary>>;
}
