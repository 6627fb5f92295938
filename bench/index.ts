/** Vector search at growing sizes, through the platform's reader beside LanceDB bare, at equal recall. `--to 1000000`, `--folder DIR` to go on where an earlier run stopped. */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { openChunkStore, type ChunkStore } from '../data/indexes/chunk-store';
import type { ChunkRow } from '../data/indexes/chunk-rows';
import type { ChunkTable } from '../data/indexes/chunk-table';
import { openEmbedders, type Embedders } from '../data/indexes/embedders/open-embedder';
import { lanceDb, type LanceTable } from '../data/indexes/lancedb';
import { addressOf } from '../data/indexes/location';
import { openIndexReader, type IndexReader } from '../data/indexes/query-index';
import { llmDataPath } from '../data/llm/runtime-module';
import { sha256 } from '../data/digest';
import { quoteText, withDuckDb } from '../data/sql/platform-sql';
import { defaultTenant as tenant } from '../domain/ids';
import type { EmbedderSpec } from '../domain/index/embedder';
import { quantile, rounded } from './figures';
import { textsForIndex } from './index-texts';

const spec: EmbedderSpec = { kind: 'wordllama' };
const shardRows = 5000;
const k = 10;
const wantedRecall = 0.95;
const questionsAsked = 100;
const rounds = 3;
/** Ever more work a question, until recall is reached. */
const efforts = [
  { probes: 10, refine: 5 },
  { probes: 20, refine: 10 },
  { probes: 20, refine: 20 },
  { probes: 40, refine: 20 },
  { probes: 80, refine: 40 },
  { probes: 160, refine: 80 },
] as const;

interface Figures {
  readonly vectors: number;
  readonly fillSeconds: number;
  readonly indexSeconds: number;
  readonly effort: (typeof efforts)[number];
  readonly recall: number;
  readonly bare: { readonly p50: number; readonly p95: number };
  readonly reader: { readonly p50: number; readonly p95: number };
}

interface World {
  readonly store: ChunkStore;
  readonly embedders: Embedders;
  readonly folder: string;
  readonly questions: readonly Float32Array[];
}

/** Shards that an earlier run wrote are counted and left as they are. */
async function fill(table: ChunkTable, vectors: number, embedders: Embedders): Promise<void> {
  const embedder = await embedders.get(spec);
  let shard = 0;
  let texts: { id: string; text: string }[] = [];
  const flush = async (): Promise<void> => {
    if ((await table.countShard(shard)) !== texts.length) {
      const made = await embedder.embed(texts.map(({ text }) => text));
      const rows = texts.map(({ id, text }, row): ChunkRow => ({
        ...{ chunkId: `${id}#0`, documentId: id, digest: sha256(text), shard, ordinal: 0, start: 0, end: text.length },
        ...{ title: null, heading: null, source: null, text, vector: made[row] ?? new Float32Array() },
      }));
      await table.putShard(shard, rows);
    }
    process.stderr.write(`\r${Math.min(vectors, (shard + 1) * shardRows)} of ${vectors} vectors `);
    shard += 1;
    texts = [];
  };
  let taken = 0;
  for await (const each of textsForIndex()) {
    if (taken === vectors) break;
    taken += 1;
    texts.push(each);
    if (texts.length === shardRows) await flush();
  }
  if (texts.length > 0) await flush();
  process.stderr.write('\n');
  const count = await table.count();
  if (count !== vectors) throw new Error(`${count} vectors of ${vectors}: the corpora on this machine hold no more texts`);
}

async function measure(vectors: number, world: World): Promise<Figures> {
  const { store, embedders, folder, questions } = world;
  const { identity } = await embedders.get(spec);
  const name = { tenant, index: `bench-${vectors}`, version: 1 };
  const begun = performance.now();
  const table = await store.create(name, { embedder: identity.digest, dimensions: identity.dimensions });
  await fill(table, vectors, embedders);
  const filled = performance.now();
  const connection = await lanceDb().connect(addressOf({ kind: 'directory', path: folder }, name).uri, {});
  const unindexed = await connection.openTable('v1');
  // Exact: nothing is indexed yet, or the index is passed by.
  const exact: string[][] = [];
  for (const vector of questions) exact.push(await bare(unindexed, vector, null));
  const before = performance.now();
  await table.buildIndexes({ kind: 'ivfPq' });
  const indexed = performance.now();
  const tableVersion = await table.tableVersion();
  const reader = openIndexReader({
    find: () => Promise.resolve({ version: 1, digest: identity.digest, tableVersion, recipe: { embedder: { ...identity, spec } } }),
    store,
    embedders,
  });
  const lance = await connection.openTable('v1');
  const ask = async (vector: Float32Array, effort: (typeof efforts)[number]) => {
    const answer = await reader.query({
      tenant,
      index: name.index,
      vector: { values: vector, embedder: identity.digest },
      k,
      mode: 'vector',
      ...effort,
    });
    return answer.hits.map(({ chunkId }) => chunkId);
  };
  const { effort, recall } = await reach(questions, exact, ask);
  const times: { bare: number[]; reader: number[] } = { bare: [], reader: [] };
  // In turns, so that whatever else the machine does strikes both alike.
  for (let round = 0; round < rounds; round += 1) {
    for (const vector of questions) {
      times.bare.push(await timed(() => bare(lance, vector, effort)));
      times.reader.push(await timed(() => ask(vector, effort)));
    }
  }
  close(reader, connection, table);
  const told = (all: readonly number[]) => ({ p50: rounded(quantile(all, 0.5), 2), p95: rounded(quantile(all, 0.95), 2) });
  return {
    ...{ vectors, effort, recall, bare: told(times.bare), reader: told(times.reader) },
    fillSeconds: rounded((filled - begun) / 1000),
    indexSeconds: rounded((indexed - before) / 1000),
  };
}

