/** What the code of a lifecycle has done. The bundle has a copy of this module for each run. */
let [turns, calls, isUndoing] = [0, 0, false];

export interface CodeSize {
  /** Turns of all loops. */
  readonly turns: number;
  /** Calls of stages, steps and maps. */
  readonly calls: number;
  readonly isUndoing: boolean;
}

export function codeSize(): CodeSize {
  return { turns, calls, isUndoing };
}

/** Returns the new sum, without an allocation. */
export function addTurns(more: number): number {
  turns += more;
  return turns;
}

export function addCall(): void {
  calls += 1;
}

/** The undos of a run may have loops and calls, too. */
export function beginUndoCode(): void {
  [turns, calls, isUndoing] = [0, 0, true];
}
