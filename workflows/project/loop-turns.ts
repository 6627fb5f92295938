/** Ends a lifecycle whose loops do not end. The build adds the calls (apps/project/loop-guard.ts). */
import { exceededTurns } from '../../domain/project/run-limits';
import { refusal } from './stage-calls';
import { addTurns, forgetTurns } from './turns';

/** Called in each turn of each loop; `place` is its file and line. */
export function countTurn(place: string): void {
  const exceeded = exceededTurns(addTurns(1));
  if (exceeded === null) return;
  const error = refusal(`${place}: ${exceeded}`, 'end the loop, or do the work in a stage');
  // The undos of the run may have loops, too.
  forgetTurns();
  throw error;
}
