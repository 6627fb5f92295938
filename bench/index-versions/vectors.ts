/** Real texts with vectors and questions, and the recall of a search. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Embedder } from '../../data/index/embedders/embedder';
import { openEmbedders, type Embedders } from '../../data/index/embedders/open-embedder';
import { llmDataPath } from '../../data/language/runtime-module';
import { quoteText, withDuckDb } from '../../data/sql/platform-sql';
import { cosine } from '../../domain/language/dimension/similarity';
import { rounded } from '../figures';
import type { IndexText } from './texts';

export type EmbedderKind = 'minilm' | 'wordllama';
export interface EmbeddedCorpus {
  readonly embedder: Embedder;
  readonly embedders: Embedders;
  readonly spec: { readonly kind: EmbedderKind };
  readonly texts: readonly IndexText[];
  /** One after the other. */
  readonly vectors: Float32Array;
  readonly questions: readonly { readonly text: string; readonly vector: Float32Array }[];
}

/** The exact order of all vectors by cosine, computed here and not by LanceDB. */
export function measureRecall(
  corpus: EmbeddedCorpus,
  {
    pieces,
    max,
    found,
  }: {
    readonly pieces: number;
    readonly max: number;
    readonly found: readonly (readonly string[])[];
  },
): (first: number) => number {
  const exact = corpus.questions.map(({ vector }) => {
    const scores = Array.from({ length: pieces }, (_, row) => ({
      row,
      score: cosine(vector, vectorAt(corpus, row)),
    }));
    return scores.sort((a, b) => b.score - a.score).slice(0, max);
  });
  return (first) => {
    let right = 0;
    for (const [question, nearest] of exact.entries()) {
      const ids = new Set(
        nearest.slice(0, first).map(({ row }) => `${corpus.texts[row]?.id ?? ''}#0`),
      );
      right += (found[question] ?? []).slice(0, first).filter((id) => ids.has(id)).length;
    }
    return rounded(right / (first * exact.length), 3);
  };
}

export function vectorAt(
  { vectors, embedder }: Pick<EmbeddedCorpus, 'vectors' | 'embedder'>,
  row: number,
): Float32Array {
  const { dimensions } = embedder.identity;
  return vectors.subarray(row * dimensions, (row + 1) * dimensions);
}

/** Reads vectors that were embedded in this folder before. */
export async function embeddedCorpus(
  folder: string,
  kind: EmbedderKind,
  texts: readonly IndexText[],
  asked: number,
): Promise<EmbeddedCorpus> {
  const embedders = openEmbedders();
  const embedder = await embedders.get({ kind });
  const { dimensions } = embedder.identity;
  const file = join(folder, `${kind}.f32`);
  if (!existsSync(file)) {
    const vectors = new Float32Array(texts.length * dimensions);
    for (let from = 0; from < texts.length; from += 500) {
      const made = await embedder.embed(texts.slice(from, from + 500).map(({ text }) => text));
      for (const [row, vector] of made.entries()) vectors.set(vector, (from + row) * dimensions);
      process.stderr.write(
        `\r${kind}: ${Math.min(texts.length, from + 500)} of ${texts.length} vectors `,
      );
    }
    process.stderr.write('\n');
    writeFileSync(file, Buffer.from(vectors.buffer));
  }
  const bytes = readFileSync(file);
  const vectors = new Float32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4);
  if (vectors.length < texts.length * dimensions)
    throw new Error(`${file} has fewer texts; use another --folder`);
  const rows = await withDuckDb(
    (sql) =>
      sql.rows<{ question: string }>(
        `SELECT question FROM ${quoteText(llmDataPath('wiki-questions.parquet'))} ORDER BY id LIMIT ${asked}`,
      ),
    { memoryBytes: 256 << 20, threads: 1 },
  );
  const made = await embedder.embed(rows.map(({ question }) => question));
  const questions = rows.map(({ question }, index) => ({
    text: question,
    vector: made[index] ?? new Float32Array(),
  }));
  return { embedder, embedders, spec: { kind }, texts, vectors, questions };
}
