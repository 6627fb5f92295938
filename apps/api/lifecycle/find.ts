import type { ArtifactStore } from '../../../data/artifact/store';
import type { Registry } from '../../../db/registry';
import { failure } from '../../../domain/failure';
import type { Tenant } from '../../../domain/ids';
import { fileDiffs } from './file-diffs';
import { revisionTexts } from './revision';

interface LifecycleRef {
  readonly tenant: Tenant;
  readonly name: string;
}

/**
 * The revision in force.
 * @throws NotFound
 */
export async function findLifecycle(registry: Pick<Registry, 'lifecycles'>, ref: LifecycleRef) {
  const lifecycle = await registry.lifecycles.get(ref);
  if (lifecycle === null)
    throw failure('NotFound', `there is no lifecycle ${ref.name}`, {
      next: 'perennial lifecycle apply <folder>',
    });
  return lifecycle;
}

/** What waits for approvers, with the lines that it changes. */
export async function findPending(
  {
    registry,
    artifacts,
  }: { readonly registry: Pick<Registry, 'lifecycles'>; readonly artifacts: ArtifactStore },
  ref: LifecycleRef,
) {
  const pending = await registry.lifecycles.proposal(ref);
  const now = pending && (await registry.lifecycles.get(ref));
  if (!pending || !now) return null;
  const { files, ...shown } = pending;
  const texts = await revisionTexts(artifacts, files);
  return { ...shown, diffs: await fileDiffs(artifacts, now.files, { files, texts }) };
}
