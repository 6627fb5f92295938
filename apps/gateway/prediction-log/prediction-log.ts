import type { PredictionRepository } from '../../../db/serving/prediction-repository';
import type { PredictionRow } from '../../../db/serving/prediction-records';
import type { PredictionLogLimits } from '../config';
import { isRowsFault } from '../rows-fault';
import type { RowJournal } from './journal';
import type { Spill, SpillSegment } from './spill';
import { withTimeout } from '../../../data/timeout';

/**
 * Writes predictions in batches after the answers. While the registry is not available they go to
 * disk, and later to the registry in order.
 */
export interface PredictionLog {
  /** Add a row; it does not wait. */
  add(row: PredictionRow): void;
  /**
   * Keep rows on disk that will be completed after their answer, so that a kill meanwhile does not
   * lose them. Call the returned function once, with the complete rows.
   */
  hold(rows: readonly PredictionRow[]): (complete: readonly PredictionRow[]) => void;
  /** The number of rows in memory. */
  pending(): number;
  /**
   * Whether rows wait in memory because neither the registry nor the disk accepts them, for example
   * because the disk is full.
   */
  spillFails(): boolean;
  /** Whether rows cannot be written to the journal, so that a kill would lose them. */
  journalFails(): boolean;
  /** Write the rows in memory to the registry or to disk, then resolve. */
  stop(): Promise<void>;
}

/** Why a row will not be stored in the registry. */
export type LossReason = 'memory' | 'disk' | 'torn' | 'refused';

export interface PredictionLogOptions {
  readonly predictions: Pick<PredictionRepository, 'insert'>;
  readonly spill: Spill<PredictionRow>;
  readonly journal: RowJournal<PredictionRow>;
  readonly limits: PredictionLogLimits;
  readonly onWritten: (rows: number) => void;
  readonly onSpilled: (rows: number) => void;
  readonly onLost: (rows: number, reason: LossReason) => void;
  /** Called with `away` once per outage, and then with `back`. */
  readonly onState: (state: 'away' | 'back', error?: unknown) => void;
  readonly onDiskError: (error: unknown) => void;
  readonly onError: (what: string, error: unknown) => void;
}

/**
 * The rows per write to disk. Each write needs a sync and blocks the event loop while it builds the
 * text.
 */
const rowsPerSync = 5_000;

/** A part of a batch with a row that PostgreSQL cannot store. */
interface Suspects {
  readonly rows: readonly PredictionRow[];
  /** Null for rows that are only in memory. */
  readonly from: ReplayedSegment | null;
}

/** A row of the journal that was not complete yet. */
type HeldRow = PredictionRow & { readonly isHeld: true };

/** A segment stays on disk until all its suspects are sorted. */
interface ReplayedSegment {
  readonly segment: SpillSegment<PredictionRow>;
  suspects: number;
  state: 'replaying' | 'replayed' | 'abandoned';
}

