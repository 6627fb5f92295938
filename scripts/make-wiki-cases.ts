/**
 * Writes the cases of samples/wiki-assistant and the cases and examples of samples/wiki-router
 * anew, out of the provisioned data sets: `npm run provision:llm`, then `node -r tsx/cjs
 * scripts/make-wiki-cases.ts`. What is drawn follows from MD5 alone, so that the same data gives
 * the same files.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { llmDataPath } from '../data/language/runtime-module';
import { quoteText, withDuckDb, type PlatformSql } from '../data/sql/platform-sql';
import { kindsOfThings } from '../samples/wiki-router/demo';

const samples = join(__dirname, '..', 'samples');

/** Of the router, a kind. */
const casesEach = 30;
const examplesEach = 150;

interface WikiSourceQuestion {
  readonly id: string;
  readonly question: string;
  readonly title: string;
  readonly answers: readonly string[];
}

/**
 * Questions whose right answer stands, all of it, in the summary of their article: only of those
 * can be said whether an answer out of the summaries is right.
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
 * Definitions with the kind of thing that each is of, as many of each kind; first the cases, then
 * the examples, so that none is both.
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
