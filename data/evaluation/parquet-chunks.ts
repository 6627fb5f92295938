import { setImmediate } from 'node:timers/promises';
import type { PlatformSql } from '../sql/platform-sql';

/**
 * A query's result, some thousand rows at a time and column by column, so that memory does not grow
 * with the table. Lets other work in between two chunks.
 */
export async function* chunksOf(
  sql: PlatformSql,
  query: string,
): AsyncGenerator<readonly (readonly unknown[])[]> {
  const result = await sql.connection.stream(query);
  for (;;) {
    const chunk = await result.fetchChunk();
    if (chunk === null || chunk.rowCount === 0) return;
    yield chunk.getColumns();
    await setImmediate();
  }
}