export function startPredictionLog(options: PredictionLogOptions): PredictionLog {
  const { predictions, spill, journal, limits } = options;
  const { onWritten, onSpilled, onLost, onState, onDiskError, onError } = options;
  let pending: PredictionRow[] = [];
  let pumping: Promise<void> | null = null;
  let relieving: Promise<void> | null = null;
  /**
   * Parts of batches with a row that PostgreSQL cannot store. They are halved until the row is
   * alone, without delaying other batches.
   */
  const suspects: Suspects[] = [];
  let sorting: Promise<void> | null = null;
  let away = false;
  let retryAt = -Infinity;
  let stopping = false;
  let spillFails = false;
  const timer = setInterval(wake, limits.flushEveryMs);

  function add(row: PredictionRow): void {
    pending.push(row);
    journal.add(row);
    if (pending.length >= limits.batchRows) wake();
    // Large requests may come faster than inserts. What does not fit into memory goes to disk, and
    // is dropped only when that fails.
    if (isLong()) relieve();
    enforceLimit();
  }

  function hold(rows: readonly PredictionRow[]): (complete: readonly PredictionRow[]) => void {
    const held = rows.map((row): HeldRow => ({ ...row, isHeld: true }));
    for (const row of held) journal.add(row);
    return (complete) => {
      for (const row of complete) add(row);
      journal.settle(held);
    };
  }

  function isLong(): boolean {
    return pending.length > limits.maxPendingRows / 2;
  }

  /** Drop rows that neither registry nor disk accepted. */
  function putBack(rows: readonly PredictionRow[]): void {
    pending = [...rows, ...pending];
    enforceLimit();
  }

  function enforceLimit(): void {
    if (pending.length <= limits.maxPendingRows) return;
    // A tenth at a time, because dropping single rows would move the whole array each time.
    const dropped = pending.splice(
      0,
      Math.max(pending.length - limits.maxPendingRows, Math.ceil(limits.maxPendingRows / 10)),
    );
    journal.settle(dropped);
    onLost(dropped.length, 'memory');
  }

  function wake(): void {
    pumping ??= pump()
      .catch((error: unknown) => onError('prediction log', error))
      .finally(() => {
        pumping = null;
      });
  }

  function relieve(): void {
    relieving ??= spillPending().finally(() => {
      relieving = null;
    });
  }

  async function pump(): Promise<void> {
    journal.retry();
    for (;;) {
      const due = !stopping && performance.now() >= retryAt;
      if (due && suspects.length > 0) sort();
      if (spill.isEmpty() && due) {
        if (pending.length === 0) return;
        await insertPending();
      } else {
        // Appended after the waiting rows, to keep the order. When the disk is full, replaying
        // frees it.
        await spillPending();
        if (!due || !(await replayOldest())) return;
      }
    }
  }

  async function insertPending(): Promise<boolean> {
    const batch = pending.splice(0, limits.batchRows);
    const taken = await insert(batch);
    if (!taken) putBack(batch);
    // The registry accepts rows, and few enough wait to need no disk.
    else if (!isLong()) spillFails = false;
    return taken;
  }

  async function spillPending(): Promise<void> {
    while (pending.length > 0) {
      const batch = pending.splice(0, rowsPerSync);
      try {
        await spill.append(batch);
        journal.settle(batch);
        onSpilled(batch.length);
        spillFails = false;
      } catch (error) {
        spillFails = true;
        putBack(batch);
        onDiskError(error);
        return;
      }
    }
  }

  /** Whether there may be more to write. */
  async function replayOldest(): Promise<boolean> {
    const segment = await spill.oldest();
    if (segment === null) return true;
    const from: ReplayedSegment = { segment, suspects: 0, state: 'replaying' };
    for (const batch of wholeRowsFirst(segment.batches(limits.batchRows))) {
      if (await insert(batch, from)) continue;
      // The whole segment is written again later, and existing rows are skipped.
      from.state = 'abandoned';
      return false;
    }
    from.state = 'replayed';
    if (from.suspects > 0) await segment.setAside();
    else await segment.remove();
    return true;
  }

  /** False when the registry is not available; the caller then keeps the rows. */
  async function insert(
    rows: readonly PredictionRow[],
    from: ReplayedSegment | null = null,
  ): Promise<boolean> {
    const outcome = await tryInsert(rows);
    if (outcome === 'refused') {
      suspect({ rows, from });
      await boundSuspects();
      sort();
    }
    return outcome !== 'away';
  }

  function suspect(added: Suspects): void {
    if (added.from !== null) added.from.suspects += 1;
    suspects.push(added);
  }

  /** The last of its suspects removes a segment. */
  async function settle({ from }: Suspects): Promise<void> {
    if (from === null) return;
    from.suspects -= 1;
    if (from.suspects === 0 && from.state === 'replayed') await from.segment.remove();
  }

  async function tryInsert(rows: readonly PredictionRow[]): Promise<'taken' | 'refused' | 'away'> {
    try {
      await withTimeout(limits.insertTimeoutMs, predictions.insert(rows), {
        type: 'DatabaseUnavailable',
        message: 'the registry did not accept predictions',
      });
      journal.settle(rows);
      onWritten(rows.length);
    } catch (error) {
      if (isRowsFault(error)) {
        if (rows.length === 1) refuse(rows, error);
        return rows.length === 1 ? 'taken' : 'refused';
      }
      retryAt = performance.now() + limits.retryEveryMs;
      if (!away) onState('away', error);
      away = true;
      return 'away';
    }
    if (away) onState('back');
    away = false;
    return 'taken';
  }

  function refuse(rows: readonly PredictionRow[], error: unknown): void {
    journal.settle(rows);
    onLost(1, 'refused');
    onError(`prediction ${rows[0]?.id ?? ''} cannot be stored`, error);
  }

  function sort(): void {
    sorting ??= sortSuspects()
      .catch((error: unknown) => onError('prediction log', error))
      .finally(() => {
        sorting = null;
      });
  }

  /** Ends early while the registry is not available; `pump` starts it again. */
  async function sortSuspects(): Promise<void> {
    for (let group = suspects.shift(); group !== undefined; group = suspects.shift()) {
      const { rows, from } = group;
      const middle = Math.ceil(rows.length / 2);
      const halves = [rows.slice(0, middle), rows.slice(middle)].filter((half) => half.length > 0);
      // Its rows are on disk and will be replayed.
      for (const [place, half] of from?.state === 'abandoned' ? [] : halves.entries()) {
        const outcome = await tryInsert(half);
        if (outcome === 'refused') suspect({ rows: half, from });
        if (outcome === 'away') {
          suspects.unshift({ rows: halves.slice(place).flat(), from });
          return;
        }
      }
      await settle(group);
    }
  }

  async function boundSuspects(): Promise<void> {
    while (suspects.reduce((sum, { rows }) => sum + rows.length, 0) > limits.maxPendingRows) {
      const group = suspects.shift();
      if (group === undefined) return;
      journal.settle(group.rows);
      onLost(group.rows.length, 'refused');
      await settle(group);
    }
  }

  async function stop(): Promise<void> {
    clearInterval(timer);
    await relieving;
    await pumping;
    // Try the registry once more, unless rows wait before these; then write to disk.
    let taken = !away && spill.isEmpty();
    while (taken && pending.length > 0) taken = await insertPending();
    if (taken) sort();
    await sorting;
    // Suspects of a segment are still on disk.
    const inMemory = suspects.splice(0).filter(({ from }) => from === null);
    pending = [...inMemory.flatMap(({ rows }) => rows), ...pending];
    stopping = true;
    wake();
    await pumping;
    journal.close();
  }

  return {
    add,
    hold,
    spillFails: () => spillFails,
    journalFails: () => journal.fails(),
    pending: () => pending.length + suspects.reduce((sum, { rows }) => sum + rows.length, 0),
    stop,
  };
}

/**
 * Of two rows with one id the first one stored stays. So rows that were held go last in their segment,
 * and count only if they were not completed in it.
 */
function* wholeRowsFirst(
  batches: Iterable<readonly PredictionRow[]>,
): Generator<readonly PredictionRow[]> {
  const held: (readonly PredictionRow[])[] = [];
  for (const batch of batches) {
    const whole = batch.filter((row) => !('isHeld' in row));
    if (whole.length > 0) yield whole;
    if (whole.length < batch.length) held.push(batch.filter((row) => 'isHeld' in row));
  }
  yield* held;
}
