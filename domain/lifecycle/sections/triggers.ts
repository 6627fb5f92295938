import type { SecretRef } from '../../access/secret-access';

/** What starts an automatic run of a lifecycle, beside its monitor. */
export interface TriggersSpec {
  /** Types of CloudEvents. */
  readonly events: readonly string[];
  /** Whether a new version of a `dataset://name@alias` source starts a run. */
  readonly newData: boolean;
  /**
   * Keys, one of which must have signed an event. Empty: every event of a caller with an API key is
   * accepted.
   */
  readonly secrets: readonly SecretRef[];
}

/**
 * What ends a hold by a contract beside a person, for messages. Null if nothing starts a run on new
 * data, so that only a person can end it.
 */
export function triggersOnNewData(
  { events, newData }: Pick<TriggersSpec, 'events' | 'newData'> = { events: [], newData: false },
  isScheduled: boolean,
): string | null {
  const kinds = [
    ...(events.length > 0 ? ['the next event'] : []),
    ...(newData ? ['the next version of the data'] : []),
    ...(isScheduled ? ['a scheduled run that meets the contract'] : []),
  ];
  if (kinds.length === 0) return null;
  return kinds.length < 3
    ? kinds.join(' or ')
    : `${kinds.slice(0, -1).join(', ')}, or ${kinds.at(-1) ?? ''}`;
}
