import { open } from 'node:fs/promises';
import type { ArtifactStore } from '../artifacts/store';
import type { Scratch } from '../scratch';
import { quoteName, quoteText, withDuckDb, type PlatformSql } from '../sql/platform-sql';
import type { ArtifactRef } from '../../domain/artifact';
import type { DatasetManifest } from '../../domain/dataset';
import { failure } from '../../domain/failure';
import type { FineTuneSpec } from '../../domain/llm/llm-lifecycle';
import type { PromptTemplate } from '../../domain/llm/prompt';
import { renderPrompt } from '../../domain/llm/prompt-render';

export interface ExampleSource {
  readonly artifacts: Pick<ArtifactStore, 'toFile'>;
  readonly scratch: Scratch;
  readonly manifest: DatasetManifest;
  readonly prompt: PromptTemplate;
  /** The prompt's, that takes what the user writes. */
  readonly variable: string;
  /** What users write in the cases that judge: left out, in whatever case and spacing. */
  readonly exam: readonly string[];
  readonly fineTune: Pick<FineTuneSpec, 'input' | 'output' | 'most' | 'holdout'>;
  /** Parquet with `messages` (JSON of the conversation) and `completion`, or JSONL of conversations that end with the answer. */
  readonly format: 'parquet' | 'chat';
  readonly signal: AbortSignal;
  readonly put: (path: string, mediaType: string) => Promise<ArtifactRef>;
}

export interface WrittenExamples {
  readonly train: ArtifactRef;
  readonly holdout: ArtifactRef;
  readonly rows: {
    readonly train: number;
    readonly holdout: number;
    /** Without a text on one side. */ readonly leftOut: number;
    /** Left out because they are among the cases. */ readonly inCases: number;
  };
}

const limits = { memoryBytes: 512 << 20, threads: 1 };
const batch = 2_000;

/** Draws, splits and renders. Drawn and split by MD5 of what the user writes, so that neither depends on the order of the rows, and equal questions stay together. */
export async function writeExamples({
  artifacts,
  scratch,
  manifest,
  prompt,
  variable,
  exam,
  fineTune,
  format,
  signal,
  put,
}: ExampleSource): Promise<WrittenExamples> {
  const paths = await Promise.all(
    manifest.files.map(async (file, index) => {
      const path = scratch.path(`examples-${index}.parquet`);
      await artifacts.toFile(file, path, { signal });
      return path;
    }),
  );
  const columns = manifest.columns.map(({ name }) => name);
  for (const [key, name] of [['input', fineTune.input] as const, ['output', fineTune.output] as const]) {
    if (columns.includes(name)) continue;
    throw failure('InvalidInput', `the examples of ${manifest.dataset} have no column ${name}; they have ${columns.join(', ')}`, {
      next: `name the column in spec.fineTune.${key}`,
    });
  }
  return withDuckDb(
    async (sql) => {
      await draw(sql, paths, exam, fineTune);
      await render(sql, (text) => JSON.stringify(renderPrompt(prompt, { [variable]: text })));
      const rows = await sql.one<{ train: number; holdout: number; left_out: number; in_cases: number }>(
        `SELECT count(*) FILTER (NOT held) AS train, count(*) FILTER (held) AS holdout, (SELECT count(*) FROM given) - (SELECT count(*) FROM usable) AS left_out, (SELECT count(*) FROM usable) - (SELECT count(*) FROM learnable) AS in_cases FROM drawn`,
      );
      if (rows.train === 0 || rows.holdout === 0) {
        throw failure('InvalidInput', `${manifest.dataset} leaves ${rows.train} examples to learn from and ${rows.holdout} to measure on`, {
          next: 'add examples, or change spec.fineTune.holdout',
        });
      }
      const write = async (name: 'train' | 'holdout', held: string): Promise<ArtifactRef> => {
        if (format === 'chat') {
          const path = scratch.path(`${name}.jsonl`);
          await writeChats(sql, path, held);
          return put(path, 'application/jsonl');
        }
        const path = scratch.path(`${name}.parquet`);
        await sql.run(
          `COPY (SELECT messages, output AS completion FROM drawn JOIN rendered USING (place) WHERE ${held} ORDER BY place) TO ${quoteText(path)} (FORMAT parquet, COMPRESSION zstd)`,
        );
        return put(path, 'application/vnd.apache.parquet');
      };
      return {
        train: await write('train', 'NOT held'),
        holdout: await write('holdout', 'held'),
        rows: { train: rows.train, holdout: rows.holdout, leftOut: rows.left_out, inCases: rows.in_cases },
      };
    },
    { ...limits, signal },
  );
}

