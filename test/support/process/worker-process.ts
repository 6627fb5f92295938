/** The platform's worker process and its settings. */
import type { Database } from '../../../db/connection';
import { openDatabase } from '../../../db/connection';
import { embeddedDatabase } from '../../../infra/backends';
import { statePaths } from '../../../infra/state-paths';
import { readEnvironment } from '../leftovers';
import type { Product } from './product';

export function workerPid(product: Pick<Product, 'pids'>): number {
  const [pid] = product.pids('main.ts worker');
  if (pid === undefined) throw new Error('there is no worker');
  return pid;
}

/** With all rights, which the worker does not have. */
export function openOwnersDatabase({ stateDir }: Pick<Product, 'stateDir'>): Database {
  return openDatabase({
    url: embeddedDatabase(statePaths(stateDir))?.ownerUrl ?? '',
    maxConnections: 3,
  });
}

/** As the worker connects to it. */
export function openWorkersDatabase(product: Pick<Product, 'pids'>): Database {
  return openDatabase({
    url: readEnvironment(workerPid(product))['PERENNIAL_DATABASE_URL'] ?? '',
    maxConnections: 3,
  });
}
