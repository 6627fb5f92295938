import type { SecretRef } from '../access/secret-access';

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
