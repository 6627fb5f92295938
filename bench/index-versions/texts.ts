/**
 * Real texts on this machine, in a fixed order and each once: sentences of Wikipedia summaries,
 * WordNet glosses, then sentences of prose in installed packages (documentation, docstrings,
 * comments).
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { chunkText } from '../../domain/index/chunking';
import { llmDataPath, llmFolder } from '../../data/language/runtime-module';
import { quoteText, withDuckDb } from '../../data/sql/platform-sql';
import { sha256 } from '../../data/digest';

export interface IndexText {
  readonly id: string;
  readonly text: string;
}

const root = join(__dirname, '..', '..');
const oneToken = () => 1;
/** Words per text: about a sentence, so that a million texts are a million statements. */
const sentences = { kind: 'sentences', size: 40, overlap: 0 } as const;

export async function* textsForIndex(): AsyncGenerator<IndexText> {
  const seen = new Set<string>();
  for await (const each of allTexts()) {
    const digest = sha256(each.text).slice(7, 27);
    if (seen.has(digest)) continue;
    seen.add(digest);
    yield each;
  }
}

async function* allTexts(): AsyncGenerator<IndexText> {
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
    for (const chunk of chunkText(text, sentences, oneToken))
      yield { id: `wiki/${id}#${chunk.ordinal}`, text: chunk.text };
  }
  for (const { id, lemma, gloss } of rows.glosses)
    yield { id: `wordnet/${id}/${lemma}`, text: `${lemma}: ${gloss}` };
  const packages = [
    join(root, 'node_modules'),
    join(llmFolder, 'runtime', 'node_modules'),
    join(root, '.perennial', 'python'),
    join(root, '.perennial', 'python-llm'),
  ];
  for (const folder of packages) {
    for (const path of filesIn(folder)) yield* readProse(path);
  }
}

function* filesIn(folder: string): Generator<string> {
  for (const entry of readdirSync(folder, { withFileTypes: true }).sort((a, b) =>
    a.name < b.name ? -1 : 1,
  )) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) yield* filesIn(path);
    else if (entry.isFile() && /\.(md|d\.[cm]?ts|pyi?|rst|txt)$/.test(entry.name)) yield path;
  }
}

/** Prose and not code: paragraphs with four fifths letters and spaces. */
function* readProse(path: string): Generator<IndexText> {
  const text = readFileSync(path, 'utf8');
  if (text.length > 4 << 20) return;
  let number = 0;
  for (const paragraph of text.split(/\n\s*\n|\*\/|"""/)) {
    const plain = paragraph
      .replace(/^[\s/*#>|-]+/gm, ' ')
      .replace(/\s+/g, ' ')
      .trim();
    if (plain.length < 60 || plain.length > 4000) continue;
    if ((plain.match(/[\p{L} ]/gu)?.length ?? 0) < 0.8 * plain.length) continue;
    for (const chunk of chunkText(plain, sentences, oneToken)) {
      if (chunk.text.length < 60) continue;
      number += 1;
      yield { id: `${path.slice(root.length + 1)}#${number}`, text: chunk.text };
    }
  }
}
