/**
 * Measures questions to an index of growing size, over HTTP through a gateway, and compares them
 * with plain LanceDB in the same process at equal recall. `--to 1000000` sets the largest size;
 * `--folder DIR` continues an earlier run.
 */
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { openChunkStore, type ChunkStore } from '../../data/index/chunk-store';
import { openEmbedders } from '../../data/index/embedders/open-embedder';
import type { Embedder } from '../../data/index/embedders/embedder';
import { lanceDb, type LanceTable } from '../../data/index/lancedb';
import { buildAddress } from '../../data/index/location';
import { llmDataPath } from '../../data/language/runtime-module';
import { quoteText, withDuckDb } from '../../data/sql/platform-sql';
import { openDeathWatch } from '../../infra/death-watch';
import { defaultTenant as tenant } from '../../domain/ids';
import type { EmbedderSpec } from '../../domain/index/embedder';
import { setUpLanceDb } from '../../workers/language/lance-settings';
import { openEmbeddedWorld } from '../embedded-world';
import { quantile, rounded } from '../figures';
import { openCorpus } from './corpus';
import { openIndexGateway, type IndexGateway } from './gateway';
import { indexedTable, type TableTimes } from './tables';

const spec: EmbedderSpec = { kind: 'wordllama' };
const k = 10;
const wantedRecall = 0.95;
const questionsAsked = 200;
const rounds = 5;
/** Increasing work per question, until the recall is reached. */
const efforts = [
  { probes: 10, refine: 5 },
  { probes: 20, refine: 10 },
  { probes: 20, refine: 20 },
  { probes: 40, refine: 20 },
  { probes: 40, refine: 40 },
  { probes: 80, refine: 40 },
  { probes: 160, refine: 80 },
] as const;
type Effort = (typeof efforts)[number];

interface IndexTimes {
  readonly p50: number;
  readonly p95: number;
}

interface IndexFigures extends TableTimes {
  readonly vectors: number;
  readonly effort: Effort;
  readonly recall: number;
  readonly bare: IndexTimes;
  readonly gateway: IndexTimes;
  readonly ratio: number;
}

interface IndexBenchWorld {
  readonly store: ChunkStore;
  readonly embedder: Embedder;
  readonly folder: string;
  readonly gateway: IndexGateway;
  readonly questions: readonly Float32Array[];
}

async function measure(vectors: number, world: IndexBenchWorld): Promise<IndexFigures> {
  const { store, embedder, folder, questions, gateway } = world;
  const name = { tenant, index: `bench-${vectors}`, version: 1 };
  const { table, times } = await indexedTable({ store, embedder, folder }, name, vectors);
  const tableVersion = await table.tableVersion();
  table.close();
  await gateway.serve(name.index, {
    tableVersion,
    chunks: vectors,
    embedder: { ...embedder.identity, spec },
  });
  const connection = await lanceDb().connect(
    buildAddress({ kind: 'directory', path: folder }, name).uri,
    {},
  );
  const lance = await connection.openTable('v1');
  const exact = await exactIn(join(folder, `exact-${vectors}.json`), lance, questions);
  const { effort, recall } = await reach(questions, exact, (vector, with_) =>
    bare(lance, vector, with_),
  );
  const ask = (vector: Float32Array) =>
    gateway.ask(name.index, {
      vector: [...vector],
      embedder: embedder.identity.digest,
      k,
      ...effort,
    });
  const milliseconds: { bare: number[]; gateway: number[] } = { bare: [], gateway: [] };
  let found = 0;
  // In turns, so that other load affects both equally. The first round fills caches and is not
  // counted.
  for (let round = 0; round <= rounds; round += 1) {
    for (const [index, vector] of questions.entries()) {
      const alone = await timed(() => bare(lance, vector, effort));
      const served = await timed(() => ask(vector));
      if (round === 0) continue;
      milliseconds.bare.push(alone.ms);
      milliseconds.gateway.push(served.ms);
      found += served.value.filter((id) => exact[index]?.includes(id)).length;
    }
  }
  lance.close();
  connection.close();
  const reached = rounded(found / (k * questions.length * rounds), 3);
  if (Math.abs(reached - recall) > 0.005)
    throw new Error(`recall differs: gateway ${reached}, LanceDB alone ${recall}`);
  const [alone, served] = [summarizeTimes(milliseconds.bare), summarizeTimes(milliseconds.gateway)];
  return {
    vectors,
    ...times,
    effort,
    recall,
    bare: alone,
    gateway: served,
    ratio: rounded(served.p95 / alone.p95, 2),
  };
}

/**
 * Compares every vector, which takes minutes for a million, so the result is kept beside the table.
 */
async function exactIn(
  file: string,
  table: LanceTable,
  questions: readonly Float32Array[],
): Promise<readonly (readonly string[])[]> {
  if (existsSync(file)) return JSON.parse(readFileSync(file, 'utf8')) as string[][];
  const exact: string[][] = [];
  for (const vector of questions) exact.push(await bare(table, vector, null));
  writeFileSync(file, JSON.stringify(exact));
  return exact;
}

