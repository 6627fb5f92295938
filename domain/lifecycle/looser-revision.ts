import { failure } from '../failure';
import { looseningText, loosenings } from './loosenings';
import type { LifecycleRevision } from './revision';

/** @throws Conflict when a run would use a revision that is less strict than the current policy. */
export function refuseLooserRevision({
  inForce,
  used,
  by,
  next,
}: {
  readonly inForce: LifecycleRevision;
  readonly used: LifecycleRevision;
  readonly by: string;
  readonly next: string;
}): void {
  const looser = inForce.digest === used.digest ? [] : loosenings(inForce, used);
  if (looser.length === 0) return;
  const named = looser.map(looseningText).join('; ');
  throw failure(
    'Conflict',
    `${by} uses revision ${used.revision} of ${used.lifecycle}, ` +
      `which is less strict than revision ${inForce.revision}, the current policy: ${named}`,
    { next },
  );
}
