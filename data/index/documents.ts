import type { ArtifactRef } from '../../domain/artifact';
import type { DatasetManifest } from '../../domain/dataset/dataset';
import { failure } from '../../domain/failure';
import { findRejection } from '../../domain/index/document';
import type { ArtifactStore } from '../artifact/store';
import { streamChunks } from '../evaluation/parquet-chunks';
import type { Scratch } from '../scratch';
import { quoteText, withDuckDb, type PlatformSql } from '../sql/platform-sql';
import { toReadDocument, readDocumentLines, type ReadDocument } from './document-lines';

export interface DocumentSource {
  readonly artifacts: Pick<ArtifactStore, 'toFile'>;
  readonly scratch: Scratch;
  /** Larger texts are rejected. */
  readonly maxBytes: number;
  readonly signal: AbortSignal;
}

const memoryBytes = 512 << 20;

type Take = (read: ReadDocument) => Promise<void> | void;

/**
 * Read and validate the documents of a dataset version in order, from Parquet or NDJSON. A repeated
 * id is rejected as a duplicate.
 */
export async function readDocuments(
  manifest: DatasetManifest,
  source: DocumentSource,
  take: Take,
): Promise<void> {
  const judge = judging();
  for (const [index, file] of manifest.files.entries()) {
    const path = source.scratch.path(`documents-${index}`);
    await source.artifacts.toFile(file, path, { signal: source.signal });
    await readFile(file, path, source, (read) => {
      source.signal.throwIfAborted();
      return take(judge(read));
    });
  }
}

/** The same for one NDJSON artifact: a shard or a change. */
export async function readDocumentFile(
  file: ArtifactRef,
  source: DocumentSource,
): Promise<readonly ReadDocument[]> {
  const path = source.scratch.path(`documents-${file.digest.slice(-12)}`);
  await source.artifacts.toFile(file, path, { signal: source.signal });
  const documents: ReadDocument[] = [];
  const judge = judging();
  for await (const read of readDocumentLines(path, source)) documents.push(judge(read));
  return documents;
}

function judging(): (read: ReadDocument) => ReadDocument {
  const seen = new Set<string>();
  return (read) => {
    if ('rejected' in read) return read;
    const rejected = seen.has(read.id) ? 'duplicateId' : findRejection(read);
    if (rejected) return { rejected, id: read.id };
    seen.add(read.id);
    return read;
  };
}

async function readFile(
  file: ArtifactRef,
  path: string,
  source: DocumentSource,
  take: Take,
): Promise<void> {
  if (file.mediaType === 'application/x-ndjson') {
    for await (const read of readDocumentLines(path, source)) await take(read);
    return;
  }
  await withDuckDb((sql) => readParquet(sql, path, source.maxBytes, take), {
    memoryBytes,
    threads: 1,
    signal: source.signal,
  });
}

async function readParquet(
  sql: PlatformSql,
  path: string,
  maxBytes: number,
  take: Take,
): Promise<void> {
  const relation = `read_parquet(${quoteText(path)}, binary_as_string = true)`;
  const described = await sql.rows<{ column_name: string }>(`DESCRIBE SELECT * FROM ${relation}`);
  const columns = new Set(described.map(({ column_name: name }) => name));
  for (const name of ['id', 'text']) {
    if (!columns.has(name))
      throw failure(
        'InvalidInput',
        `the dataset of documents has no column ${name}; it has ${[...columns].join(', ')}`,
        {
          next: 'its columns must be id and text, and may be title and source',
        },
      );
  }
  const optional = (name: string) => (columns.has(name) ? `CAST(${name} AS VARCHAR)` : 'NULL');
  // A text that is too large is not read into memory.
  const text = `CASE WHEN strlen(CAST(text AS VARCHAR)) > ${maxBytes} THEN NULL ELSE CAST(text AS VARCHAR) END`;
  const large = `coalesce(strlen(CAST(text AS VARCHAR)) > ${maxBytes}, false)`;
  const query = `SELECT CAST(id AS VARCHAR), ${text}, ${large}, ${optional('title')}, ${optional('source')} FROM ${relation}`;
  for await (const [ids = [], texts = [], larges = [], titles = [], sources = []] of streamChunks(
    sql,
    query,
  )) {
    for (const [row, id] of ids.entries()) {
      const document = { id, text: texts[row], title: titles[row], source: sources[row] };
      const told = typeof id === 'string' ? id : null;
      await take(
        larges[row] === true
          ? { rejected: 'tooLarge', id: told }
          : toReadDocument(document, maxBytes),
      );
    }
  }
}
