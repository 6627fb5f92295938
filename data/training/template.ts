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
 * A trainer that works, to be made one's own, in `<trainersDir>/<name>`. Whole or not at all; never
 * over one that is there. Answers with the paths written.
 */
export function writeTrainerTemplate(trainersDir: string, name: string): readonly string[] {
  const folder = join(trainersDir, name);
  if (!trainerName.safeParse(name).success)
    throw failure(
      'InvalidInput',
      `${JSON.stringify(name)} cannot name a trainer; expected lower-case letters, digits and hyphens`,
    );
  if (!existsSync(join(trainersDir, 'runtime', 'run.py'))) {
    throw failure(
      'InvalidInput',
      `${trainersDir} holds no job runtime: trainers are made beside it`,
      {
        next: 'name the folder of the clone’s trainers in PERENNIAL_TRAINERS_DIR',
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
