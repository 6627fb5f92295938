import { isNativeError } from 'node:util/types';
import type { QueryTables, StageContext } from '../../domain/project/stage';

/**
 * A context whose errors name the line of the stage that called it. Errors of libraries in native
 * code, such as DuckDB, have no stack of their own.
 */
export function withCallFrames(context: StageContext): StageContext {
  return {
    ...context,
    secret: (ref) => traceCall(() => context.secret(ref)),
    readJson: (artifact) => traceCall(() => context.readJson(artifact)),
    writeJson: (value) => traceCall(() => context.writeJson(value)),
    readFile: (artifact, path) => traceCall(() => context.readFile(artifact, path)),
    writeFile: (path, mediaType) => traceCall(() => context.writeFile(path, mediaType)),
    query: <Row extends object>(sql: string, tables?: QueryTables) =>
      traceCall(() => context.query<Row>(sql, tables)),
    writeTable: (name, sql, tables) => traceCall(() => context.writeTable(name, sql, tables)),
  };
}

/** Adds the frames of the caller to the stack of an error. */
async function traceCall<T>(call: () => Promise<T>): Promise<T> {
  const { stack: frames = '' } = new Error('called here');
  try {
    return await call();
  } catch (error) {
    if (isNativeError(error)) error.stack = `${error.stack ?? ''}\n${frames}`;
    throw error;
  }
}
