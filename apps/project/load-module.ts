/** Compiles a module of a project and loads it in this process. */
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { compileFunction } from 'node:vm';
import { build, type BuildFailure } from 'esbuild';
import { invalidInput } from '../../domain/document/issue-text';
import { failure, type Issue } from '../../domain/failure';
import { nodeBundle } from './project-folder';

/** @throws InvalidInput with file and line of each error of the compiler. */
export async function compile(folder: string, entry: string): Promise<string> {
  try {
    const { outputFiles = [] } = await build({ ...nodeBundle(folder), entryPoints: [entry] });
    return outputFiles[0]?.text ?? '';
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
    throw failure('InvalidInput', `${file} fails while it is loaded: ${message}`, {
      cause: error,
      next: `correct ${file} or the modules that it imports`,
    });
  }
}

/** Runs compiled CommonJS and returns its exports. `from` is where `require` looks up packages. */
export function evaluate(code: string, from: string): Readonly<Record<string, unknown>> {
  const module = { exports: {} as Record<string, unknown> };
  const run = compileFunction(code, ['module', 'exports', 'require'], {
    filename: join(from, 'compiled.js'),
  }) as (...args: unknown[]) => void;
  run(module, module.exports, createRequire(join(from, 'package.json')));
  return module.exports;
}
