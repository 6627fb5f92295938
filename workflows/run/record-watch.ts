/** Continues the waits of a run whose records have changed in the registry. */
import type { RecordName } from '../../domain/run/record-name';

/** A wait for a record. */
export interface RecordWatch {
  readonly record: RecordName;
  /** Set by a signal, and cleared before the run looks at the record. */
  hasChanged: boolean;
}

/**
 * A change of a named record continues one wait for it, so that the history grows only with the
 * number of waits. A change without a name, as older senders send it, continues all waits.
 */
export function markChanged(watches: ReadonlySet<RecordWatch>, changed?: RecordName): void {
  for (const watch of watches) {
    if (typeof changed !== 'string') watch.hasChanged = true;
    else if (watch.record === changed && !watch.hasChanged) {
      watch.hasChanged = true;
      return;
    }
  }
}

/** Registers the wait while `work` looks at the record and waits for its changes. */
export async function watchRecord<Found>(
  watches: Set<RecordWatch>,
  record: RecordName,
  work: (watch: RecordWatch) => Promise<Found>,
): Promise<Found> {
  const watch: RecordWatch = { record, hasChanged: false };
  watches.add(watch);
  let hasLooked = false;
  try {
    const found = await work(watch);
    hasLooked = true;
    return found;
  } finally {
    watches.delete(watch);
    // A wait that failed, or that did not look again, may have used up a change that another wait of
    // the record needs.
    if (watch.hasChanged || !hasLooked) markChanged(watches, record);
  }
}
