import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { failure } from '../../domain/failure';
import { trainerName } from './manifest.schema';

const template = join(__dirname, 'template');

/**
 * Writes a working example trainer to `<trainersDir>/<name>` and returns the paths. Writes all
 * files or none, and never overwrites a folder.
 */
export function writeTrainerTemplate(trainersDir: string, name: string): readonly string[] {
  const folder = join(trainersDir, name);
  if (!trainerName.safeParse(name).success)
    throw failure(
      'InvalidInput',
      `${JSON.stringify(name)} is not allowed as a trainer name; expected lower-case letters, digits and hyphens`,
    );
  if (!existsSync(join(trainersDir, 'runtime', 'run.py'))) {
    throw failure(
      'InvalidInput',
      `${trainersDir} has no job runtime (runtime/run.py), which a trainer needs beside it`,
      {
        next: 'set PERENNIAL_TRAINERS_DIR to the trainers folder of the clone',
      },
    );
  }
  if (existsSync(folder))
    throw failure('InvalidInput', `${folder} already exists; nothing was written`);
  mkdirSync(folder);
  try {
    cpSync(template, folder, { recursive: true });
    const manifest = join(folder, 'trainer.yaml');
    writeFileSync(manifest, readFileSync(manifest, 'utf8').replace(/^name: .*$/m, `name: ${name}`));
  } catch (cause) {
    rmSync(folder, { recursive: true, force: true });
    throw cause;
  }
  return readdirSync(folder).map((file) => join(folder, file));
}
