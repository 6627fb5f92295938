import type { DatasetManifest } from '../../domain/dataset/dataset';
import { failure } from '../../domain/failure';
import type { ArtifactStore } from '../artifact/store';
import { quoteText, withDuckDb } from '../sql/platform-sql';
import type { Scratch } from '../scratch';

/** A question with the documents that contain its answer. */
export interface GoldQuestion {
  readonly id: string;
  readonly text: string;
  readonly gold: readonly string[];
}

/**
 * Read questions from rows with `id`, `question` and `documents` (a list of document ids, or one
 * id). Rows without them cannot be measured and are an error.
 */
export async function readQuestions(
  manifest: DatasetManifest,
  {
    artifacts,
    scratch,
    signal,
  }: {
    readonly artifacts: Pick<ArtifactStore, 'toFile'>;
    readonly scratch: Scratch;
    readonly signal: AbortSignal;
  },
): Promise<readonly GoldQuestion[]> {
  const paths: string[] = [];
  for (const [index, file] of manifest.files.entries()) {
    const path = scratch.path(
      `questions-${index}.${file.mediaType === 'application/x-ndjson' ? 'ndjson' : 'parquet'}`,
    );
    await artifacts.toFile(file, path, { signal });
    paths.push(path);
  }
  const rows = await withDuckDb(
    async (sql) => {
      const all: Readonly<Record<string, unknown>>[] = [];
      for (const path of paths) {
        const relation = path.endsWith('.ndjson')
          ? `read_json(${quoteText(path)}, format = 'newline_delimited')`
          : `read_parquet(${quoteText(path)})`;
        const columns = await sql.rows<{ column_name: string }>(
          `DESCRIBE SELECT * FROM ${relation}`,
        );
        const missing = ['id', 'question', 'documents'].filter(
          (name) => !columns.some(({ column_name: each }) => each === name),
        );
        if (missing.length > 0)
          throw failure(
            'InvalidInput',
            `the dataset of questions has no column ${missing.join(', ')}`,
            { next: 'its columns must be id, question and documents' },
          );
        all.push(
          ...(await sql.rows<{ id: string }>(
            `SELECT CAST(id AS VARCHAR) AS id, question, to_json(documents) AS documents FROM ${relation}`,
          )),
        );
      }
      return all;
    },
    { memoryBytes: 256 << 20, threads: 1, signal },
  );
  const questions = rows.map(({ id, question, documents }) => ({
    id: String(id),
    text: typeof question === 'string' ? question : '',
    gold: readGold(documents),
  }));
  const bad = questions.filter(({ text, gold }) => text.trim() === '' || gold.length === 0);
  if (bad.length > 0) {
    throw failure(
      'InvalidInput',
      `${bad.length} of ${questions.length} questions have no text or name no document (${bad
        .slice(0, 3)
        .map(({ id }) => id)
        .join(', ')})`,
      { next: 'leave these questions out of the dataset' },
    );
  }
  if (questions.length === 0) throw failure('DatasetEmpty', 'the dataset of questions is empty');
  return questions;
}

/** Accepts a JSON list, a JSON string, or a JSON string that contains a JSON list. */
function readGold(json: unknown): readonly string[] {
  if (typeof json !== 'string') return [];
  const value: unknown = JSON.parse(json);
  if (Array.isArray(value)) return value.filter((each) => typeof each === 'string');
  if (typeof value !== 'string' || value === '') return [];
  return value.startsWith('[') ? readGold(value) : [value];
}
