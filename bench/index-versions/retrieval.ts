/**
 * How often the document that answers a question is found: by TF-IDF, by words, by two embedders,
 * and by words and meaning fused. `--all` takes all summaries.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { chunkDocument, embedChunks } from '../../data/index/chunk-document';
import { openChunkStore } from '../../data/index/chunk-store';
import type { Embedder } from '../../data/index/embedders/embedder';
import { openEmbedders, type Embedders } from '../../data/index/embedders/open-embedder';
import { openIndexReader } from '../../data/index/query-index';
import { llmDataPath } from '../../data/language/runtime-module';
import { quoteText, withDuckDb } from '../../data/sql/platform-sql';
import { defaultTenant as tenant } from '../../domain/ids';
import type { ChunkingPlan } from '../../domain/index/chunking';
import type { IndexDocument } from '../../domain/index/document';
import type { EmbedderSpec } from '../../domain/index/embedder';
import type { SearchMode } from '../../domain/index/version';
import {
  meanOver,
  scoreRetrieval,
  type RetrievalMetric,
  type Retrieved,
} from '../../domain/index/retrieval-metrics';
import { setUpLanceDb } from '../../workers/language/lance-settings';
import { rounded } from '../figures';
import { createTfIdf } from '../../domain/index/tf-idf';

const metrics: readonly RetrievalMetric[] = ['recall@1', 'recall@5', 'recall@10', 'mrr', 'ndcg@10'];
const level = 0.95;
const subset = 2000;
const plan: ChunkingPlan = { kind: 'sentences', size: 256, overlap: 0 };

interface RetrievalQuestion {
  readonly id: string;
  readonly text: string;
  readonly gold: readonly string[];
}

interface RetrievalContender {
  readonly name: string;
  readonly answers: readonly Retrieved[];
  readonly secondsToBuild: number;
  readonly msPerQuestion: number;
}

async function read(all: boolean): Promise<{
  readonly documents: readonly IndexDocument[];
  readonly questions: readonly RetrievalQuestion[];
}> {
  return withDuckDb(
    async (sql) => {
      const summaries = quoteText(llmDataPath('wiki-summaries.parquet'));
      const asked = await sql.rows<{ id: string; question: string; title: string }>(
        `SELECT id, question, title FROM ${quoteText(llmDataPath('wiki-questions.parquet'))} ORDER BY id`,
      );
      const rows = await sql.rows<{ id: string; title: string; text: string }>(
        `SELECT id, title, text FROM ${summaries} ORDER BY md5(id)`,
      );
      const gold = new Set(asked.map(({ title }) => title));
      // The documents with answers, and others in the order of their hashes.
      const chosen = all
        ? rows
        : [
            ...rows.filter(({ id }) => gold.has(id)),
            ...rows.filter(({ id }) => !gold.has(id)),
          ].slice(0, subset);
      return {
        documents: chosen.map(({ id, title, text }) => ({ id, title, text, source: null })),
        questions: asked.map(({ id, question, title }) => ({ id, text: question, gold: [title] })),
      };
    },
    { memoryBytes: 512 << 20, threads: 1 },
  );
}

async function byIndex(
  spec: EmbedderSpec,
  modes: readonly SearchMode[],
  {
    documents,
    questions,
    folder,
    embedders,
  }: Awaited<ReturnType<typeof read>> & { readonly folder: string; readonly embedders: Embedders },
): Promise<readonly RetrievalContender[]> {
  const embedder = await embedders.get(spec);
  const store = openChunkStore({ kind: 'directory', path: folder });
  const name = { tenant, index: spec.kind, version: 1 };
  const begun = performance.now();
  const table = await store.create(name, {
    embedder: embedder.identity.digest,
    dimensions: embedder.identity.dimensions,
  });
  for (let from = 0, shard = 0; from < documents.length; from += 500, shard += 1)
    await table.putShard(
      shard,
      await embedRows(documents.slice(from, from + 500), shard, embedder),
    );
  await table.buildIndexes('flat');
  const secondsToBuild = (performance.now() - begun) / 1000;
  const tableVersion = await table.tableVersion();
  const recipe = { embedder: { ...embedder.identity, spec } };
  const reader = openIndexReader({
    find: () =>
      Promise.resolve({ version: 1, digest: embedder.identity.digest, tableVersion, recipe }),
    store,
    embedders,
  });
  const contenders: RetrievalContender[] = [];
  for (const mode of modes) {
    const started = performance.now();
    const answers: Retrieved[] = [];
    for (const { id: question, text, gold } of questions) {
      const { hits } = await reader.query({ tenant, index: spec.kind, text, k: 30, mode });
      answers.push({
        question,
        gold,
        found: [...new Set(hits.map(({ documentId }) => documentId))],
      });
    }
    const told =
      mode === 'text'
        ? 'BM25 (LanceDB)'
        : `${embedder.identity.name}${mode === 'hybrid' ? ' + BM25, fused' : ''}`;
    contenders.push({
      name: told,
      answers,
      secondsToBuild,
      msPerQuestion: (performance.now() - started) / questions.length,
    });
  }
  reader.close();
  store.close();
  return contenders;
}

async function embedRows(documents: readonly IndexDocument[], shard: number, embedder: Embedder) {
  const chunks = documents.flatMap((document) =>
    chunkDocument(document, { plan, measureTokens: embedder.measureTokens, shard }),
  );
  return (await embedChunks(chunks, { embedder, known: new Map() })).rows;
}

function byTfIdf({ documents, questions }: Awaited<ReturnType<typeof read>>): RetrievalContender {
  const begun = performance.now();
  const search = createTfIdf(documents);
  const secondsToBuild = (performance.now() - begun) / 1000;
  const started = performance.now();
  const answers = questions.map(({ id: question, text, gold }) => ({
    question,
    gold,
    found: search(text, 10),
  }));
  return {
    name: 'TF-IDF',
    answers,
    secondsToBuild,
    msPerQuestion: (performance.now() - started) / questions.length,
  };
}

function line({ name, answers, secondsToBuild, msPerQuestion }: RetrievalContender): {
  readonly text: string;
  readonly figures: object;
} {
  const measured = metrics.map((metric) => {
    const { mean, interval } = meanOver(
      answers.map((each) => scoreRetrieval(metric, each)),
      { levels: [(1 + level) / 2], seed: [1, 2, 3, 4] },
    );
    const bounds = interval?.bounds[0];
    return {
      metric,
      mean: rounded(mean, 3),
      lower: rounded(bounds?.lower ?? NaN, 3),
      upper: rounded(bounds?.upper ?? NaN, 3),
    };
  });
  const cells = measured.map(({ mean, lower, upper }) =>
    `${mean.toFixed(3)} (${lower.toFixed(3)}–${upper.toFixed(3)})`.padStart(22),
  );
  return {
    text: `${name.padEnd(36)}${cells.join('')}${secondsToBuild.toFixed(1).padStart(9)}${msPerQuestion.toFixed(1).padStart(8)}`,
    figures: {
      name,
      measured,
      secondsToBuild: rounded(secondsToBuild),
      msPerQuestion: rounded(msPerQuestion),
    },
  };
}

async function main(): Promise<void> {
  setUpLanceDb();
  const folder = mkdtempSync(join(tmpdir(), 'perennial-bench-'));
  const embedders = openEmbedders();
  try {
    const all = process.argv.includes('--all');
    const data = await read(all);
    const { documents, questions } = data;
    const inFolder = { ...data, folder, embedders };
    const contenders = [
      byTfIdf(data),
      ...(await byIndex({ kind: 'wordllama' }, ['text', 'vector', 'hybrid'], inFolder)),
      ...(await byIndex({ kind: 'minilm' }, ['vector', 'hybrid'], inFolder)),
    ];
    const lines = contenders.map(line);
    const head = `${''.padEnd(36)}${metrics.map((metric) => metric.padStart(22)).join('')}${'build s'.padStart(9)}${'ms'.padStart(8)}`;
    process.stdout.write(
      `${questions.length} questions with one right summary of ${documents.length}; ${100 * level} % intervals over questions; load of the machine ${(loadavg()[0] ?? 0).toFixed(1)}\n` +
        `${head}\n${lines.map(({ text }) => text).join('\n')}\n` +
        `${JSON.stringify({ retrieval: { documents: documents.length, questions: questions.length, contenders: lines.map(({ figures }) => figures) } })}\n`,
    );
  } finally {
    await embedders.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

main().catch((error: unknown) => {
  process.stderr.write(
    `${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`,
  );
  process.exitCode = 1;
});
