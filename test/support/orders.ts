import { DuckDBInstance } from '@duckdb/node-api';
import { join } from 'node:path';
import type { ArtifactRef } from '../../domain/artifact';
import type { DirectoryArtifacts } from './directory-artifacts';

/** Orders of two shops, for steps: A has 10, 20 and 30, B has 5. */
export async function orderRows(
  artifacts: Pick<DirectoryArtifacts, 'putFile'>,
  folder: string,
): Promise<ArtifactRef> {
  const path = join(folder, 'orders.parquet');
  const instance = await DuckDBInstance.create(':memory:', { threads: '1' });
  const connection = await instance.connect();
  try {
    await connection.run(`
      COPY (SELECT * FROM (VALUES ('A', 10.0::DOUBLE), ('A', 20.0), ('B', 5.0), ('A', 30.0))
            AS orders(shop, amount)) TO '${path}' (FORMAT parquet)`);
  } finally {
    connection.closeSync();
    instance.closeSync();
  }
  return artifacts.putFile({
    tenant: 'default',
    path,
    mediaType: 'application/vnd.apache.parquet',
  });
}
