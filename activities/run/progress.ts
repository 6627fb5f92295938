import type { RunId, Tenant } from '../../domain/ids';
import type { Registry } from '../../db/registry';

/** Milliseconds between two progress events. */
const everyMs = 2_000;

/** Returns a function that appends throttled progress events. A failed append is ignored. */
export function openRunProgress(
  events: Pick<Registry['events'], 'append'>,
  of: {
    readonly tenant: Tenant;
    readonly runId: RunId;
    readonly stage: string;
    readonly kind: `${string}.progress`;
  },
): (data: Readonly<Record<string, unknown>>) => void {
  let lastAt = Date.now();
  return (data) => {
    if (Date.now() - lastAt < everyMs) return;
    lastAt = Date.now();
    events.append({ ...of, data }).catch(() => undefined);
  };
}
