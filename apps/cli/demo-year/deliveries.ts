/** The tables as an airline would deliver them: each month, all flights and weather until then. */
import { mkdir, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { quoteText, readParquet, withDuckDb } from '../../../data/sql/platform-sql';

export interface DeliveryOptions {
  readonly samplesDir: string;
  readonly folder: string;
  /** RFC 3339: rows from then on are not delivered yet. */
  readonly until: string;
  /** RFC 3339: flights from then on lack their distance. Null if the delivery is right. */
  readonly brokenFrom: string | null;
}

const tables = ['flights', 'weather'] as const;

/** Replaces the files at once, so no run reads a part of a delivery. */
export async function deliver(options: DeliveryOptions): Promise<void> {
  const { samplesDir, folder, until, brokenFrom } = options;
  await mkdir(folder, { recursive: true });
  await withDuckDb(
    async (duck) => {
      for (const name of tables) {
        const path = join(folder, `${name}.parquet`);
        const isBroken = name === 'flights' && brokenFrom !== null;
        const columns = isBroken
          ? `* REPLACE (CASE WHEN time_hour < TIMESTAMPTZ ${quoteText(brokenFrom)} THEN distance END AS distance)`
          : '*';
        await duck.run(
          `COPY (SELECT ${columns} FROM ${readParquet([join(samplesDir, `${name}.parquet`)])}
             WHERE time_hour < TIMESTAMPTZ ${quoteText(until)}) TO ${quoteText(`${path}.part`)} (FORMAT parquet)`,
        );
        await rename(`${path}.part`, path);
      }
    },
    { memoryBytes: 1 << 30, threads: 1 },
  );
}
