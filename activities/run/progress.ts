import type { RunId, Tenant } from '../../domain/ids';
import type { Registry } from '../../db/registry';

/** How often people are told how far it is. */
const everyMs = 2_000;

/** Events for whoever watches a run, now and then. What cannot be told is no reason to stop. */
export function openRunProgress(
  events: Pick<Registry['events'], 'append'>,
  of: {
    readonly tenant: Tenant;
    readonly runId: RunId;
    readonly stage: string;
    readonly kind: `${string}.progress`;
  },
): (data: Readonly<Record<string, unknown>>) => void {
  let toldAt = Date.now();
  return (data) => {
    if (Date.now() - toldAt < everyMs) return;
    toldAt = Date.now();
    events.append({ ...of, data }).catch(() => undefined);
  };
}
