import type { Tenant } from '../../domain/ids';
import type { LifecycleRevision } from '../../domain/lifecycle/revision';

export interface LifecycleName {
  readonly tenant: Tenant;
  readonly lifecycle: string;
}

/** Spec of the revision in force. */
export type CurrentSpec = Pick<LifecycleRevision, 'digest' | 'spec'>;
