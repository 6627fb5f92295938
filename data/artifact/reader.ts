/**
 * The tenant for which a request or an activity reads artifacts. References come from rows and
 * outputs that users influence, so each read is checked, wherever the reference came from.
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import type { ArtifactRef } from '../../domain/artifact';
import { failure } from '../../domain/failure';
import { isOfTenant } from './location';

const reader = new AsyncLocalStorage<string>();

/** All reads of `work` are for this tenant. */
export function readingFor<T>(tenant: string, work: () => T): T {
  return reader.run(tenant, work);
}

/** Whether it is an artifact of another tenant than the one that reads. */
export function isForeign(ref: ArtifactRef): boolean {
  const tenant = reader.getStore();
  return tenant !== undefined && !isOfTenant(ref, tenant);
}

/**
 * @throws ArtifactMissing for a reference to an artifact of another tenant, whether it exists or
 *   not.
 */
export function refuseForeign(ref: ArtifactRef): void {
  if (!isForeign(ref)) return;
  const tenant = reader.getStore() ?? '';
  throw failure('ArtifactMissing', `${ref.digest} is no artifact of the tenant ${tenant}`);
}
