import { join } from 'node:path';

/** The tables that provisioning puts into the samples folder: flights of 2013 from New York, bikes hired in Washington in 2011. */
export const sampleNames = ['flights', 'weather', 'planes', 'bikes'] as const;

/** Where `sample://name` is; null when no sample has that name. */
export function samplePath(samplesDir: string, name: string): string | null {
  return (sampleNames as readonly string[]).includes(name) ? join(samplesDir, `${name}.parquet`) : null;
}
