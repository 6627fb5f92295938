import type { Digest } from '../../domain/artifact';
import { failure, isPerennialError } from '../../domain/failure';
import { sameSpace, type EmbedderIdentity } from '../../domain/index/embedder';
import type { SearchMode } from '../../domain/index/version';
import type { ChunkStore } from './chunk-store';
import type { ChunkTable } from './chunk-table';
import { type IndexHit, searchBoth } from './hybrid-search';
import type { Embedder, LedgeredPayer } from './embedders/embedder';
import type { Embedders } from './embedders/open-embedder';
import { createOpenTables } from './open-tables';
import {
  createServedLookup,
  type IndexSelector,
  type FindServed,
  type KnownVersion,
  type LookupMemory,
  type ServedIndexVersion,
} from './served-lookup';

export interface IndexQuery extends IndexSelector {
  readonly text?: string;
  /** A vector from the caller, and the embedder that made it. */
  readonly vector?: { readonly values: Float32Array; readonly embedder: Digest };
  readonly k: number;
  readonly mode: SearchMode;
  readonly probes?: number;
  readonly refine?: number;
  /** Use the call ledger for an embedder at an endpoint, so that each text is embedded once. */
  readonly payer?: LedgeredPayer | undefined;
}

export interface IndexAnswer {
  readonly index: string;
  readonly version: number;
  /** The digest of recipe and dataset version. */
  readonly digest: Digest;
  /** The state of the table that answered; every change of documents makes a new one. */
  readonly tableVersion: number;
  /** Whether the registry was not available, so that the version may be outdated. */
  readonly stale: boolean;
  readonly embedder: EmbedderIdentity;
  readonly hits: readonly IndexHit[];
  readonly milliseconds: { readonly embed: number; readonly search: number };
}

export interface IndexReader {
  /**
   * Answer a question from one state of one version, even if the alias moves meanwhile. Throws
   * NotFound for an index without a queryable version, and IndexMismatch when vector, embedder and
   * table have different vector spaces.
   */
  query(query: IndexQuery): Promise<IndexAnswer>;
  /** Check that the version can be queried and that its embedder matches. Throws as `query`. */
  check(
    asked: IndexSelector & Pick<IndexQuery, 'mode'>,
  ): Promise<Pick<ServedIndexVersion, 'version' | 'digest'>>;
  /** The embedder of the version's vector space. Throws as `query`. */
  embedder(asked: IndexSelector): Promise<IndexEmbedder>;
  close(): void;
}

export interface IndexEmbedder extends Pick<IndexAnswer, 'version' | 'stale'> {
  readonly embedder: Embedder;
}

export interface IndexReaderDeps {
  readonly find: FindServed;
  readonly store: Pick<ChunkStore, 'open'>;
  readonly embedders: Embedders;
  /** Cache of registry lookups; without it, each question queries the registry. */
  readonly memory?: LookupMemory;
}

const openTables = 16;

export function openIndexReader({
  find,
  store,
  embedders,
  memory = { freshMs: 0, graceMs: 0 },
}: IndexReaderDeps): IndexReader {
  const tables = createOpenTables(openTables);
  const lookup = createServedLookup(find, memory);

  async function lookUp(query: IndexSelector): Promise<KnownVersion> {
    const known = await lookup.get(query);
    if (known?.served.tableVersion == null)
      throw failure('NotFound', notThere(query), { next: `perennial index show ${query.index}` });
    return known;
  }

  function answerBy(query: IndexQuery, { served, stale }: KnownVersion): Promise<IndexAnswer> {
    const { tenant, index } = query;
    const { version, digest } = served;
    const tableVersion = served.tableVersion ?? 0;
    const { embedder } = served.recipe;
    const open = () => store.open({ tenant, index, version }, tableVersion);
    return tables.use(`${tenant}/${index}@${version}/${tableVersion}`, open, async (table) => {
      if (table.space.embedder !== embedder.digest)
        throw failure(
          'IndexMismatch',
          `the table of ${index}@${version} was built with a different embedder ` +
            `than ${embedder.name} (${embedder.digest})`,
        );
      const before = performance.now();
      const vector = query.mode === 'text' ? null : await embedQuery(query, served, embedders);
      const embedded = performance.now();
      const hits = await search(table, query, vector);
      return {
        index,
        version,
        digest,
        tableVersion,
        stale,
        embedder: { name: embedder.name, digest: embedder.digest, dimensions: embedder.dimensions },
        hits: hits.slice(0, query.k),
        milliseconds: { embed: embedded - before, search: performance.now() - embedded },
      };
    });
  }

  return {
    async query(query) {
      check(query);
      const known = await lookUp(query);
      try {
        return await answerBy(query, known);
      } catch (error) {
        // A cached version may have been retired since, and its table deleted.
        if (!known.remembered || !mayBeGone(error)) throw error;
        lookup.forget(query);
        return answerBy(query, await lookUp(query));
      }
    },
    async check({ mode, ...asked }) {
      const served = (await lookup.get(asked))?.served;
      if (served?.tableVersion == null)
        throw failure('NotFound', notThere(asked), { next: `perennial index show ${asked.index}` });
      if (mode !== 'text') await openQueryEmbedder(asked, served, embedders);
      return { version: served.version, digest: served.digest };
    },
    async embedder(asked) {
      const { served, stale } = await lookUp(asked);
      return {
        version: served.version,
        stale,
        embedder: await openQueryEmbedder(asked, served, embedders),
      };
    },
    close: () => tables.close(),
  };
}

