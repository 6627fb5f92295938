import { readFileSync } from 'node:fs';
import type { Product } from './product';

/**
 * Pids of the local jobs, or of the zygotes that hold rows for trials. They are forks of the warm
 * parent and have its command line, so their names tell them apart.
 */
export function listJobPids(
  name: 'job' | 'zygote',
  product: Pick<Product, 'pids'>,
): readonly number[] {
  return product.pids('runtime/host.py').filter((pid) => findProcessName(pid) === name);
}

function findProcessName(pid: number): string | null {
  try {
    return readFileSync(`/proc/${pid}/comm`, 'utf8').trim();
  } catch {
    return null; // It ended.
  }
}
