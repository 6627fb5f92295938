/** The platform's worker process and its settings. */
import type { Database } from '../../../db/connection';
import { openDatabase } from '../../../db/connection';
import { environmentOf } from '../leftovers';
import type { Product } from './product';

export function workerPid(product: Pick<Product, 'pids'>): number {
  const [pid] = product.pids('main.ts worker');
  if (pid === undefined) throw new Error('there is no worker');
  return pid;
}

/** As the worker connects to it. */
export function openWorkersDatabase(product: Pick<Product, 'pids'>): Database {
  return openDatabase({
    url: environmentOf(workerPid(product))['PERENNIAL_DATABASE_URL'] ?? '',
    maxConnections: 3,
  });
}
