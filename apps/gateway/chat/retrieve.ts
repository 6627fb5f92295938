import type { ModelAccess } from '../../../data/language/model-access';
import { rerankServed } from '../../../data/language/reranker';
import { openRetrieval, type RetrievedForAnswer } from '../../../data/language/retrieval';
import type { IndexReader } from '../../../data/index/query-index';
import type { Tenant } from '../../../domain/ids';
import {
  citationsIn,
  citedNumbers,
  linkOf,
  plainSourceOf,
  unknownLinks,
} from '../../../domain/language/citations';
import type { LoggedRetrieval } from '../../../domain/language/logged-answer';
import type { LoadedBundle } from '../model/load-bundle';
import { within } from '../../../data/within';

export interface RetrieverOptions {
  readonly indexes: Pick<IndexReader, 'query'>;
  /** Of rerankers. */
  readonly access: Pick<ModelAccess, 'rerank'>;
  readonly timeoutMs: number;
  readonly onReranked: OnReranked;
}

/** `outcome`: done, or why not and the index's own order stood. */
export type OnReranked = (model: string, outcome: string) => void;

/** What is found has to be ordered and shown in the rest of the time. */
const rerankShare = 0.5;

/** What a bundle's index knows of what the user wrote last; null for a bundle without an index. */
export type Retriever = (
  loaded: LoadedBundle,
  asked: { readonly tenant: Tenant; readonly text: string; readonly signal: AbortSignal },
) => Promise<RetrievedForAnswer | null>;

export function createRetriever({
  indexes,
  access,
  timeoutMs,
  onReranked,
}: RetrieverOptions): Retriever {
  const retrieve = openRetrieval(indexes);
  return async ({ index, bundle }, asked) => {
    if (index === null) return null;
    const late = {
      type: 'StorageUnavailable',
      message: `the index ${index.name} did not respond`,
    } as const;
    const rerank = rerankServed({
      access,
      tenant: asked.tenant,
      timeoutMs: timeoutMs * rerankShare,
    });
    const retrieved = await within(timeoutMs, retrieve({ ...asked, index, rerank }), late);
    if (index.rerank) onReranked(bundle.model, retrieved.notReranked ?? 'done');
    return retrieved;
  };
}

/** By the OpenAI API's words for a source of the web: where the answer names it, and what it is. */
export interface UrlCitation {
  readonly type: 'url_citation';
  readonly url_citation: {
    readonly start_index: number;
    readonly end_index: number;
    readonly title: string;
    readonly url: string;
  };
}

/** One for each place of the answer that names a passage which it was shown. */
export function annotationsOf(
  text: string,
  retrieved: RetrievedForAnswer | null,
): readonly UrlCitation[] {
  if (retrieved === null) return [];
  const { index, passages } = retrieved;
  return citationsIn(text).flatMap(({ number, start, end }): readonly UrlCitation[] => {
    const passage = passages[number - 1];
    if (!passage) return [];
    // A document without an address that a page may show is known by its place in the index.
    const url =
      linkOf(passage.source) ??
      `perennial:indexes/${index.name}/versions/${index.version}/documents/${encodeURIComponent(passage.documentId)}`;
    const title = passage.title ?? passage.documentId;
    return [
      { type: 'url_citation', url_citation: { start_index: start, end_index: end, title, url } },
    ];
  });
}

/** All that the answer was shown, whether it says so or not. */
export function sourcesOf(
  text: string,
  { index, passages, left, notReranked }: RetrievedForAnswer,
) {
  const cited = new Set(citedNumbers(text));
  const unverified = unknownLinks(
    text,
    passages.map(({ source }) => source),
  );
  return {
    index: `${index.name}@${index.version}`,
    sources: passages.map(({ documentId, chunkId, title, source, score }, place) => ({
      ...{ number: place + 1, documentId, chunkId, title, source: plainSourceOf(source), score },
      cited: cited.has(place + 1),
    })),
    leftOut: left,
    ...(unverified.length > 0 && { unverifiedLinks: unverified }),
    ...(notReranked && { notReranked }),
  };
}

/** For the log: which documents, never their text. */
export function loggedRetrieval(
  text: string,
  { index, passages, left, notReranked }: RetrievedForAnswer,
): LoggedRetrieval {
  return {
    index,
    passages: passages.map(({ documentId, chunkId, score }) => ({ documentId, chunkId, score })),
    cited: citedNumbers(text).filter((number) => number >= 1 && number <= passages.length),
    left,
    ...(notReranked && { notReranked }),
  };
}