async function reach(
  questions: readonly Float32Array[],
  exact: readonly (readonly string[])[],
  ask: (vector: Float32Array, effort: (typeof efforts)[number]) => Promise<readonly string[]>,
): Promise<{ readonly effort: (typeof efforts)[number]; readonly recall: number }> {
  let reached: { effort: (typeof efforts)[number]; recall: number } | null = null;
  for (const effort of efforts) {
    let found = 0;
    for (const [index, vector] of questions.entries()) {
      const right = new Set(exact[index]);
      found += (await ask(vector, effort)).filter((id) => right.has(id)).length;
    }
    reached = { effort, recall: rounded(found / (k * questions.length), 3) };
    if (reached.recall >= wantedRecall) break;
  }
  if (!reached) throw new Error('nothing was asked');
  return reached;
}

/** What somebody would write without a platform, with the same columns. */
async function bare(table: LanceTable, vector: Float32Array, effort: (typeof efforts)[number] | null): Promise<string[]> {
  const query = table.query().nearestTo(vector).distanceType('cosine');
  const tuned = effort === null ? query.bypassVectorIndex() : query.nprobes(effort.probes).refineFactor(effort.refine);
  const rows = await tuned.select(['chunk_id', 'document_id', 'text', '_distance']).limit(k).toArray();
  return rows.map(({ chunk_id: id }) => String(id));
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const begun = performance.now();
  await work();
  return performance.now() - begun;
}

function close(...all: readonly (Pick<IndexReader, 'close'> | Pick<ChunkTable, 'close'>)[]): void {
  for (const each of all) each.close();
}

async function questionsIn(embedders: Embedders): Promise<readonly Float32Array[]> {
  const rows = await withDuckDb(
    (sql) =>
      sql.rows<{ question: string }>(
        `SELECT question FROM ${quoteText(llmDataPath('wiki-questions.parquet'))} ORDER BY md5(id) LIMIT ${questionsAsked}`,
      ),
    { memoryBytes: 256 << 20, threads: 1 },
  );
  return (await embedders.get(spec)).embed(rows.map(({ question }) => question));
}

function line({ vectors, fillSeconds, indexSeconds, effort, recall, bare: alone, reader }: Figures): string {
  const cells = [
    vectors,
    fillSeconds,
    indexSeconds,
    `${effort.probes}/${effort.refine}`,
    recall,
    alone.p50,
    alone.p95,
    reader.p50,
    reader.p95,
  ];
  return [...cells, rounded(reader.p95 / alone.p95, 2)].map((cell) => String(cell).padStart(12)).join('');
}

async function main(): Promise<void> {
  const option = (name: string) => (process.argv.includes(name) ? process.argv[process.argv.indexOf(name) + 1] : undefined);
  const most = Number(option('--to') ?? 100_000);
  const kept = option('--folder');
  const folder = kept ?? mkdtempSync(join(tmpdir(), 'perennial-bench-'));
  mkdirSync(folder, { recursive: true });
  const embedders = openEmbedders();
  const store = openChunkStore({ kind: 'directory', path: folder });
  try {
    const questions = await questionsIn(embedders);
    const measured: Figures[] = [];
    for (const vectors of [10_000, 100_000, 1_000_000].filter((each) => each <= most))
      measured.push(await measure(vectors, { store, embedders, folder, questions }));
    const heads = [
      'vectors',
      'fill s',
      'index s',
      'probes/ref',
      'recall@10',
      'bare p50',
      'bare p95',
      'reader p50',
      'reader p95',
      'p95 ratio',
    ];
    process.stdout.write(
      `IVF_PQ on disk, 256 dimensions (wordllama), ${questions.length} questions in ${rounds} rounds, ms a question without its embedding; load of the machine ${(loadavg()[0] ?? 0).toFixed(1)}\n` +
        `${heads.map((head) => head.padStart(12)).join('')}\n${measured.map(line).join('\n')}\n${JSON.stringify({ index: measured })}\n`,
    );
  } finally {
    store.close();
    await embedders.close();
    if (kept === undefined) rmSync(folder, { recursive: true, force: true });
  }
}

main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
  process.exitCode = 1;
});
