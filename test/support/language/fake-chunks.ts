import type { ChunkRow } from '../../../data/index/chunk-rows';
import { checkVector } from '../../../data/index/chunk-rows';
import type { ChunkStore, TableName } from '../../../data/index/chunk-store';
import type { ChunkHit, ChunkTable } from '../../../data/index/chunk-table';
import type { Embedder } from '../../../data/index/embedders/embedder';
import { normalize } from '../../../data/index/embedders/embedder';
import type { Embedders } from '../../../data/index/embedders/open-embedder';
import type { ServedIndexVersion } from '../../../data/index/served-lookup';
import { sha256 } from '../../../data/digest';
import type { Digest } from '../../../domain/artifact';
import { failure } from '../../../domain/failure';

/**
 * Chunks in memory with the interface of LanceDB. Tests can see what exists, and what was opened
 * and closed.
 */
export interface FakeChunks extends Pick<ChunkStore, 'open'> {
  put(
    name: TableName,
    texts: Readonly<Record<string, string>>,
    sources?: Readonly<Record<string, string>>,
  ): ServedIndexVersion;
  drop(name: TableName): void;
  readonly opened: string[];
  readonly closed: string[];
}

const dimensions = 26;

/** The frequency of each letter in a text, which is close enough to meaning for a test. */
export const letters: Embedder = {
  identity: { name: 'letters', digest: sha256('letters'), dimensions },
  maxTokens: 256,
  measureTokens: () => 1,
  embed: (texts) => Promise.resolve(texts.map(countLetters)),
  close: () => Promise.resolve(),
};

export const lettersOnly: Embedders = {
  get: () => Promise.resolve(letters),
  close: () => Promise.resolve(),
};

export function countLetters(text: string): Float32Array {
  const vector = new Float32Array(dimensions);
  for (const letter of text.toLowerCase()) {
    const place = letter.charCodeAt(0) - 97;
    if (place >= 0 && place < dimensions) vector[place] = (vector[place] ?? 0) + 1;
  }
  return normalize(vector);
}

/** Embedded by letters, or labelled as by another embedder; then nearness is random. */
export function fakeChunks(space = { digest: letters.identity.digest, dimensions }): FakeChunks {
  const tables = new Map<string, readonly ChunkRow[]>();
  const [opened, closed]: [string[], string[]] = [[], []];
  return {
    opened,
    closed,
    put(name, texts, sources = {}) {
      tables.set(
        formatKey(name),
        Object.entries(texts).map(([documentId, text]) => ({
          ...buildRow(documentId, text),
          ...(documentId in sources && { source: sources[documentId] ?? null }),
        })),
      );
      return {
        version: name.version,
        digest: sha256(formatKey(name)),
        tableVersion: 1,
        recipe: { embedder: { ...letters.identity, spec: { kind: 'minilm' } } },
      };
    },
    drop: (name) => void tables.delete(formatKey(name)),
    open(name) {
      const key = formatKey(name);
      if (!tables.has(key)) return Promise.reject(failure('NotFound', `${key} is not there`));
      opened.push(key);
      return Promise.resolve(
        createTable(
          key,
          () => tables.get(key),
          () => closed.push(key),
          space,
        ),
      );
    },
  };
}

function createTable(
  key: string,
  rows: () => readonly ChunkRow[] | undefined,
  onClose: () => void,
  space: { readonly digest: Digest; readonly dimensions: number },
): ChunkTable {
  let open = true;
  const there = (): readonly ChunkRow[] => {
    const found = open ? rows() : undefined;
    if (found) return found;
    throw failure('StorageUnavailable', `${key} is closed or gone`);
  };
  const best = (k: number, scoreOf: (row: ChunkRow) => number): readonly ChunkHit[] =>
    there()
      .map(({ digest: _digest, shard: _shard, vector, ...row }) => ({
        ...row,
        score: scoreOf({ ...row, digest: _digest, shard: _shard, vector }),
      }))
      .filter(({ score }) => score > 0)
      .sort((a, b) => b.score - a.score)
      .slice(0, k);
  const asked: Pick<ChunkTable, 'nearest' | 'matching'> = {
    nearest: async ({ vector, k }) => {
      checkVector(vector, space.dimensions, 'the question');
      await new Promise(setImmediate);
      return best(k, (row) =>
        row.vector.reduce((sum, value, place) => sum + value * (vector[place] ?? 0), 0),
      );
    },
    matching: async (text, k) => {
      await new Promise(setImmediate);
      const words = text.toLowerCase().split(/\W+/);
      return best(
        k,
        (row) => words.filter((word) => row.text.toLowerCase().split(/\W+/).includes(word)).length,
      );
    },
  };
  const numbered = (hits: readonly ChunkHit[]) =>
    hits.map(({ chunkId: id, score }) => ({ id, score }));
  return {
    ...unused,
    ...asked,
    rankNearest: async (search) => numbered(await asked.nearest(search)),
    rankMatching: async (text, k) => numbered(await asked.matching(text, k)),
    chunksAt: async (ids) => {
      await new Promise(setImmediate);
      return new Map(
        there().flatMap((row) => (ids.includes(row.chunkId) ? [[row.chunkId, row]] : [])),
      );
    },
    space: { embedder: space.digest, dimensions: space.dimensions },
    close() {
      open = false;
      onClose();
    },
  };
}

const notCalled = (): never => {
  throw new Error('a question does not call this');
};
const unused = {
  tableVersion: notCalled,
  count: notCalled,
  putShard: notCalled,
  countShard: notCalled,
  replaceDocuments: notCalled,
  restoreTo: notCalled,
  readVectors: notCalled,
  audit: notCalled,
  buildIndexes: notCalled,
  unindexedRows: notCalled,
  compact: notCalled,
};

function buildRow(documentId: string, text: string): ChunkRow {
  return {
    chunkId: `${documentId}#0`,
    documentId,
    digest: sha256(text),
    shard: 0,
    ordinal: 0,
    start: 0,
    end: text.length,
    title: documentId,
    heading: null,
    source: `https://example.org/${documentId}`,
    text,
    vector: countLetters(text),
  };
}

function formatKey({ tenant, index, version }: TableName): string {
  return `${tenant}/${index}@${version}`;
}
