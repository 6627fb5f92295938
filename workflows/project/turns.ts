/** The turns of the loops of a lifecycle. The bundle has a copy of this module for each run. */
let turns = 0;

/** Returns the new sum. */
export function addTurns(more: number): number {
  turns += more;
  return turns;
}

export function forgetTurns(): void {
  turns = 0;
}
