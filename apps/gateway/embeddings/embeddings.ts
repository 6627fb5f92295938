import type { IndexReader } from '../../../data/index/query-index';
import type { EmbedderIdentity } from '../../../domain/index/embedder';
import type { Embedder } from '../../../data/index/embedders/embedder';
import { failure, isPerennialError } from '../../../domain/failure';
import type { Tenant } from '../../../domain/ids';
import { HttpProblem } from '../../http/problem';
import type { EmbeddingsLimits } from '../config';
import { parseModelName, type RequestedModel } from '../model/model-name';
import { withTimeout } from '../../../data/timeout';
import { countTexts } from './count-texts';
import type { EmbeddingsBody } from './embeddings-request.schema';
import type { NameIndex } from './name-index';

export interface EmbeddingsCall {
  readonly tenant: Tenant;
  readonly body: EmbeddingsBody;
  /** Aborted when the caller cancels or the gateway stops. */
  readonly signal: AbortSignal;
}

export interface EmbeddingsReply {
  readonly index: string;
  readonly version: number;
  /** Whether the registry was not available, so that the version may be outdated. */
  readonly stale: boolean;
  readonly embedder: EmbedderIdentity;
  /** One vector per text, in order. */
  readonly vectors: readonly Float32Array[];
  /** Tokens as the provider counts them, or the tokenizer of an embedder in this process. */
  readonly tokens: number;
}

export interface EmbeddingsOptions {
  readonly indexes: Pick<IndexReader, 'embedder'>;
  readonly nameIndex: NameIndex;
  readonly limits: EmbeddingsLimits;
}

/**
 * Embed texts with the embedder of the index version that `model` names, so that the vectors fit
 * its vector space. A text that exceeds the limit of the embedder is ContextOverflow, never cut
 * off.
 */
export function createEmbeddings({
  indexes,
  nameIndex,
  limits,
}: EmbeddingsOptions): (call: EmbeddingsCall) => Promise<EmbeddingsReply> {
  let underWay = 0;

  return async ({ tenant, body: { model, texts, dimensions }, signal }) => {
    const asked = indexIn(parseModelName(model));
    const until = performance.now() + limits.timeoutMs;
    const inTime = <T>(work: Promise<T>, message: string) =>
      withTimeout(Math.max(1, Math.ceil(until - performance.now())), work, {
        type: 'ProviderTimeout',
        message,
      });
    // Opening an embedder at an endpoint sends a request, which may take as long as its provider
    // takes.
    const opening = inTime(
      indexes.embedder({ tenant, ...asked }),
      `the embedder of ${asked.index} could not be loaded`,
    );
    const { version, stale, embedder } = await opening.catch(async (error: unknown) => {
      throw isPerennialError(error) && error.type === 'NotFound'
        ? await nameIndex(tenant, asked.index, error)
        : error;
    });
    const { identity } = embedder;
    const name = `${asked.index}@${version}`;
    if (dimensions !== null && dimensions !== identity.dimensions)
      throw otherDimensions(name, identity, dimensions);
    const counted = await countTexts(texts, { embedder, max: limits.maxTokens, signal });
    if (counted.kind === 'longText') throw tooLong(name, embedder, counted.place);
    if (counted.kind === 'tooMany') throw tooMany(limits.maxTokens);
    const { tokens } = counted;
    if (underWay + tokens > limits.maxTokensUnderWay) throw noRoom(limits.maxTokensUnderWay);

    underWay += tokens;
    const late = new AbortController();
    let billed = 0;
    try {
      const embedding = embedder.embed(texts, {
        signal: AbortSignal.any([signal, late.signal]),
        payer: { tenant },
        onUsage: (promptTokens) => (billed += promptTokens),
      });
      const vectors = await inTime(embedding, `the embedder of ${name} did not stop`);
      return {
        index: asked.index,
        version,
        stale,
        embedder: identity,
        vectors,
        tokens: billed > 0 ? billed : tokens,
      };
    } finally {
      late.abort();
      underWay -= tokens;
    }
  };
}

function indexIn({ model: index, selector }: RequestedModel): {
  readonly index: string;
  readonly version: number | 'champion' | 'previous';
} {
  switch (selector.kind) {
    case 'routed':
      return { index, version: 'champion' };
    case 'version':
      return { index, version: selector.version };
    case 'alias':
      if (selector.alias !== 'challenger') return { index, version: selector.alias };
      throw failure(
        'NotFound',
        'an index has a champion and a previous version, but no challenger',
        {
          next: `perennial index show ${index}`,
        },
      );
  }
}

function otherDimensions(
  name: string,
  { name: embedder, dimensions }: EmbedderIdentity,
  asked: number,
): Error {
  const detail = `dimensions: ${embedder}, the embedder of ${name}, has ${dimensions}; ${asked} would not match this index`;
  return failure('InvalidInput', detail, { issues: [{ pointer: '/dimensions', detail }] });
}

function tooLong(name: string, { identity, maxTokens }: Embedder, place: number): Error {
  const detail = `input.${place}: has more than ${maxTokens} tokens, the limit of ${identity.name}, the embedder of ${name}`;
  return failure('ContextOverflow', detail, {
    issues: [{ pointer: `/input/${place}`, detail }],
    next: 'split it, as the index splits its documents',
  });
}

function tooMany(max: number): Error {
  const detail = `input: has more than ${max} tokens, the limit per request`;
  return failure('InvalidInput', detail, {
    issues: [{ pointer: '/input', detail }],
    next: 'send fewer texts per request',
  });
}

function noRoom(max: number): Error {
  return new HttpProblem(
    503,
    'TooManyEmbeddings',
    `this gateway is already embedding ${max} tokens, its limit`,
    'try again later',
  );
}
