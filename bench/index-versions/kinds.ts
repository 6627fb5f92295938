/**
 * Questions to one index of real texts with each kind of vector index, on the platform's own S3 and
 * on disk, by the code path of gateways (data/index/query-index.ts): flat, hnsw, ivfPq, and `none`,
 * which scans the table. `--sizes 2000,25000 --embedders minilm,wordllama --on s3,disk --kinds
 * none,flat,hnsw,ivfPq --questions 60 --folder DIR` (texts and vectors are kept there).
 */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { openArtifactStore } from '../../data/artifact/store';
import { sha256 } from '../../data/digest';
import { openChunkStore, type ChunkStore, type TableName } from '../../data/index/chunk-store';
import { lanceDb } from '../../data/index/lancedb';
import { buildAddress, type IndexLocation } from '../../data/index/location';
import { openIndexReader, type IndexReader } from '../../data/index/query-index';
import { defaultTenant as tenant } from '../../domain/ids';
import { vectorKinds, type VectorKind } from '../../domain/index/vector-index';
import { openDeathWatch } from '../../infra/death-watch';
import { setUpLanceDb } from '../../workers/language/lance-settings';
import { openEmbeddedS3 } from '../embedded-world';
import { median, quantile, rounded } from '../figures';
import { corpusTexts, openCorpus } from './corpus';
import type { IndexText } from './texts';
import {
  embeddedCorpus,
  measureRecall,
  vectorAt,
  type EmbeddedCorpus,
  type EmbedderKind,
} from './vectors';

const k = 10;
const shardRows = 5000;
/** Stores that are opened for one question each, to measure a gateway's first question. */
const firsts = 3;

type Kind = VectorKind | 'none';

interface IndexKindTimes {
  readonly p50: number;
  readonly p95: number;
  /** Processor time of all threads of this process, which other load does not change. */
  readonly cpu: number;
}

interface IndexKindFigures {
  readonly embedder: EmbedderKind;
  readonly on: IndexLocation['kind'];
  readonly pieces: number;
  readonly kind: Kind;
  /** Time to build all indexes, including those of words and ids. */
  readonly buildSeconds: number;
  readonly firstMs: number;
  readonly vector: IndexKindTimes;
  readonly hybrid: IndexKindTimes;
  readonly recall5: number;
  readonly recall10: number;
}

async function measure(
  corpus: EmbeddedCorpus,
  location: IndexLocation,
  pieces: number,
  kind: Kind,
): Promise<IndexKindFigures> {
  const name = { tenant, index: `${corpus.spec.kind}-${pieces}-${kind}`.toLowerCase(), version: 1 };
  const store = openChunkStore(location);
  const { tableVersion, buildSeconds } = await build(store, location, name, corpus, {
    pieces,
    kind,
  });
  store.close();
  const first: number[] = [];
  for (let round = 0; round < firsts; round += 1) {
    const opened = openReader(location, corpus, tableVersion);
    first.push((await opened.ask(name.index, round, 'vector')).ms);
    opened.close();
  }
  const reader = openReader(location, corpus, tableVersion);
  const found: (readonly string[])[] = [];
  const vector = await measureTimes(corpus, async (question) => {
    const { ms, ids } = await reader.ask(name.index, question, 'vector');
    found.push(ids);
    return ms;
  });
  const hybrid = await measureTimes(
    corpus,
    async (question) => (await reader.ask(name.index, question, 'hybrid')).ms,
  );
  reader.close();
  const recall = measureRecall(corpus, {
    pieces,
    max: k,
    found: found.slice(-corpus.questions.length),
  });
  return {
    embedder: corpus.spec.kind,
    on: location.kind,
    pieces,
    kind,
    buildSeconds: rounded(buildSeconds),
    firstMs: rounded(median(first)),
    vector,
    hybrid,
    recall5: recall(5),
    recall10: recall(10),
  };
}

async function build(
  store: ChunkStore,
  location: IndexLocation,
  name: TableName,
  corpus: EmbeddedCorpus,
  { pieces, kind }: { readonly pieces: number; readonly kind: Kind },
) {
  const { digest, dimensions } = corpus.embedder.identity;
  const table = await store.create(name, { embedder: digest, dimensions });
  for (let from = 0, shard = 0; from < pieces; from += shardRows, shard += 1) {
    const texts = corpus.texts.slice(from, Math.min(pieces, from + shardRows));
    const rows = texts.map(({ id, text }, row) => ({
      chunkId: `${id}#0`,
      documentId: id,
      digest: sha256(text),
      shard,
      ordinal: 0,
      start: 0,
      end: text.length,
      title: null,
      heading: null,
      source: null,
      text,
      vector: vectorAt(corpus, from + row),
    }));
    await table.putShard(shard, rows);
  }
  const begun = performance.now();
  await table.buildIndexes(kind === 'none' ? 'flat' : kind);
  const buildSeconds = (performance.now() - begun) / 1000;
  if (kind === 'none') await withoutVectorIndex(location, name);
  const built = await store.open(name);
  const tableVersion = await built.tableVersion();
  for (const each of [table, built]) each.close();
  return { tableVersion, buildSeconds };
}

