/** What a run receives from outside. */
import type { Registry } from '../../db/registry';
import type { ReceivedEvent } from '../../domain/project/sent-event';
import type { RunRef } from '../../domain/run/run';

export interface SentEventDeps {
  readonly registry: Pick<Registry, 'sentEvents'>;
}

export function createSentEventActivities({ registry }: SentEventDeps) {
  return {
    /**
     * The oldest event of that name that no wait has taken, or null. Idempotent: a second attempt
     * returns the event that the stage took.
     */
    async takeEvent(
      wait: RunRef & { readonly event: string; readonly stage: string },
    ): Promise<ReceivedEvent<unknown> | null> {
      const taken = await registry.sentEvents.take(wait);
      return (
        taken && {
          id: taken.id,
          data: taken.data,
          sentBy: taken.actor,
          sentAt: taken.createdAt,
        }
      );
    },
  };
}
