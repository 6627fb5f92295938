/**
 * Takes away what a retired version of an index leaves: its table and its plan. Begun by the
 * outbox, so that no death in between leaves a table that nobody asks any more.
 */
import type { IndexRetirementInput } from './messages';
import { indexRemoval } from './activity-proxies';

export async function indexRetirement({
  tenant,
  index,
  version,
  actor,
  cause,
}: IndexRetirementInput): Promise<void> {
  await indexRemoval.endIndexVersion.executeWithOptions(
    { summary: `${index}@${version}: remove its table` },
    [{ tenant, index, version, state: 'retired', actor, cause }],
  );
}
