/**
 * What a bundle's index knows of a question, for the prompt: the same in the gateway and where the
 * bundle is evaluated.
 */
import { failure, isPerennialError, type FailureType } from '../../domain/failure';
import type { Tenant } from '../../domain/ids';
import type { BundleIndex } from '../../domain/language/bundle';
import { shownText, withinBudget, type Passage } from '../../domain/language/passages';
import type { LedgeredPayer } from '../index/embedders/embedder';
import type { IndexReader } from '../index/query-index';
import type { Rerank } from './reranker';

export interface RetrievedForAnswer {
  readonly index: Pick<BundleIndex, 'name' | 'version' | 'digest'>;
  /** As they stand in the prompt, the nearest first: their place is their number. */
  readonly passages: readonly Passage[];
  /** Found and not shown, by why not. */
  readonly left: LeftOut;
  /**
   * Why the bundle's reranker did not order them, and the index's own order stands; not given where
   * it did, or there is none.
   */
  readonly notReranked?: FailureType;
}

export interface LeftOut {
  /** No room in the prompt, or in the model's context. */
  readonly room: number;
  /** The safety policy does not let them in. */
  readonly policy: number;
}

export type Retrieve = (asked: {
  readonly tenant: Tenant;
  readonly index: BundleIndex;
  readonly text: string;
  readonly payer?: LedgeredPayer | undefined;
  /** For a bundle that has a reranker. */
  readonly rerank?: Rerank | undefined;
  readonly signal?: AbortSignal | undefined;
}) => Promise<RetrievedForAnswer>;

/** Null keeps a passage out; otherwise its text, as far as it may be shown. */
export type ScreenPassage = (text: string) => Promise<string | null>;

export function openRetrieval(reader: Pick<IndexReader, 'query'>): Retrieve {
  return async ({ tenant, index, text, payer, rerank, signal }) => {
    signal?.throwIfAborted();
    const { name, version, digest, k, mode } = index;
    const named = { name, version, digest };
    // Nothing is near to nothing.
    if (!/[\p{L}\p{N}]/u.test(text))
      return { index: named, passages: [], left: { room: 0, policy: 0 } };
    const candidates = Math.max(k, index.rerank?.candidates ?? 0);
    const answer = await reader.query({
      tenant,
      index: name,
      version,
      text,
      k: candidates,
      mode,
      payer,
    });
    if (answer.digest !== digest) {
      throw failure(
        'IndexMismatch',
        `${name}@${version} is another version than the one that was evaluated (${answer.digest})`,
      );
    }
    const found = answer.hits.map(
      ({ documentId, chunkId, title, source, score, text: chunk }): Passage => ({
        ...{ documentId, chunkId, title, source, score },
        text: shownText({ title, text: chunk }),
      }),
    );
    const { ordered, ...told } = await inOrder(index, { text, found, rerank, signal });
    const nearest = ordered.slice(0, k);
    const passages = withinBudget(nearest);
    return {
      index: named,
      passages,
      left: { room: nearest.length - passages.length, policy: 0 },
      ...told,
    };
  };
}

interface Found {
  readonly text: string;
  readonly found: readonly Passage[];
  readonly rerank: Rerank | undefined;
  readonly signal: AbortSignal | undefined;
}

/** By the bundle's reranker, with its scores in the place of the index's. */
async function inOrder(
  { name, rerank: by }: BundleIndex,
  { text, found, rerank, signal }: Found,
): Promise<{ readonly ordered: readonly Passage[]; readonly notReranked?: FailureType }> {
  if (by === undefined || found.length < 2) return { ordered: found };
  // Whoever asks for such a bundle brings one: its answers without it are another bundle's.
  if (rerank === undefined) throw new Error(`${name} is asked without the reranker of its bundle`);
  const ranked = await rerank({
    by,
    query: text,
    documents: found.map((passage) => passage.text),
    signal,
  });
  if (ranked.kind === 'kept') return { ordered: found, notReranked: ranked.failure };
  return {
    ordered: ranked.documents.flatMap(({ index, score }) =>
      found[index] ? [{ ...found[index], score }] : [],
    ),
  };
}

/**
 * Documents are data that anybody may have written: what the policy finds in one leaves it out, and
 * the answer goes on without.
 */
export async function screenPassages(
  { passages, left, ...retrieved }: RetrievedForAnswer,
  screen: ScreenPassage,
): Promise<RetrievedForAnswer> {
  const texts = await Promise.all(passages.map(({ text }) => screen(text)));
  const kept = passages.flatMap((passage, place) => {
    const text = texts[place] ?? null;
    return text === null ? [] : [{ ...passage, text }];
  });
  return {
    ...retrieved,
    passages: kept,
    left: { ...left, policy: left.policy + passages.length - kept.length },
  };
}

/**
 * Asks with as many passages as the model's context has room for: each time it has not, the one
 * that is least near is left out. A refusal for want of room is not paid.
 */
export async function askWithRoom<T>(
  retrieved: RetrievedForAnswer,
  ask: (retrieved: RetrievedForAnswer) => Promise<T>,
): Promise<{ readonly answer: T; readonly retrieved: RetrievedForAnswer }> {
  for (let shown = retrieved; ;) {
    try {
      return { answer: await ask(shown), retrieved: shown };
    } catch (error) {
      if (
        !isPerennialError(error) ||
        error.type !== 'ContextOverflow' ||
        shown.passages.length === 0
      )
        throw error;
      const { room } = shown.left;
      shown = {
        ...shown,
        passages: shown.passages.slice(0, -1),
        left: { ...shown.left, room: room + 1 },
      };
    }
  }
}
