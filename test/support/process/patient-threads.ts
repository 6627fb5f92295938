import { openOffThread, type OffThread } from '../../../data/off-thread/off-thread';

/**
 * Threads with two minutes per task. On a machine that pauses, a text that takes milliseconds could
 * miss its deadline of seconds.
 */
export function patientThreads(): OffThread {
  const threads = openOffThread();
  return {
    run: (name, input, { signal }) => threads.run(name, input, { signal, deadlineMs: 120_000 }),
    close: () => threads.close(),
  };
}
