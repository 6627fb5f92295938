import { availableParallelism } from 'node:os';

/**
 * What LanceDB reads from the environment when it is loaded, where an operator has not said
 * otherwise. Its warnings would stand on stderr between JSON lines. And its pool has two threads
 * fewer than the machine: building a full-text index, one thread waits for another that the pool of
 * a small machine does not have, for ever and without a word (lancedb issue 3568; seen here with a
 * million chunks on two cores). Nothing waits where there is one thread more than writers, which
 * are half of the cores.
 */
export function setUpLanceDb(): void {
  process.env['LANCE_LOG'] ??= 'error';
  process.env['LANCE_CPU_THREADS'] ??= String(Math.max(4, availableParallelism()));
}
