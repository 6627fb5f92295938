import type { SourceSpec } from '../../domain/lifecycle/lifecycle';
import type { TableProfile } from '../../domain/dataset/table-profile';
import { openScratch } from '../scratch';
import type { SourceLimits, SourcePolicy } from '../dataset/sources/policy';
import { profileSource } from '../dataset/sources/read-source';

interface FileToProfile {
  readonly source: SourceSpec;
  readonly label: string;
  readonly policy: SourcePolicy;
  readonly limits: SourceLimits;
  readonly scratchRoot: string;
}

/**
 * Profiles a file on this machine.
 * @throws DataUnreadable, DatasetEmpty and other errors of reading a source, with the line
 */
export async function profileFile({
  source,
  label,
  policy,
  limits,
  scratchRoot,
}: FileToProfile): Promise<TableProfile> {
  const scratch = await openScratch(scratchRoot, 'profile');
  try {
    return await profileSource(
      {
        source,
        policy,
        limits,
        into: scratch.path('table'),
        datasets: {
          manifest: () => Promise.resolve(null),
          toFile: () => Promise.reject(new Error('a file is profiled, not a dataset')),
        },
        signal: new AbortController().signal,
        onProgress: () => undefined,
      },
      label,
    );
  } finally {
    await scratch.dispose();
  }
}