async function draw(
  sql: PlatformSql,
  paths: readonly string[],
  exam: readonly string[],
  { input, output, most, holdout }: ExampleSource['fineTune'],
): Promise<void> {
  const files = paths.map((path) => quoteText(path)).join(', ');
  await sql.run(
    `CREATE TABLE given AS SELECT CAST(${quoteName(input)} AS VARCHAR) AS input, CAST(${quoteName(output)} AS VARCHAR) AS output FROM read_parquet([${files}])`,
  );
  await sql.run(`CREATE VIEW usable AS FROM given WHERE trim(coalesce(input, '')) <> '' AND trim(coalesce(output, '')) <> ''`);
  await sql.run('CREATE TABLE exam (input VARCHAR)');
  for (let from = 0; from < exam.length; from += batch) {
    const values = exam.slice(from, from + batch).map((text) => `(${normal(quoteText(text))})`);
    await sql.run(`INSERT INTO exam VALUES ${values.join(', ')}`);
  }
  await sql.run(`CREATE VIEW learnable AS FROM usable WHERE ${normal('input')} NOT IN (FROM exam)`);
  await sql.run(
    `CREATE TABLE drawn AS
     SELECT row_number() OVER (ORDER BY hash, input, output) AS place, input, output, CAST('0x' || substr(hash, 25, 8) AS BIGINT) < ${holdout} * 4294967296 AS held
     FROM (SELECT *, md5(input) AS hash FROM learnable) ORDER BY place LIMIT ${most}`,
  );
}

/** The same question in whatever case and spacing. */
function normal(expression: string): string {
  return `lower(trim(regexp_replace(${expression}, '\\s+', ' ', 'g')))`;
}

/** As providers' fine-tuning APIs take them: each conversation with the answer at its end. */
async function writeChats(sql: PlatformSql, path: string, held: string): Promise<void> {
  const file = await open(path, 'w');
  try {
    for (let from = 0; ;) {
      const rows = await sql.rows<{ place: number; messages: string; output: string }>(
        `SELECT place, messages, output FROM drawn JOIN rendered USING (place) WHERE ${held} AND place > ${from} ORDER BY place LIMIT ${batch}`,
      );
      const last = rows.at(-1);
      if (!last) return;
      const lines = rows.map(({ messages, output }) => {
        const conversation = [...(JSON.parse(messages) as readonly object[]), { role: 'assistant', content: output }];
        return `${JSON.stringify({ messages: conversation })}\n`;
      });
      await file.write(lines.join(''));
      from = last.place;
    }
  } finally {
    await file.close();
  }
}

/** In batches: a hundred thousand conversations are more than a query's answer should be. */
async function render(sql: PlatformSql, conversation: (text: string) => string): Promise<void> {
  await sql.run('CREATE TABLE rendered (place BIGINT, messages VARCHAR)');
  for (let from = 0; ; from += batch) {
    const rows = await sql.rows<{ place: number; input: string }>(
      `SELECT place, input FROM drawn WHERE place > ${from} AND place <= ${from + batch} ORDER BY place`,
    );
    if (rows.length === 0) return;
    const values = rows.map(({ place, input }) => `(${place}, ${quoteText(conversation(input))})`);
    await sql.run(`INSERT INTO rendered VALUES ${values.join(', ')}`);
  }
}
