import { readFileSync, readdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { ArtifactRef } from '../../domain/artifact';
import type { DirectoryArtifacts } from './directory-artifacts';

/** A project with Python steps, good and bad ones. */
export const stepProject = resolve('test/support/step-project');

/** Stores the project's Python files as a build does, by path. */
export async function storeStepFiles(
  artifacts: Pick<DirectoryArtifacts, 'putBytes'>,
): Promise<Readonly<Record<string, ArtifactRef>>> {
  const files: Record<string, ArtifactRef> = {};
  for (const name of readdirSync(join(stepProject, 'steps')))
    if (name.endsWith('.py'))
      files[`steps/${name}`] = await artifacts.putBytes({
        tenant: 'default',
        bytes: readFileSync(join(stepProject, 'steps', name)),
        mediaType: 'text/x-python',
      });
  return files;
}
