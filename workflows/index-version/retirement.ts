/**
 * Deletes the table and the plan of a retired index version. The outbox starts it, so that a
 * process that stops in between leaves no unused table.
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
    { summary: `${index}@${version}: delete its table` },
    [{ tenant, index, version, state: 'retired', actor, cause }],
  );
}
