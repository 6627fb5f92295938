import { availableParallelism } from 'node:os';

/**
 * Sets variables that LanceDB reads when it is loaded, unless the operator has set them.
 * `LANCE_LOG`: its warnings would appear on stderr between JSON lines. `LANCE_CPU_THREADS`: by
 * default its pool has two threads fewer than the machine has cores. On a small machine, building a
 * full-text index then deadlocks silently (lancedb issue 3568; seen here with a million chunks on
 * two cores). The pool needs one thread more than writers, which are half of the cores.
 */
export function setUpLanceDb(): void {
  process.env['LANCE_LOG'] ??= 'error';
  process.env['LANCE_CPU_THREADS'] ??= String(Math.max(4, availableParallelism()));
}