function mayBeGone(error: unknown): boolean {
  return (
    isPerennialError(error) && (error.type === 'NotFound' || error.type === 'StorageUnavailable')
  );
}

function check({ text, vector, k, mode }: IndexQuery): void {
  if (!Number.isInteger(k) || k < 1 || k > 1000)
    throw failure('InvalidInput', `k must be a whole number from 1 to 1000, not ${k}`);
  if ((text === undefined || text.trim() === '') && (mode !== 'vector' || vector === undefined))
    throw failure(
      'InvalidInput',
      mode === 'vector'
        ? 'a query with mode vector needs a text or a vector'
        : `a query with mode ${mode} needs a text`,
    );
}

function notThere({ index, version = 'champion' }: IndexSelector): string {
  return typeof version === 'number'
    ? `index version ${index}@${version} does not exist or cannot be queried`
    : `index ${index} has no ${version} version that can be queried`;
}

async function embedQuery(
  query: IndexQuery,
  { version, recipe: { embedder } }: ServedIndexVersion,
  embedders: Embedders,
): Promise<Float32Array> {
  const { vector, index, tenant, payer: entry } = query;
  if (vector) {
    if (vector.embedder === embedder.digest) return vector.values;
    throw failure(
      'IndexMismatch',
      `the vector is from embedder ${vector.embedder}; ` +
        `${index}@${version} was built with ${embedder.name} (${embedder.digest})`,
      { next: 'send the text, or a vector from the embedder of the index version' },
    );
  }
  const opened = await openQueryEmbedder(query, { version, recipe: { embedder } }, embedders);
  const [values = new Float32Array()] = await opened.embed([query.text ?? ''], {
    payer: { tenant, entry },
  });
  return values;
}

async function openQueryEmbedder(
  { index }: IndexSelector,
  { version, recipe: { embedder } }: Pick<ServedIndexVersion, 'version' | 'recipe'>,
  embedders: Embedders,
): Promise<Embedder> {
  const opened = await embedders.get(embedder.spec);
  if (sameSpace(opened.identity, embedder)) return opened;
  throw failure(
    'IndexMismatch',
    `${index}@${version} was built with a different ${embedder.name} (${embedder.digest}) ` +
      `than the one in this process (${opened.identity.digest})`,
    { next: `build ${index} again, because its embedder has changed` },
  );
}

async function search(
  table: ChunkTable,
  query: IndexQuery,
  vector: Float32Array | null,
): Promise<readonly IndexHit[]> {
  const { k, mode, text = '', probes, refine } = query;
  const options = {
    ...(probes === undefined ? {} : { probes }),
    ...(refine === undefined ? {} : { refine }),
  };
  if (mode === 'vector' && vector)
    return (await table.nearest({ vector, k, ...options })).map((hit) => ({
      ...hit,
      foundBy: ['vector'],
    }));
  if (mode === 'text' || !vector)
    return (await table.matching(text, k)).map((hit) => ({ ...hit, foundBy: ['text'] }));
  return searchBoth(table, { ...options, vector, text, k });
}
