import { failure, isPerennialError } from '../../../domain/failure';
import type { FeedbackLogLimits } from '../config';
import { openSpill, type SpillSegment } from '../prediction-log/spill';
import {
  createLabelRecorder,
  type LabelRecorderOptions,
  type ReceivedLabel,
  type RefusedLabel,
} from './label-recorder';

/**
 * Records feedback in the registry. While the registry is not available, labels are stored on disk
 * before they are accepted, and recorded in order later.
 */
export interface FeedbackLog {
  /**
   * Record the labels of one request, or store all of them on disk while the registry is not
   * available or earlier labels wait there.
   *
   * Throws InvalidInput if a label does not fit its prediction, and DatabaseUnavailable if neither
   * the registry nor the disk accepts the labels.
   */
  add(request: FeedbackRequest): Promise<FeedbackCounts>;
  /** The size of the labels on disk. */
  bytes(): number;
  /** Whether labels were refused within the last minute, and none were accepted since. */
  fails(): boolean;
  /** Take over labels of dead processes. Returns the number of their segments. */
  tend(): Promise<number>;
  /** Stop, and leave labels on disk to another process. */
  stop(): Promise<void>;
}

export interface FeedbackRequest {
  readonly labels: readonly ReceivedLabel[];
  /** Whether the body of the request is an array, which decides how errors point into it. */
  readonly isList: boolean;
}

/** What became of the labels of a request; `accepted` is the sum of joined, waiting and stored. */
export interface FeedbackCounts {
  readonly accepted: number;
  readonly joined: number;
  readonly waiting: number;
  /** Labels on disk. They are checked and recorded when the registry is available again. */
  readonly stored: number;
  readonly unknown: number;
  /** Labels of `joined` and `waiting` that differ from an earlier one of their prediction. */
  readonly contradictory: number;
}

/** What became of labels that were on disk. */
export interface ReplayedLabels {
  readonly joined: number;
  readonly waiting: number;
  readonly unknown: number;
  readonly contradictory: number;
  readonly refused: readonly RefusedLabel[];
}

export interface FeedbackLogOptions extends LabelRecorderOptions {
  /** The folder of the disk store, which any number of processes may share. */
  readonly folder: string;
  readonly orphanSeconds: number;
  readonly limits: FeedbackLogLimits;
  /**
   * Whether predictions wait on disk. The labels wait for them, because a label is checked against
   * its stored prediction.
   */
  readonly predictionsWait: () => boolean;
  readonly onRecorded: (counts: FeedbackCounts) => void;
  readonly onStored: (labels: number) => void;
  readonly onReplayed: (labels: ReplayedLabels) => void;
  /** Called with `away` once per outage, and then with `back`. */
  readonly onState: (state: 'away' | 'back', error?: unknown) => void;
  readonly onError: (what: string, error: unknown) => void;
}

/** Longer than the usual interval of scrapes. */
const refusalShownMs = 60_000;

