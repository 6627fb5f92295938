/** Ends a lifecycle whose loops do not end. The build adds the calls (apps/project/loop-guard.ts). */
import { exceededTurns } from '../../domain/project/run-limits';
import { addTurns } from '../run/code-size';
import { refusal } from './stage-calls';

/**
 * Called in each turn of each loop; `place` is its file and line. Beyond the limit, each further
 * turn fails, so that a loop that catches the failure ends, too.
 */
export function countTurn(place: string): void {
  const exceeded = exceededTurns(addTurns(1));
  if (exceeded !== null)
    throw refusal(`${place}: ${exceeded}`, 'end the loop, or do the work in a stage');
}
