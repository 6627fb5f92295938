import { failure } from '../failure';
import { looseningText, loosenings } from './loosenings';
import type { LifecycleRevision } from './revision';

/** @throws Conflict when a run would use a revision that is looser than the policy in force. */
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
      `which is looser than revision ${inForce.revision} in force: ${named}`,
    { next },
  );
}
