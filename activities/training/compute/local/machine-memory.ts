import { totalmem } from 'node:os';

/** Bytes that jobs of this machine can have. A container may have less than its machine. */
export function readMachineMemory(): number {
  const limit = process.constrainedMemory();
  return limit > 0 ? Math.min(totalmem(), limit) : totalmem();
}
