import type { Digest } from '../../domain/artifact';
import { failure } from '../../domain/failure';
import { sameSpace, type EmbedderIdentity } from '../../domain/index/embedder';
import { fuse } from '../../domain/index/fusion';
import type { IndexRecipe } from '../../domain/index/version';
import type { Tenant } from '../../domain/ids';
import type { ChunkStore } from './chunk-store';
import type { ChunkHit, ChunkTable } from './chunk-table';
import type { Embedders } from './embedders/open-embedder';

export type SearchMode = 'vector' | 'text' | 'hybrid';

export interface IndexQuery {
  readonly tenant: Tenant;
  readonly index: string;
  /** A number, or an alias; the champion when not given. */
  readonly version?: number | 'champion' | 'previous';
  readonly text?: string;
  /** Made by the caller; `embedder` says by whom. */
  readonly vector?: { readonly values: Float32Array; readonly embedder: Digest };
  readonly k: number;
  readonly mode: SearchMode;
  readonly probes?: number;
  readonly refine?: number;
}

export interface IndexHit extends ChunkHit {
  /** By which ranking it was found. */
  readonly foundBy: readonly ('vector' | 'text')[];
}

export interface IndexAnswer {
  readonly index: string;
  readonly version: number;
  /** State of the version's table that answered: it moves with every change of documents. */
  readonly tableVersion: number;
  readonly embedder: EmbedderIdentity;
  readonly hits: readonly IndexHit[];
  readonly milliseconds: { readonly embed: number; readonly search: number };
}

/** What the registry says of a version that can be asked. */
export interface ServedIndexVersion {
  readonly version: number;
  /** Null when nothing is in its table yet. */
  readonly tableVersion: number | null;
  readonly recipe: Pick<IndexRecipe, 'embedder'>;
}

/** Puts hits into another order, or leaves some out: a cross-encoder for one. */
export type Reranker = (question: string, hits: readonly IndexHit[]) => Promise<readonly IndexHit[]>;

export interface IndexReader {
  /**
   * Which version answers is looked up for each question, so that a moved alias is obeyed by the next one. NotFound for an index that answers nothing
   * yet; IndexMismatch when vector, embedder and table are not all of one vector space.
   */
  query(query: IndexQuery): Promise<IndexAnswer>;
  close(): void;
}

export interface IndexReaderDeps {
  readonly find: (asked: Pick<IndexQuery, 'tenant' | 'index' | 'version'>) => Promise<ServedIndexVersion | null>;
  readonly store: ChunkStore;
  readonly embedders: Embedders;
  readonly rerank?: Reranker;
}

interface Asked {
  readonly version: number;
  readonly tableVersion: number;
}

/** Tables that are kept open, each with its caches. */
const openTables = 16;
/** What each ranking brings to fusion and reranking: beyond it a chunk has nothing to win. */
const depth = (k: number) => Math.max(50, 4 * k);

export function openIndexReader({ find, store, embedders, rerank }: IndexReaderDeps): IndexReader {
  const tables = new Map<string, Promise<ChunkTable>>();

  function tableOf({ tenant, index }: IndexQuery, { version, tableVersion }: Asked): Promise<ChunkTable> {
    const key = `${tenant}/${index}@${version}/${tableVersion}`;
    const known = tables.get(key);
    if (known) return known;
    const opened = store.open({ tenant, index, version }, tableVersion);
    tables.set(key, opened);
    opened.catch(() => tables.delete(key));
    for (const [oldest, table] of tables) {
      if (tables.size <= openTables) break;
      tables.delete(oldest);
      void table.then((each) => each.close()).catch(() => undefined);
    }
    return opened;
  }

  return {
    async query(query) {
      check(query);
      const served = await find(query);
      if (served?.tableVersion == null) throw failure('NotFound', notThere(query), { next: `perennial index show ${query.index}` });
      const { version, tableVersion } = served;
      const { embedder } = served.recipe;
      const table = await tableOf(query, { version, tableVersion });
      if (table.space.embedder !== embedder.digest)
        throw failure('IndexMismatch', `the table of ${query.index}@${version} was filled by another embedder than ${embedder.name}`);
      const before = performance.now();
      const vector = query.mode === 'text' ? null : await vectorOf(query, served, embedders);
      const embedded = performance.now();
      const hits = await search(table, query, vector);
      const ranked = rerank && query.text !== undefined ? await rerank(query.text, hits) : hits;
      const { name, digest, dimensions } = embedder;
      return {
        index: query.index,
        version,
        tableVersion,
        embedder: { name, digest, dimensions },
        hits: ranked.slice(0, query.k),
        milliseconds: { embed: embedded - before, search: performance.now() - embedded },
      };
    },
    close() {
      for (const table of tables.values()) void table.then((each) => each.close()).catch(() => undefined);
      tables.clear();
    },
  };
}

