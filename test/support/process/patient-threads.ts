import { openOffThread, type OffThread } from '../../../data/off-thread/off-thread';

/**
 * Threads that give every task two minutes: on a machine that pauses, a text that takes
 * milliseconds would miss its deadline of seconds.
 */
export function patientThreads(): OffThread {
  const threads = openOffThread();
  return {
    run: (name, input, { signal }) => threads.run(name, input, { signal, deadlineMs: 120_000 }),
    close: () => threads.close(),
  };
}
