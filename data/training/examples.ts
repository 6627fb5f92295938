import { open } from 'node:fs/promises';
import type { ArtifactStore } from '../artifact/store';
import type { Scratch } from '../scratch';
import { quoteName, quoteText, withDuckDb, type PlatformSql } from '../sql/platform-sql';
import type { ArtifactRef } from '../../domain/artifact';
import type { DatasetManifest } from '../../domain/dataset/dataset';
import { failure } from '../../domain/failure';
import type { ChatMessage } from '../../domain/chat/chat';
import type { FineTuneSpec } from '../../domain/lifecycle/llm/llm-lifecycle';

export interface ExampleSource {
  readonly artifacts: Pick<ArtifactStore, 'toFile'>;
  readonly scratch: Scratch;
  readonly manifest: DatasetManifest;
  readonly conversations: Conversations;
  /** User messages of the evaluation cases. They are left out, ignoring case and spacing. */
  readonly exam: readonly string[];
  readonly fineTune: Pick<FineTuneSpec, 'input' | 'output' | 'most' | 'holdout'>;
  /**
   * Parquet with `messages` (JSON of the conversation) and `completion`, or JSONL of conversations
   * that end with the answer.
   */
  readonly format: 'parquet' | 'chat';
  readonly signal: AbortSignal;
  readonly put: (path: string, mediaType: string) => Promise<ArtifactRef>;
}

/** A batch of examples out of `of`, starting at `place` (counted from 1). */
export interface ExampleBatch {
  readonly place: number;
  readonly of: number;
  /** User messages. */
  readonly inputs: readonly string[];
}

/**
 * Messages before the answer of each example, in order; null for a question that is too long.
 * Batches are sequential and the same in every attempt.
 */
export type Conversations = (
  batch: ExampleBatch,
) => Promise<readonly (readonly ChatMessage[] | null)[]>;

export interface WrittenExamples {
  readonly train: ArtifactRef;
  readonly holdout: ArtifactRef;
  readonly rows: {
    readonly train: number;
    readonly holdout: number;
    /** Left out because input or output is empty. */ readonly leftOut: number;
    /** Left out because the evaluation cases contain them. */ readonly inCases: number;
    /** Left out because the question is too long to search passages for. */ readonly tooLong: number;
  };
}

const limits = { memoryBytes: 512 << 20, threads: 1 };
/** Work lost at most when the process dies. Smaller batches need more statements. */
const batch = 200;
/** Rows per group of the Parquet file. A group is held in memory, and conversations can be long. */
const rowGroup = 2_048;

/**
 * Draws, splits and renders the examples. Drawing and splitting use the MD5 of the user message, so
 * the order of the rows does not matter and equal questions stay together.
 */