async function withoutVectorIndex(location: IndexLocation, name: TableName): Promise<void> {
  const { uri, storageOptions } = buildAddress(location, name);
  const connection = await lanceDb().connect(uri, { storageOptions });
  const table = await connection.openTable('v1');
  await table.dropIndex('vector_idx');
  table.close();
  connection.close();
}

/** As in a gateway, but without the registry. */
function openReader(
  location: IndexLocation,
  { embedder, embedders, spec, questions }: EmbeddedCorpus,
  tableVersion: number,
) {
  const store = openChunkStore(location);
  const recipe = { embedder: { ...embedder.identity, spec } };
  const reader: IndexReader = openIndexReader({
    find: () =>
      Promise.resolve({ version: 1, digest: embedder.identity.digest, tableVersion, recipe }),
    store,
    embedders,
  });
  return {
    async ask(index: string, question: number, mode: 'vector' | 'hybrid') {
      const { text, vector } = questions[question] ?? { text: '', vector: new Float32Array() };
      const begun = performance.now();
      const { hits } = await reader.query({
        tenant,
        index,
        text,
        k,
        mode,
        vector: { values: vector, embedder: embedder.identity.digest },
      });
      return { ms: performance.now() - begun, ids: hits.map(({ chunkId }) => chunkId) };
    },
    close() {
      reader.close();
      store.close();
    },
  };
}

/** The first round fills caches and is not counted. */
async function measureTimes(
  { questions }: EmbeddedCorpus,
  ask: (question: number) => Promise<number>,
): Promise<IndexKindTimes> {
  for (const question of [...questions.keys()].slice(0, 10)) await ask(question);
  const before = process.cpuUsage();
  const ms: number[] = [];
  for (const question of questions.keys()) ms.push(await ask(question));
  const { user, system } = process.cpuUsage(before);
  return {
    p50: rounded(quantile(ms, 0.5)),
    p95: rounded(quantile(ms, 0.95)),
    cpu: rounded((user + system) / 1000 / questions.length),
  };
}

const heads = [
  'embedder',
  'on',
  'pieces',
  'kind',
  'build s',
  'first ms',
  'p50',
  'p95',
  'cpu',
  'hybrid p50',
  'p95',
  'cpu',
  'recall@5',
  '@10',
];

function line({
  embedder,
  on,
  pieces,
  kind,
  buildSeconds,
  firstMs,
  vector,
  hybrid,
  recall5,
  recall10,
}: IndexKindFigures): string {
  const times = [vector, hybrid].flatMap(({ p50, p95, cpu }) => [p50, p95, cpu]);
  return [embedder, on, pieces, kind, buildSeconds, firstMs, ...times, recall5, recall10]
    .map((cell) => String(cell).padStart(11))
    .join('');
}

async function main(): Promise<void> {
  setUpLanceDb();
  const option = (name: string, otherwise: string) =>
    process.argv.includes(name) ? (process.argv[process.argv.indexOf(name) + 1] ?? '') : otherwise;
  const sizes = option('--sizes', '2000,5000,10000,25000').split(',').map(Number);
  const scratch = mkdtempSync(join(tmpdir(), 'perennial-bench-'));
  const folder = option('--folder', scratch);
  const closers: (() => Promise<void>)[] = [];
  try {
    mkdirSync(folder, { recursive: true });
    const most = Math.max(...sizes);
    await openCorpus(folder, most);
    const texts: IndexText[] = [];
    for await (const each of corpusTexts(folder)) if (texts.length < most) texts.push(each);
    const watch = openDeathWatch();
    closers.push(() => watch.close());
    const s3 = await openEmbeddedS3(scratch, watch, closers);
    const bucket = openArtifactStore({ ...s3, leases: null });
    await bucket.ensureBucket();
    bucket.close();
    const places: Record<string, IndexLocation> = {
      s3: { kind: 's3', s3 },
      disk: { kind: 'directory', path: join(scratch, 'disk') },
    };
    process.stdout.write(`${heads.map((head) => head.padStart(11)).join('')}\n`);
    const figures: IndexKindFigures[] = [];
    for (const kind of option('--embedders', 'minilm').split(',') as EmbedderKind[]) {
      const corpus = await embeddedCorpus(folder, kind, texts, Number(option('--questions', '60')));
      closers.push(() => corpus.embedders.close());
      for (const place of option('--on', 's3,disk').split(',')) {
        const location = places[place];
        if (!location) throw new Error(`--on ${place}: s3 or disk`);
        for (const pieces of sizes) {
          for (const each of option('--kinds', ['none', ...vectorKinds].join()).split(
            ',',
          ) as Kind[]) {
            const measured = await measure(corpus, location, pieces, each);
            figures.push(measured);
            process.stdout.write(`${line(measured)}\n`);
          }
        }
      }
    }
    process.stdout.write(
      `load of the machine at the end ${(loadavg()[0] ?? 0).toFixed(1)}\n${JSON.stringify({ 'index-kinds': figures })}\n`,
    );
  } finally {
    for (const close of closers.toReversed()) await close();
    rmSync(scratch, { recursive: true, force: true });
  }
}

main().catch((error: unknown) => {
  process.stderr.write(
    `${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`,
  );
  process.exitCode = 1;
});
