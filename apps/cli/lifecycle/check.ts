import { tmpdir } from 'node:os';
import { join, sep } from 'node:path';
import type * as LocalCheck from '../../../data/lifecycle/local-check';
import { openTrainerCatalog } from '../../../data/training/catalog';
import type { Issue } from '../../../domain/failure';
import { formatIssue } from '../../../domain/document/issue-text';
import type { LifecycleSpec } from '../../../domain/lifecycle/revision';
import { readLocatedLifecycle } from '../../../domain/lifecycle/located-document';
import { CliError } from '../cli-error';
import type { CliSettings } from '../context';
import type { LifecycleFolder } from './folder';

/**
 * The checks of the API without the platform. Only sources on this machine are read.
 */
export async function checkHere(
  given: LifecycleFolder,
  settings: CliSettings,
): Promise<{ readonly spec: LifecycleSpec; readonly notes: readonly string[] }> {
  const { document, fileName, files, folder } = given;
  const placed = readLocatedLifecycle({ document, fileName, files, folder });
  // Only commands that check a lifecycle load DuckDB; tsx resolves require, not import(), to
  // TypeScript.
  const { checkLifecycle, openSourceTables } =
    // eslint-disable-next-line @typescript-eslint/no-require-imports
    require('../../../data/lifecycle/local-check') as typeof LocalCheck;
  const tables = openSourceTables({
    policy: {
      // The user of the command may read the file. `plan` checks what the platform may read.
      files: { roots: [folder, sep], denied: [settings.stateDir] },
      buckets: [],
      samplesDir: settings.samplesDir,
      allowPrivateAddresses: false,
      s3: null,
    },
    scratchRoot: tmpdir(),
    lastVersion: () => Promise.resolve(null),
    registered: () => Promise.resolve(null),
  });
  const trainers = openTrainerCatalog(settings.trainersDir);
  const name = placed.parsed.ok ? placed.parsed.spec.name : '';
  const { issues, notes } = await checkLifecycle(
    { placed, name, fileName, files },
    { trainers, tables },
  );
  if (placed.parsed.ok && issues.length === 0) return { spec: placed.parsed.spec, notes };
  throw lifecycleErrors(given, issues);
}

export function lifecycleErrors(
  { folder, fileName }: LifecycleFolder,
  issues: readonly Issue[],
): CliError {
  const count = `${issues.length} error${issues.length === 1 ? '' : 's'}`;
  return new CliError(
    `${join(folder, fileName)}: ${count}\n${issues.map((issue) => `  ${formatIssue(issue)}`).join('\n')}`,
    2,
  );
}