export async function writeExamples({
  artifacts,
  scratch,
  manifest,
  conversations,
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
  for (const [key, name] of [
    ['input', fineTune.input] as const,
    ['output', fineTune.output] as const,
  ]) {
    if (columns.includes(name)) continue;
    throw failure(
      'InvalidInput',
      `the examples of ${manifest.dataset} have no column ${name}; they have ${columns.join(', ')}`,
      {
        next: `set spec.fineTune.${key} to one of these columns`,
      },
    );
  }
  return withDuckDb(
    async (sql) => {
      await draw(sql, paths, exam, fineTune);
      refuseTooFew(manifest, await sql.one<Halves>(halvesOfDrawn));
      const lines = { train: scratch.path('train.jsonl'), holdout: scratch.path('holdout.jsonl') };
      const kept = await render(sql, {
        paths: lines,
        conversations,
        lineOf: lineOf[format],
        signal,
      });
      refuseTooFew(manifest, kept);
      const left = await sql.one<{ left_out: number; in_cases: number; drawn: number }>(
        `SELECT (SELECT count(*) FROM given) - (SELECT count(*) FROM usable) AS left_out, (SELECT count(*) FROM usable) - (SELECT count(*) FROM learnable) AS in_cases, (SELECT count(*) FROM drawn) AS drawn`,
      );
      const write = async (half: keyof Halves): Promise<ArtifactRef> => {
        if (format === 'chat') return put(lines[half], 'application/jsonl');
        const path = scratch.path(`${half}.parquet`);
        await sql.run(
          `COPY (FROM read_json(${quoteText(lines[half])}, format = 'newline_delimited', columns = { messages: 'VARCHAR', completion: 'VARCHAR' })) TO ${quoteText(path)} (FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE ${rowGroup})`,
        );
        return put(path, 'application/vnd.apache.parquet');
      };
      return {
        train: await write('train'),
        holdout: await write('holdout'),
        rows: {
          ...kept,
          leftOut: left.left_out,
          inCases: left.in_cases,
          tooLong: left.drawn - kept.train - kept.holdout,
        },
      };
    },
    { ...limits, signal },
  );
}

interface Halves {
  readonly train: number;
  readonly holdout: number;
}

const halvesOfDrawn =
  'SELECT count(*) FILTER (NOT held) AS train, count(*) FILTER (held) AS holdout FROM drawn';

function refuseTooFew({ dataset }: DatasetManifest, { train, holdout }: Halves): void {
  if (train > 0 && holdout > 0) return;
  throw failure(
    'InvalidInput',
    `${dataset} leaves ${train} examples for training and ${holdout} for the holdout`,
    {
      next: 'add examples, or change spec.fineTune.holdout',
    },
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
  await sql.run(
    `CREATE VIEW usable AS FROM given WHERE trim(coalesce(input, '')) <> '' AND trim(coalesce(output, '')) <> ''`,
  );
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

/** SQL that ignores case and spacing of a question. */
function normal(expression: string): string {
  return `lower(trim(regexp_replace(${expression}, '\\s+', ' ', 'g')))`;
}

type LineOf = (messages: readonly ChatMessage[], output: string) => object;

const lineOf: Readonly<Record<ExampleSource['format'], LineOf>> = {
  parquet: (messages, completion) => ({ messages: JSON.stringify(messages), completion }),
  /** The format of providers' fine-tuning APIs: each conversation ends with the answer. */
  chat: (messages, content) => ({ messages: [...messages, { role: 'assistant', content }] }),
};

/** Writes directly to files, because all conversations with passages exceed the memory limit. */
async function render(
  sql: PlatformSql,
  {
    paths,
    conversations,
    lineOf: line,
    signal,
  }: {
    readonly paths: Readonly<Record<keyof Halves, string>>;
    readonly conversations: Conversations;
    readonly lineOf: LineOf;
    readonly signal: AbortSignal;
  },
): Promise<Halves> {
  const { of } = await sql.one<{ of: number }>('SELECT count(*) AS of FROM drawn');
  const counts = { train: 0, holdout: 0 };
  const files = { train: await open(paths.train, 'w'), holdout: await open(paths.holdout, 'w') };
  try {
    for (let from = 0; from < of; from += batch) {
      signal.throwIfAborted();
      const rows = await sql.rows<{ input: string; output: string; held: boolean }>(
        `SELECT input, output, held FROM drawn WHERE place > ${from} AND place <= ${from + batch} ORDER BY place`,
      );
      const rendered = await conversations({
        place: from + 1,
        of,
        inputs: rows.map(({ input }) => input),
      });
      for (const half of ['train', 'holdout'] as const) {
        const lines = rows.flatMap(({ output, held }, index) => {
          const messages = rendered[index] ?? null;
          return messages === null || held !== (half === 'holdout')
            ? []
            : [`${JSON.stringify(line(messages, output))}\n`];
        });
        await files[half].write(lines.join(''));
        counts[half] += lines.length;
      }
    }
    return counts;
  } finally {
    await files.train.close();
    await files.holdout.close();
  }
}
