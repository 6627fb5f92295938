import { existsSync, readFileSync, realpathSync, statSync } from 'node:fs';
import { join, relative, resolve, sep } from 'node:path';
import { parse } from 'yaml';
import { conversionPackages } from '../../../domain/model/imported';
import type { ImportedFormat } from '../../../domain/model/model';
import { CliError } from '../cli-error';

/** A file to import, and what a conversion must know of it. */
export interface ModelFile {
  readonly path: string;
  readonly format: ImportedFormat;
  readonly modelClass?: string;
  /** Versions of packages, as in requirements.txt. */
  readonly packages?: readonly string[];
}

/** An MLmodel file is a few kilobytes. */
const largestMlmodel = 1 << 20;

/**
 * The flavours that can be imported, the best first: ONNX needs no conversion, and formats of trees
 * are read without a pickle. Each with the fields of its file and of the library's version.
 */
const flavours = [
  { format: 'onnx', file: 'data', library: null },
  { format: 'xgboost', file: 'data', library: null },
  { format: 'lightgbm', file: 'data', library: ['lightgbm', 'lgb_version'] },
  { format: 'sklearn', file: 'pickled_model', library: ['scikit-learn', 'sklearn_version'] },
] as const;

/** What LightGBM writes itself. Others are pickles and files of skops. */
const textOfLightgbm = /\.(lgb|txt)$/;

/**
 * The file of an MLflow model folder that an import sends. Nothing of the folder is executed or
 * unpickled here.
 * @throws CliError with the file, and the next step
 */
export function openModelFile(shown: string, cwd: string): ModelFile {
  const folder = resolve(cwd, shown);
  const place = join(shown, 'MLmodel');
  if (statSync(folder, { throwIfNoEntry: false })?.isDirectory() !== true)
    throw new CliError(`${shown} is not a folder`, 2, 'name an MLflow model folder with --mlflow');
  const file = join(folder, 'MLmodel');
  if (!existsSync(file))
    throw new CliError(
      `${shown} has no MLmodel file, so nothing says what its files are; ` +
        'a pickle alone is never loaded',
      2,
      'save the model with mlflow.<flavour>.save_model, or import ONNX with --file',
    );
  const found = readFlavours(file, place);
  const flavour = flavours.find(({ format }) => found[format] !== undefined);
  if (flavour === undefined) {
    const names = Object.keys(found).filter((name) => name !== 'python_function');
    throw new CliError(
      `${place} has none of the flavors ${flavours.map(({ format }) => format).join(', ')}; ` +
        `its flavors are ${names.join(', ') || 'none'}`,
      2,
      'convert the model to ONNX, save it with mlflow.onnx.save_model, and import that folder',
    );
  }
  const { format, library } = flavour;
  const fields = (found[format] ?? {}) as Readonly<Record<string, unknown>>;
  const field = `flavors.${format}.${flavour.file}`;
  const data = fields[flavour.file];
  if (typeof data !== 'string' || data === '')
    throw new CliError(`${place}: ${field} does not name a file`, 2, saveAgain);
  const path = fileInside(folder, data, place, field);
  const { model_class: modelClass } = fields;
  const isPickle = library !== null && !textOfLightgbm.test(data);
  return {
    path,
    format,
    ...(typeof modelClass === 'string' && format !== 'onnx' && { modelClass }),
    ...(isPickle && { packages: listPackages(folder, library[0], fields[library[1]]) }),
  };
}

/** The versions in requirements.txt and MLmodel that matter for reading a pickle. */
function listPackages(folder: string, library: string, version: unknown): readonly string[] {
  const file = join(folder, 'requirements.txt');
  const lines = existsSync(file) ? readFileSync(file, 'utf8').split('\n') : [];
  const pins = lines.flatMap((line) => {
    const [, name = '', pin = ''] =
      /^([A-Za-z0-9._-]+)==([0-9][0-9A-Za-z.+-]*)\s*$/.exec(line) ?? [];
    const known = conversionPackages.find((each) => each === name.toLowerCase());
    return known === undefined ? [] : [[known, pin] as const];
  });
  const own = typeof version === 'string' ? [[library, version] as const] : [];
  return [...new Map([...pins, ...own])].map(([name, pin]) => `${name}==${pin}`);
}

const saveAgain = 'save the model again with mlflow.<flavour>.save_model';

function readFlavours(file: string, place: string): Readonly<Record<string, unknown>> {
  if (statSync(file).size > largestMlmodel)
    throw new CliError(`${place} is larger than 1 MiB, so it is not an MLmodel file`, 2, saveAgain);
  let body: unknown;
  try {
    body = parse(readFileSync(file, 'utf8'), { maxAliasCount: 100 });
  } catch (error) {
    const [reason = ''] = (error as Error).message.split('\n');
    throw new CliError(`${place} is not YAML: ${reason}`, 2, saveAgain);
  }
  const flavours = (body as { readonly flavors?: unknown } | null)?.flavors;
  if (typeof flavours === 'object' && flavours !== null && !Array.isArray(flavours))
    return flavours as Readonly<Record<string, unknown>>;
  throw new CliError(`${place} has no map of flavors`, 2, saveAgain);
}

/** A path or a link out of the folder would send another file of this machine. */
function fileInside(folder: string, data: string, place: string, field: string): string {
  const path = resolve(folder, data);
  const leaves = new CliError(
    `${place}: ${field} is ${JSON.stringify(data)}, which leads out of the folder`,
    2,
    saveAgain,
  );
  if (relative(folder, path).startsWith('..')) throw leaves;
  if (statSync(path, { throwIfNoEntry: false })?.isFile() !== true)
    throw new CliError(`${place}: ${field} is ${data}, which is not a file`, 2, saveAgain);
  if (!realpathSync(path).startsWith(realpathSync(folder) + sep)) throw leaves;
  return path;
}
