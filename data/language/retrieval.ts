/** Retrieve passages for a question. The gateway and the evaluation of a bundle share this code. */
import { failure, isPerennialError, type FailureType } from '../../domain/failure';
import type { Tenant } from '../../domain/ids';
import type { BundleIndex } from '../../domain/bundle/bundle';
import { passageText, passagesThatFit, type Passage } from '../../domain/bundle/passages';
import type { LedgeredPayer } from '../index/embedders/embedder';
import type { IndexReader } from '../index/query-index';
import type { Rerank } from './reranker';

export interface RetrievedPassages {
  readonly index: Pick<BundleIndex, 'name' | 'version' | 'digest'>;
  /** In the order of the prompt, nearest first. A passage's position is its number. */
  readonly passages: readonly Passage[];
  /** The number of passages that were found but left out, by reason. */
  readonly left: OmittedPassages;
  /** Why the bundle's reranker failed, so that the index's order is used. Absent otherwise. */
  readonly notReranked?: FailureType;
}

export interface OmittedPassages {
  /** They did not fit into the prompt or the model's context. */
  readonly room: number;
  /** The safety policy blocked them. */
  readonly policy: number;
}

export type Retrieve = (asked: {
  readonly tenant: Tenant;
  readonly index: BundleIndex;
  readonly text: string;
  readonly payer?: LedgeredPayer | undefined;
  /** Required for a bundle that has a reranker. */
  readonly rerank?: Rerank | undefined;
  readonly signal?: AbortSignal | undefined;
}) => Promise<RetrievedPassages>;

/** Returns the text that may be shown, or null to leave the passage out. */
export type ScreenPassage = (text: string) => Promise<string | null>;

export function openRetrieval(reader: Pick<IndexReader, 'query'>): Retrieve {
  return async ({ tenant, index, text, payer, rerank, signal }) => {
    signal?.throwIfAborted();
    const { name, version, digest, k, mode } = index;
    const named = { name, version, digest };
    // A text without a letter or digit cannot match anything.
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
        `index ${name}@${version} is not the version that was evaluated: ` +
          `its digest is ${answer.digest}, expected ${digest}`,
      );
    }
    const found = answer.hits.map(
      ({ documentId, chunkId, title, source, score, text: chunk }): Passage => ({
        documentId,
        chunkId,
        title,
        source,
        score,
        text: passageText({ title, text: chunk }),
      }),
    );
    const { ordered, ...told } = await inOrder(index, { text, found, rerank, signal });
    const nearest = ordered.slice(0, k);
    const passages = passagesThatFit(nearest);
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

/** Order passages by the bundle's reranker, whose scores replace those of the index. */
async function inOrder(
  { name, rerank: by }: BundleIndex,
  { text, found, rerank, signal }: Found,
): Promise<{ readonly ordered: readonly Passage[]; readonly notReranked?: FailureType }> {
  if (by === undefined || found.length < 2) return { ordered: found };
  // Answers without the reranker would be those of a different bundle.
  if (rerank === undefined) throw new Error(`index ${name}: the reranker of its bundle is missing`);
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
 * Leave out passages that the safety policy blocks, because anyone may have written a document. The
 * answer is made without them.
 */
export async function screenPassages(
  { passages, left, ...retrieved }: RetrievedPassages,
  screen: ScreenPassage,
): Promise<RetrievedPassages> {
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
 * Ask with as many passages as fit into the model's context. After each ContextOverflow, which is
 * not billed, the least near passage is left out.
 */
export async function askWithFittingPassages<T>(
  retrieved: RetrievedPassages,
  ask: (retrieved: RetrievedPassages) => Promise<T>,
): Promise<{ readonly answer: T; readonly retrieved: RetrievedPassages }> {
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
