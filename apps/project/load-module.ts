/** Compiles a module of a project and loads it in this process. */
import { createRequire } from 'node:module';
import { join, resolve } from 'node:path';
import { compileFunction } from 'node:vm';
import { build, type BuildFailure } from 'esbuild';
import { invalidInput } from '../../domain/document/issue-text';
import { failure, type Issue } from '../../domain/failure';
import { nodeBundle } from './project-folder';
import { openSourcePlace, withoutPaths } from './source-map';

const root = resolve(__dirname, '..', '..');

/**
 * With a source map, so that errors name lines of the project.
 * @throws InvalidInput with file and line of each error of the compiler.
 */
export async function compile(folder: string, entry: string): Promise<string> {
  try {
    const { outputFiles = [] } = await build({
      ...nodeBundle(folder),
      entryPoints: [entry],
      sourcemap: 'inline',
      sourcesContent: false,
    });
    return withoutPaths(outputFiles[0]?.text ?? '', { folder, root });
  } catch (error) {
    const { errors } = error as Partial<BuildFailure>;
    if (!errors) throw error;
    const issues = errors.map(({ text, location }): Issue => ({
      pointer: '',
      detail: text,
      ...(location && { file: location.file, line: location.line, column: location.column + 1 }),
    }));
    throw invalidInput('the project', issues, 'correct the errors, then build again');
  }
}

/**
 * Like `evaluate` for a file of a project, whose errors name it.
 * @throws InvalidInput when the file throws while it is loaded.
 */
export function evaluateFile(
  code: string,
  { folder, file }: { readonly folder: string; readonly file: string },
): Readonly<Record<string, unknown>> {
  try {
    return evaluate(code, folder);
  } catch (error) {
    const message = (error as Partial<Error> | null)?.message ?? String(error);
    const place = openSourcePlace(code, compiledFile(folder))(error) ?? file;
    throw failure('InvalidInput', `${place} fails while it is loaded: ${message}`, {
      cause: error,
      next: `correct ${file} or the modules that it imports`,
    });
  }
}

/** Runs compiled CommonJS and returns its exports. `from` is where `require` looks up packages. */
export function evaluate(code: string, from: string): Readonly<Record<string, unknown>> {
  const module = { exports: {} as Record<string, unknown> };
  const run = compileFunction(code, ['module', 'exports', 'require'], {
    filename: compiledFile(from),
  }) as (...args: unknown[]) => void;
  run(module, module.exports, createRequire(join(from, 'package.json')));
  return module.exports;
}

/** The name of compiled code in the stacks of its errors. */
export function compiledFile(from: string): string {
  return join(from, 'compiled.js');
}
