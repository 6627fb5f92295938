import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { basename, join } from 'node:path';
import { failure } from '../../domain/failure';
import { trainerName } from './manifest.schema';

/** Folders of working trainers. `torch` is a trainer of its own, which the template copies. */
const templates = {
  linear: join(__dirname, 'template'),
  torch: join(__dirname, '..', '..', 'trainers', 'torch'),
} as const;
export type TrainerTemplate = keyof typeof templates;
export const trainerTemplates = Object.keys(templates) as readonly TrainerTemplate[];

/**
 * Writes a working example trainer to `<trainersDir>/<name>` and returns the paths. Writes all
 * files or none, and never overwrites a folder.
 */
export function writeTrainerTemplate(
  trainersDir: string,
  { name, template }: { readonly name: string; readonly template: TrainerTemplate },
): readonly string[] {
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
    cpSync(templates[template], folder, { recursive: true, filter: isPartOfTrainer });
    const manifest = join(folder, 'trainer.yaml');
    writeFileSync(manifest, readFileSync(manifest, 'utf8').replace(/^name: .*$/m, `name: ${name}`));
  } catch (cause) {
    rmSync(folder, { recursive: true, force: true });
    throw cause;
  }
  return readdirSync(folder).map((file) => join(folder, file));
}

/** Neither compiled files nor the tests of the template. */
function isPartOfTrainer(path: string): boolean {
  return !/^(__pycache__$|test_)/.test(basename(path));
}