async function reach(
  questions: readonly Float32Array[],
  exact: readonly (readonly string[])[],
  ask: (vector: Float32Array, effort: Effort) => Promise<readonly string[]>,
): Promise<{ readonly effort: Effort; readonly recall: number }> {
  let reached: { effort: Effort; recall: number } | null = null;
  for (const effort of efforts) {
    let found = 0;
    for (const [index, vector] of questions.entries()) {
      const right = new Set(exact[index]);
      found += (await ask(vector, effort)).filter((id) => right.has(id)).length;
    }
    reached = { effort, recall: rounded(found / (k * questions.length), 3) };
    if (reached.recall >= wantedRecall) break;
  }
  if (!reached) throw new Error('no effort was measured');
  return reached;
}

/** A minimal implementation without a platform, with the columns of an answer. */
async function bare(
  table: LanceTable,
  vector: Float32Array,
  effort: Effort | null,
): Promise<string[]> {
  const query = table.query().nearestTo(vector).distanceType('cosine');
  const tuned =
    effort === null
      ? query.bypassVectorIndex()
      : query.nprobes(effort.probes).refineFactor(effort.refine);
  const columns = [
    'chunk_id',
    'document_id',
    'ordinal',
    'start',
    'end',
    'title',
    'heading',
    'source',
    'text',
    '_distance',
  ];
  const rows = await tuned.select(columns).limit(k).toArray();
  return rows.map(({ chunk_id: id }) => String(id));
}

async function timed<T>(
  work: () => Promise<T>,
): Promise<{ readonly ms: number; readonly value: T }> {
  const begun = performance.now();
  const value = await work();
  return { ms: performance.now() - begun, value };
}

function summarizeTimes(all: readonly number[]): IndexTimes {
  return { p50: rounded(quantile(all, 0.5), 2), p95: rounded(quantile(all, 0.95), 2) };
}

async function questionsIn(embedder: Embedder): Promise<readonly Float32Array[]> {
  const rows = await withDuckDb(
    (sql) =>
      sql.rows<{ question: string }>(
        `SELECT question FROM ${quoteText(llmDataPath('wiki-questions.parquet'))} ORDER BY md5(id) LIMIT ${questionsAsked}`,
      ),
    { memoryBytes: 256 << 20, threads: 1 },
  );
  return embedder.embed(rows.map(({ question }) => question));
}

function line(figures: IndexFigures): string {
  const {
    vectors,
    fillSeconds,
    indexSeconds,
    effort,
    recall,
    bare: alone,
    gateway,
    ratio,
  } = figures;
  const { probes, refine } = effort;
  const [filled, indexed] = [rounded(fillSeconds), rounded(indexSeconds)];
  const cells = [
    vectors,
    filled,
    indexed,
    `${probes}/${refine}`,
    recall,
    alone.p50,
    alone.p95,
    gateway.p50,
    gateway.p95,
    ratio,
  ];
  return cells.map((cell) => String(cell).padStart(13)).join('');
}

async function main(): Promise<void> {
  setUpLanceDb();
  const option = (name: string) =>
    process.argv.includes(name) ? process.argv[process.argv.indexOf(name) + 1] : undefined;
  const most = Number(option('--to') ?? 100_000);
  const kept = option('--folder');
  const folder = kept ?? mkdtempSync(join(tmpdir(), 'perennial-bench-'));
  mkdirSync(folder, { recursive: true });
  const scratch = mkdtempSync(join(tmpdir(), 'perennial-bench-'));
  const closers: (() => Promise<void>)[] = [];
  try {
    const corpus = await openCorpus(folder, most);
    const embedders = openEmbedders();
    const store = openChunkStore({ kind: 'directory', path: folder });
    const watch = openDeathWatch();
    closers.push(
      () => watch.close(),
      () => embedders.close(),
      () => {
        store.close();
        return Promise.resolve();
      },
    );
    const world = await openEmbeddedWorld(scratch, watch, closers);
    const gateway = await openIndexGateway({ world, store, embedders, folder: scratch });
    closers.push(() => gateway.close());
    const embedder = await embedders.get(spec);
    const questions = await questionsIn(embedder);
    const measured: IndexFigures[] = [];
    for (const vectors of [10_000, 100_000, 1_000_000].filter((each) => each <= most))
      measured.push(await measure(vectors, { store, embedder, folder, gateway, questions }));
    const heads = [
      'vectors',
      'fill s',
      'index s',
      'probes/refine',
      'recall@10',
      'LanceDB p50',
      'LanceDB p95',
      'HTTP p50',
      'HTTP p95',
      'p95 ratio',
    ];
    process.stdout.write(
      `IVF_PQ on disk, 256 dimensions (wordllama), ${questions.length} questions in ${rounds} rounds, ms per question without its embedding; load of the machine ${(loadavg()[0] ?? 0).toFixed(1)}\n` +
        `texts: ${JSON.stringify(corpus.sources)}, ${Math.round(corpus.letters / corpus.texts)} letters each\n` +
        `${heads.map((head) => head.padStart(13)).join('')}\n${measured.map(line).join('\n')}\n${JSON.stringify({ index: measured })}\n`,
    );
  } finally {
    for (const close of closers.toReversed()) await close();
    rmSync(scratch, { recursive: true, force: true });
    if (kept === undefined) rmSync(folder, { recursive: true, force: true });
  }
}

main().catch((error: unknown) => {
  process.stderr.write(
    `${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`,
  );
  process.exitCode = 1;
});
