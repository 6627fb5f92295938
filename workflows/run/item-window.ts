/** Runs numbered items as activities, at most so many at once, with a bounded history. */
import { CancellationScope, condition, setHandler, workflowInfo } from '@temporalio/workflow';
import {
  hasTooManyFailures,
  isMapIdle,
  nextMapState,
  type StageMapEvent,
  type StageMapState,
} from '../../domain/project/map';
import { runPausedSignal, runResumedSignal } from './messages';

/** Items that one execution starts. Each adds about six events to the history. */
export const itemsPerExecution = 500;

type ItemOutcome = 'succeeded' | 'failed';

export interface ItemWindow {
  readonly state: StageMapState;
  /** The handlers of pause and resume write to it; see `openItemEvents`. */
  readonly events: StageMapEvent[];
  /** An error ends the window. */
  readonly runItem: (index: number) => Promise<ItemOutcome>;
  readonly showProgress: (state: StageMapState) => Promise<void>;
}

/** Installs the handlers of pause and resume. Called first, so that no signal is lost. */
export function openItemEvents(): StageMapEvent[] {
  const events: StageMapEvent[] = [{ kind: 'begun' }];
  setHandler(runPausedSignal, () => void events.push({ kind: 'paused' }));
  setHandler(runResumedSignal, () => void events.push({ kind: 'resumed' }));
  return events;
}

/**
 * Starts items and awaits them until none is left for this execution. After too many failures, or an
 * error, it cancels and awaits the others.
 */
export async function runItemWindow({
  state: opened,
  events,
  runItem,
  showProgress,
}: ItemWindow): Promise<StageMapState> {
  let state = opened;
  let interruption: { readonly error: unknown } | null = null;
  const inFlight: Promise<void>[] = [];
  const begin = async (index: number): Promise<void> => {
    try {
      events.push({ kind: 'itemEnded', outcome: await runItem(index) });
    } catch (error) {
      // The item was cancelled, or its failure cannot be recorded because the run has ended.
      interruption ??= { error };
    }
  };
  try {
    await CancellationScope.cancellable(async () => {
      while (!isMapIdle(state)) {
        await condition(() => events.length > 0 || interruption !== null);
        if (interruption !== null) {
          CancellationScope.current().cancel();
          throw interruption.error;
        }
        for (const event of events.splice(0)) {
          const { state: next, start } = nextMapState(state, event);
          state = next;
          for (const index of start) inFlight.push(begin(index));
        }
        if (hasTooManyFailures(state)) break;
        // Not as an event, because that would end the next wait at once, again and again.
        if (workflowInfo().continueAsNewSuggested)
          state = nextMapState(state, { kind: 'historyFull' }).state;
        await showProgress(state);
      }
      if (state.running > 0) CancellationScope.current().cancel();
    });
  } finally {
    // An undo must not begin while an item still works.
    await CancellationScope.nonCancellable(() => Promise.allSettled(inFlight));
  }
  // A pause that arrived with the end of the last item counts in the next execution.
  for (const event of events.splice(0)) state = nextMapState(state, event).state;
  return state;
}
