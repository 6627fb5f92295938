/**
 * Regenerates the cases of samples/wiki-assistant, and the cases and examples of
 * samples/wiki-router, from the provisioned data sets. Run `npm run provision:llm`, then `node -r
 * tsx/cjs scripts/make-wiki-cases.ts`. MD5 decides what is drawn, so equal data gives equal files.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { llmDataPath } from '../data/language/runtime-module';
import { quoteText, withDuckDb, type PlatformSql } from '../data/sql/platform-sql';
import { kindsOfThings } from '../samples/wiki-router/demo';

const samples = join(__dirname, '..', 'samples');

/** Numbers per kind, for the router. */
const casesEach = 30;
const examplesEach = 150;

interface WikiSourceQuestion {
  readonly id: string;
  readonly question: string;
  readonly title: string;
  readonly answers: readonly string[];
}

/**
 * Questions whose complete answer is in the summary of their article, so answers can be checked.
 */
async function questionLines(sql: PlatformSql): Promise<readonly object[]> {
  const questions = await sql.rows<WikiSourceQuestion>(
    `SELECT id, question, title, answers FROM ${quoteText(llmDataPath('wiki-questions.parquet'))} WHERE answer_in_text ORDER BY md5(id)`,
  );
  return questions.map(({ id, question, title, answers }) => ({
    id,
    input: { question },
    expected: { answer: answers.join(', '), documents: [title] },
  }));
}

/**
 * Definitions with the kind of thing that they describe, equally many of each kind. The cases come
 * first, then the examples, without overlap.
 */
async function definitions(
  sql: PlatformSql,
): Promise<{ readonly cases: readonly object[]; readonly examples: readonly object[] }> {
  const kinds = kindsOfThings.map((kind) => quoteText(`noun.${kind}`)).join(', ');
  const rows = await sql.rows<{ id: string; gloss: string; kind: string; place: number }>(
    `SELECT id, gloss, substr(category, 6) AS kind, CAST(row_number() OVER (PARTITION BY category ORDER BY md5(gloss)) AS INTEGER) AS place
     FROM (SELECT min(id) AS id, gloss, min(category) AS category FROM ${quoteText(llmDataPath('wordnet-glosses.parquet'))} GROUP BY gloss HAVING count(DISTINCT category) = 1)
     WHERE category IN (${kinds}) AND length(gloss) BETWEEN 16 AND 160
     QUALIFY place <= ${casesEach + examplesEach} ORDER BY md5(id)`,
  );
  const [cases, examples] = [
    rows.filter(({ place }) => place <= casesEach),
    rows.filter(({ place }) => place > casesEach),
  ];
  return {
    cases: cases.map(({ id, gloss, kind }) => ({
      id,
      input: { text: gloss },
      expected: { answer: JSON.stringify({ kind }), label: kind },
    })),
    examples: examples.map(({ gloss, kind }) => ({
      input: gloss,
      output: JSON.stringify({ kind }),
    })),
  };
}

function write(path: readonly string[], lines: readonly object[]): void {
  const file = join(samples, ...path);
  writeFileSync(file, lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
  console.log(`${file}: ${lines.length} lines`);
}

withDuckDb(
  async (sql) => {
    write(['wiki-assistant', 'cases.ndjson'], await questionLines(sql));
    const { cases, examples } = await definitions(sql);
    write(['wiki-router', 'cases.ndjson'], cases);
    write(['wiki-router', 'examples.ndjson'], examples);
  },
  { memoryBytes: 512 << 20, threads: 1 },
).catch((error: unknown) => {
  process.stderr.write(`${String(error)}\n`);
  process.exitCode = 1;
});
