/** Real text that is on this machine already, in a fixed order: Wikipedia summaries by sentence, WordNet's glosses, then paragraphs of the documentation and comments of installed packages. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { chunkText } from '../domain/index/chunking';
import { llmDataPath, llmFolder } from '../data/llm/runtime-module';
import { quoteText, withDuckDb } from '../data/sql/platform-sql';

const root = join(__dirname, '..');
const oneToken = () => 1;

export async function* textsForIndex(): AsyncGenerator<{ readonly id: string; readonly text: string }> {
  const limits = { memoryBytes: 512 << 20, threads: 1 };
  const rows = await withDuckDb(
    async (sql) => ({
      summaries: await sql.rows<{ id: string; text: string }>(
        `SELECT id, text FROM ${quoteText(llmDataPath('wiki-summaries.parquet'))} ORDER BY id`,
      ),
      glosses: await sql.rows<{ id: string; lemma: string; gloss: string }>(
        `SELECT CAST(id AS VARCHAR) AS id, lemma, gloss FROM ${quoteText(llmDataPath('wordnet-glosses.parquet'))} ORDER BY id`,
      ),
    }),
    limits,
  );
  for (const { id, text } of rows.summaries) {
    for (const chunk of chunkText(text, { kind: 'sentences', size: 24, overlap: 0 }, oneToken))
      yield { id: `wiki/${id}#${chunk.ordinal}`, text: chunk.text };
  }
  for (const { id, lemma, gloss } of rows.glosses) yield { id: `wordnet/${id}/${lemma}`, text: `${lemma}: ${gloss}` };
  for (const folder of [join(root, 'node_modules'), join(llmFolder, 'runtime', 'node_modules'), join(root, '.perennial', 'python')]) {
    for (const path of filesIn(folder)) yield* paragraphsOf(path);
  }
}

function* filesIn(folder: string): Generator<string> {
  for (const entry of readdirSync(folder, { withFileTypes: true }).sort((a, b) => (a.name < b.name ? -1 : 1))) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) yield* filesIn(path);
    else if (entry.isFile() && /\.(md|d\.ts|py|rst|txt)$/.test(entry.name)) yield path;
  }
}

/** Prose, not code: a paragraph of which four fifths are letters and spaces. */
function* paragraphsOf(path: string): Generator<{ readonly id: string; readonly text: string }> {
  const text = readFileSync(path, 'utf8');
  if (text.length > 4 << 20) return;
  let number = 0;
  for (const paragraph of text.split(/\n\s*\n|\*\/|"""/)) {
    const plain = paragraph
      .replace(/^[\s/*#>|-]+/gm, ' ')
      .replace(/\s+/g, ' ')
      .trim();
    if (plain.length < 60 || plain.length > 1500) continue;
    if ((plain.match(/[\p{L} ]/gu)?.length ?? 0) < 0.8 * plain.length) continue;
    number += 1;
    yield { id: `${path.slice(root.length + 1)}#${number}`, text: plain };
  }
}