function check({ text, vector, k, mode }: IndexQuery): void {
  if (!Number.isInteger(k) || k < 1 || k > 1000) throw failure('InvalidInput', `k is a whole number from 1 to 1000, not ${k}`);
  if ((text === undefined || text.trim() === '') && (mode !== 'vector' || vector === undefined))
    throw failure('InvalidInput', mode === 'vector' ? 'a question needs a text or a vector' : `a question by ${mode} needs a text`);
}

function notThere({ index, version = 'champion' }: IndexQuery): string {
  return typeof version === 'number' ? `there is no ${index}@${version} that can be asked` : `${index} has no ${version} to ask`;
}

async function vectorOf(
  query: IndexQuery,
  { version, recipe: { embedder } }: ServedIndexVersion,
  embedders: Embedders,
): Promise<Float32Array> {
  const { vector, index } = query;
  if (vector) {
    if (vector.embedder === embedder.digest) return vector.values;
    throw failure(
      'IndexMismatch',
      `the vector is of embedder ${vector.embedder}; ${index}@${version} was made by ${embedder.name} (${embedder.digest})`,
      {
        next: 'send the text, or a vector of the embedder that the index names',
      },
    );
  }
  const opened = await embedders.get(embedder.spec);
  if (!sameSpace(opened.identity, embedder))
    throw failure(
      'IndexMismatch',
      `${index}@${version} was made by another ${embedder.name} than the one here (${opened.identity.digest})`,
      {
        next: `build ${index} again: its embedder changed`,
      },
    );
  const [values = new Float32Array()] = await opened.embed([query.text ?? '']);
  return values;
}

async function search(table: ChunkTable, query: IndexQuery, vector: Float32Array | null): Promise<readonly IndexHit[]> {
  const { k, mode, text = '', probes, refine } = query;
  const options = { ...(probes === undefined ? {} : { probes }), ...(refine === undefined ? {} : { refine }) };
  if (mode === 'vector' && vector) return (await table.nearest({ vector, k, ...options })).map((hit) => ({ ...hit, foundBy: ['vector'] }));
  if (mode === 'text' || !vector) return (await table.matching(text, k)).map((hit) => ({ ...hit, foundBy: ['text'] }));
  const [byVector, byText] = await Promise.all([table.nearest({ vector, k: depth(k), ...options }), table.matching(text, depth(k))]);
  const hits = new Map([...byText, ...byVector].map((hit) => [hit.chunkId, hit]));
  const ids = (ranking: readonly ChunkHit[]) => ranking.map(({ chunkId: id }) => ({ id }));
  const [inVector, inText] = [new Set(byVector.map(({ chunkId }) => chunkId)), new Set(byText.map(({ chunkId }) => chunkId))];
  return fuse([ids(byVector), ids(byText)]).flatMap(({ id, score }) => {
    const hit = hits.get(id);
    if (!hit) return [];
    const foundBy = [...(inVector.has(id) ? (['vector'] as const) : []), ...(inText.has(id) ? (['text'] as const) : [])];
    return [{ ...hit, score, foundBy }];
  });
}
