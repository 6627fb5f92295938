import { count } from '../format';

/** Limits of one run of a project, so that an endless lifecycle ends with a clear message. */
const runLimits = {
  /** Calls of stages, steps and maps. */
  calls: 500,
  /** Temporal ends a workflow at 51,200 events. The rest is for undos. */
  historyEvents: 30_000,
  /** The same for the code of undos. The rest is for the end of the run. */
  undoHistoryEvents: 50_000,
  /** Turns of all loops in the code of the lifecycle. */
  loopTurns: 1_000_000,
} as const;

export interface RunSize {
  readonly calls: number;
  readonly historyEvents: number;
  readonly isUndoing: boolean;
}

/** What a run has too much of; null while it may go on. */
export function exceededLimit({ calls, historyEvents, isUndoing }: RunSize): string | null {
  const most = isUndoing ? runLimits.undoHistoryEvents : runLimits.historyEvents;
  if (calls > runLimits.calls) return `more than ${runLimits.calls} calls of stages and steps`;
  if (historyEvents > most) return `a history of more than ${count(most)} events`;
  return null;
}

/** The same for the turns of loops, which are counted without an allocation. */
export function exceededTurns(turns: number): string | null {
  return turns > runLimits.loopTurns
    ? `the loops of the lifecycle made more than ${count(runLimits.loopTurns)} turns`
    : null;
}