export async function openFeedbackLog(options: FeedbackLogOptions): Promise<FeedbackLog> {
  const { folder, orphanSeconds, limits, predictionsWait } = options;
  const { onRecorded, onStored, onReplayed, onState, onError } = options;
  const recorder = createLabelRecorder(options);
  const spill = await openSpill<ReceivedLabel>({
    folder,
    segmentBytes: limits.segmentBytes,
    maxBytes: limits.maxBytes,
    whenFull: 'refuse',
    orphanSeconds,
    // Its request was not answered, because the answer follows the write.
    onLost: (rows) => onError('a crash cut off feedback that was not accepted yet', { rows }),
  });
  let away = false;
  let refusedAt = -Infinity;
  let stopping = false;
  /** Labels of the next write to disk. */
  let gathered: ReceivedLabel[] = [];
  let nextWrite: Promise<void> | null = null;
  let lastWrite: Promise<void> = Promise.resolve();
  let replaying: Promise<void> | null = null;
  let heldSince: number | null = null;
  /** An error of the oldest segment that no outage explains, and when it first occurred. */
  let fault: { readonly since: number; readonly error: unknown } | null = null;
  const timer = setInterval(replaySoon, limits.retryEveryMs);

  async function add(request: FeedbackRequest): Promise<FeedbackCounts> {
    // Otherwise a label could overtake an earlier one of the same prediction.
    if (spill.isEmpty()) {
      try {
        const counts = await recordNow(request);
        setAway(false);
        refusedAt = -Infinity;
        onRecorded(counts);
        return counts;
      } catch (error) {
        if (!isAway(error)) throw error;
        setAway(true, error);
      }
    }
    await store(request.labels);
    const stored = request.labels.length;
    onStored(stored);
    return { accepted: stored, joined: 0, waiting: 0, stored, unknown: 0, contradictory: 0 };
  }

  async function recordNow(request: FeedbackRequest): Promise<FeedbackCounts> {
    const { known, unknown, misfits } = await recorder.check(request.labels);
    requireNone(misfits, request);
    const { refused, ...recorded } = await recorder.record(known);
    requireNone(refused, request);
    return { accepted: known.length, ...recorded, stored: 0, unknown };
  }

  async function store(labels: readonly ReceivedLabel[]): Promise<void> {
    gathered.push(...labels);
    // Requests that come during a write share the next one, because each needs a sync.
    const write = (nextWrite ??= lastWrite.catch(() => undefined).then(writeGathered));
    lastWrite = write;
    try {
      await write;
      refusedAt = -Infinity;
    } catch (cause) {
      refusedAt = performance.now();
      onError('storing feedback on disk', cause);
      throw failure(
        'DatabaseUnavailable',
        'the feedback was not accepted: the registry is not available, and the disk of the gateway does not accept it',
        { cause, next: 'send it again' },
      );
    }
  }

  function writeGathered(): Promise<void> {
    const labels = gathered;
    gathered = [];
    nextWrite = null;
    return spill.append(labels);
  }

  function replaySoon(): void {
    replaying ??= replay()
      .catch((error: unknown) => onError('recording feedback from disk', error))
      .finally(() => {
        replaying = null;
      });
  }

  async function replay(): Promise<void> {
    while (!stopping) {
      const segment = await spill.oldest();
      if (segment === null) break;
      const replayed = {
        joined: 0,
        waiting: 0,
        unknown: 0,
        contradictory: 0,
        refused: [] as RefusedLabel[],
      };
      for (const labels of segment.batches(limits.batchLabels)) {
        const batch = await recordStored(labels);
        if (batch === null) {
          await setAsideIfStuck(segment);
          // The whole segment is recorded again later, which changes no label.
          return;
        }
        replayed.joined += batch.joined;
        replayed.waiting += batch.waiting;
        replayed.unknown += batch.unknown;
        replayed.contradictory += batch.contradictory;
        replayed.refused.push(...batch.refused);
      }
      // First, so that a kill cannot hide a refused label.
      onReplayed(replayed);
      await segment.remove();
      fault = null;
    }
    heldSince = null;
  }

  /** Otherwise labels that a fault of the program cannot record would block all others for ever. */
  async function setAsideIfStuck(segment: SpillSegment<ReceivedLabel>): Promise<void> {
    if (fault === null || performance.now() - fault.since < limits.maxFaultMs) return;
    onError('feedback is set aside on disk until a gateway takes it over', fault.error);
    fault = null;
    await segment.setAside();
  }

  /** Null when the labels must be recorded later. */
  async function recordStored(labels: readonly ReceivedLabel[]): Promise<ReplayedLabels | null> {
    if (stopping) return null;
    try {
      const { known, early, unknown, misfits } = await recorder.check(labels);
      if (early > 0 && mustHold()) return null;
      const { refused, ...recorded } = await recorder.record(known);
      setAway(false);
      return { ...recorded, unknown, refused: [...misfits, ...refused] };
    } catch (error) {
      heldSince = null;
      setAway(true, error);
      fault = isAway(error) ? null : { since: fault?.since ?? performance.now(), error };
      return null;
    }
  }

  /** Whether labels must wait for predictions on disk; not for ever, because these may be stuck. */
  function mustHold(): boolean {
    if (!predictionsWait()) return false;
    heldSince ??= performance.now();
    return performance.now() - heldSince < limits.maxHoldMs;
  }

  function setAway(isNow: boolean, error?: unknown): void {
    if (isNow !== away) onState(isNow ? 'away' : 'back', error);
    away = isNow;
  }

  return {
    add,
    bytes: () => spill.bytes(),
    fails: () => performance.now() - refusedAt < refusalShownMs,
    // The files of a stopped process are for others to take over.
    tend: () => (stopping ? Promise.resolve(0) : spill.tend()),
    async stop() {
      clearInterval(timer);
      stopping = true;
      await lastWrite.catch(() => undefined);
      await replaying;
      await spill.close();
    },
  };
}

function isAway(error: unknown): boolean {
  return (
    isPerennialError(error) &&
    (error.type === 'DatabaseUnavailable' || error.type === 'DatabaseBusy')
  );
}

const shownIssues = 20;

/** @throws InvalidInput that names the refused labels by their place in the request. */
function requireNone(refused: readonly RefusedLabel[], { labels, isList }: FeedbackRequest): void {
  const [first] = refused;
  if (first === undefined) return;
  throw failure('InvalidInput', first.reason, {
    issues: refused.slice(0, shownIssues).map(({ label, reason }) => ({
      pointer: isList ? `/${labels.indexOf(label)}/label` : '/label',
      detail: reason,
    })),
  });
}
