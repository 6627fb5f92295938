import { setImmediate } from 'node:timers/promises';
import type { PlatformSql } from '../sql/platform-sql';

/**
 * Streams a query's result by chunks of about 2,000 rows, column by column, in constant memory.
 * Other work runs between two chunks.
 */
export async function* streamChunks(
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
