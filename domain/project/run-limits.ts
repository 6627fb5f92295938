import { count } from '../format';

/** Limits of one run of a project, so that an endless lifecycle ends with a clear message. */
const runLimits = {
  /** Calls of stages, steps and maps. */
  calls: 500,
  /** Temporal ends a workflow at 51,200 events. The rest is for undos. */
  historyEvents: 30_000,
  /** Turns of all loops in the code of the lifecycle. */
  loopTurns: 1_000_000,
} as const;

export interface RunSize {
  readonly calls: number;
  readonly historyEvents: number;
}

/** What a run has too much of; null while it may go on. */
export function exceededLimit({ calls, historyEvents }: RunSize): string | null {
  if (calls > runLimits.calls) return `more than ${runLimits.calls} calls of stages and steps`;
  if (historyEvents > runLimits.historyEvents)
    return `a history of more than ${count(runLimits.historyEvents)} events`;
  return null;
}

/** The same for the turns of loops, which are counted without an allocation. */
export function exceededTurns(turns: number): string | null {
  return turns > runLimits.loopTurns
    ? `the loops of the lifecycle made more than ${count(runLimits.loopTurns)} turns`
    : null;
}
