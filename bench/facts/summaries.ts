import { llmDataPath } from '../../data/language/runtime-module';
import { quoteText, withDuckDb } from '../../data/sql/platform-sql';
import type { Summary } from './extract';

/** All summaries, in the order of their hashes. */
export async function readSummaries(): Promise<readonly Summary[]> {
  return withDuckDb(
    async (sql) => {
      const rows = await sql.rows<{ id: string; title: string; text: string; topic: string }>(
        `SELECT id, title, text, topic FROM ${quoteText(llmDataPath('wiki-summaries.parquet'))} ORDER BY md5(id)`,
      );
      return rows.map((row) => ({ ...row, source: null }));
    },
    { memoryBytes: 512 << 20, threads: 1 },
  );
}
