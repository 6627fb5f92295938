import type { ModelAccess } from '../../../data/language/model-access';
import { rerankServed } from '../../../data/language/reranker';
import { openRetrieval, type RetrievedPassages } from '../../../data/language/retrieval';
import type { IndexReader } from '../../../data/index/query-index';
import type { Tenant } from '../../../domain/ids';
import {
  citationsIn,
  citedNumbers,
  toSafeLink,
  toSafeSource,
  unknownLinks,
} from '../../../domain/language/citations';
import type { LoggedRetrieval } from '../../../domain/bundle/logged-answer';
import type { LoadedBundle } from '../model/load-bundle';
import type { MeasuredModel } from '../model/measured-model';
import { withTimeout } from '../../../data/timeout';

export interface RetrieverOptions {
  readonly indexes: Pick<IndexReader, 'query'>;
  /** Access to models for rerankers. */
  readonly access: Pick<ModelAccess, 'rerank'>;
  readonly timeoutMs: number;
  readonly onReranked: OnReranked;
}

/** `outcome` is done, or the failure that left the order of the index. */
export type OnReranked = (model: MeasuredModel, outcome: string) => void;

/** The share of the time that the reranker may use. */
const rerankShare = 0.5;

/** Retrieve passages for the last user message; null for a bundle without an index. */
export type Retriever = (
  loaded: LoadedBundle,
  asked: { readonly tenant: Tenant; readonly text: string; readonly signal: AbortSignal },
) => Promise<RetrievedPassages | null>;

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
    const retrieved = await withTimeout(timeoutMs, retrieve({ ...asked, index, rerank }), late);
    if (index.rerank)
      onReranked({ tenant: asked.tenant, model: bundle.model }, retrieved.notReranked ?? 'done');
    return retrieved;
  };
}

/** The citation format of the OpenAI API for web sources. */
export interface UrlCitation {
  readonly type: 'url_citation';
  readonly url_citation: {
    readonly start_index: number;
    readonly end_index: number;
    readonly title: string;
    readonly url: string;
  };
}

/** One citation for each place in the answer that names a passage of its prompt. */
export function listAnnotations(
  text: string,
  retrieved: RetrievedPassages | null,
): readonly UrlCitation[] {
  if (retrieved === null) return [];
  const { index, passages } = retrieved;
  return citationsIn(text).flatMap(({ number, start, end }): readonly UrlCitation[] => {
    const passage = passages[number - 1];
    if (!passage) return [];
    // A document without a web address is cited by its place in the index.
    const url =
      toSafeLink(passage.source) ??
      `perennial:indexes/${index.name}/versions/${index.version}/documents/${encodeURIComponent(passage.documentId)}`;
    const title = passage.title ?? passage.documentId;
    return [
      { type: 'url_citation', url_citation: { start_index: start, end_index: end, title, url } },
    ];
  });
}

/** All passages in the prompt, cited or not. */
export function listSources(
  text: string,
  { index, passages, left, notReranked }: RetrievedPassages,
) {
  const cited = new Set(citedNumbers(text));
  const unverified = unknownLinks(
    text,
    passages.map(({ source }) => source),
  );
  return {
    index: `${index.name}@${index.version}`,
    sources: passages.map(({ documentId, chunkId, title, source, score }, place) => ({
      number: place + 1,
      documentId,
      chunkId,
      title,
      source: toSafeSource(source),
      score,
      cited: cited.has(place + 1),
    })),
    leftOut: left,
    ...(unverified.length > 0 && { unverifiedLinks: unverified }),
    ...(notReranked && { notReranked }),
  };
}

/** What the prediction log stores: the documents without their text. */
export function loggedRetrieval(
  text: string,
  { index, passages, left, notReranked }: RetrievedPassages,
): LoggedRetrieval {
  return {
    index,
    passages: passages.map(({ documentId, chunkId, score }) => ({ documentId, chunkId, score })),
    cited: citedNumbers(text).filter((number) => number >= 1 && number <= passages.length),
    left,
    ...(notReranked && { notReranked }),
  };
}
