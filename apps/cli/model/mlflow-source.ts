import { existsSync, readFileSync, realpathSync, statSync } from 'node:fs';
import { join, relative, resolve, sep } from 'node:path';
import { parse } from 'yaml';
import { CliError } from '../cli-error';

/** Names how to convert each flavour that is not ONNX. */
const converters: Readonly<Record<string, string>> = {
  sklearn: 'skl2onnx',
  lightgbm: 'onnxmltools',
  xgboost: 'onnxmltools',
};

/** An MLmodel file is a few kilobytes. */
const largestMlmodel = 1 << 20;

/**
 * The ONNX file of an MLflow model folder. Nothing of the folder is executed, and a pickle is never
 * loaded.
 * @throws CliError with the file, and the next step
 */
export function onnxFileOf(shown: string, cwd: string): string {
  const folder = resolve(cwd, shown);
  const place = join(shown, 'MLmodel');
  if (statSync(folder, { throwIfNoEntry: false })?.isDirectory() !== true)
    throw new CliError(`${shown} is not a folder`, 2, 'name an MLflow model folder with --mlflow');
  const file = join(folder, 'MLmodel');
  if (!existsSync(file))
    throw new CliError(
      `${shown} has no MLmodel file, so nothing says what its files are; a pickle alone is never loaded`,
      2,
      'save the model with mlflow.<flavour>.save_model, or import ONNX with --file',
    );
  const { onnx, ...others } = flavoursOf(file, place);
  if (onnx === undefined) {
    const names = Object.keys(others).filter((name) => name !== 'python_function');
    const by = names.flatMap((name) => converters[name] ?? [])[0] ?? 'the converter of its library';
    throw new CliError(
      `${place} has no flavour onnx; its flavours are ${names.join(', ') || 'none'}`,
      2,
      `convert the model with ${by}, save it with mlflow.onnx.save_model, and import that folder`,
    );
  }
  const { data } = (onnx ?? {}) as { readonly data?: unknown };
  if (typeof data !== 'string' || data === '')
    throw new CliError(`${place}: flavors.onnx.data does not name a file`, 2, saveAgain);
  return fileInside(folder, data, place);
}

const saveAgain = 'save the model again with mlflow.onnx.save_model';

function flavoursOf(file: string, place: string): Readonly<Record<string, unknown>> {
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
function fileInside(folder: string, data: string, place: string): string {
  const path = resolve(folder, data);
  const leaves = new CliError(
    `${place}: flavors.onnx.data is ${JSON.stringify(data)}, which leads out of the folder`,
    2,
    saveAgain,
  );
  if (relative(folder, path).startsWith('..')) throw leaves;
  if (statSync(path, { throwIfNoEntry: false })?.isFile() !== true)
    throw new CliError(`${place}: flavors.onnx.data is ${data}, which is not a file`, 2, saveAgain);
  if (!realpathSync(path).startsWith(realpathSync(folder) + sep)) throw leaves;
  return path;
}
