import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { IndexAnswer, IndexReader } from '../../../data/index/query-index';
import type { IndexHit } from '../../../data/index/hybrid-search';
import { toSafeSource } from '../../../domain/language/citations';
import { findTenantLabel } from '../authentication';
import { parseIndexQuery } from '../index-query/index-query.schema';
import type { IndexMetrics } from '../index-query/index-metrics';
import { withTimeout } from '../../../data/timeout';

export interface IndexQueryRouteDeps {
  readonly indexes: Pick<IndexReader, 'query'>;
  readonly metrics: IndexMetrics;
  readonly timeoutMs: number;
}

interface IndexQueryParams {
  readonly index: string;
}

/**
 * `POST /v1/indexes/{index}/query`: the chunks nearest to a text, or to a vector of the index's
 * embedder, with their positions in the documents.
 */
export function indexQueryRoutes(
  app: FastifyInstance,
  { indexes, metrics, timeoutMs }: IndexQueryRouteDeps,
): void {
  app.decorateRequest('indexAnswer', null);
  app.post<{ Params: IndexQueryParams }>(
    '/v1/indexes/:index/query',
    { onResponse: count },
    async (request, reply) => {
      const { index } = request.params;
      const query = { tenant: request.caller.tenant, index, ...parseIndexQuery(request.body) };
      const left = Math.max(1, timeoutMs - reply.elapsedTime);
      const answer = await withTimeout(left, indexes.query(query), {
        type: 'StorageUnavailable',
        message: `the index ${index} did not respond`,
      });
      request.indexAnswer = { answer, mode: query.mode };
      void reply.header('x-perennial-index-version', `${answer.index}@${answer.version}`);
      if (answer.stale) void reply.header('x-perennial-stale', 'registry');
      return toAnswerView(answer);
    },
  );

  function count(request: FastifyRequest, reply: FastifyReply, done: () => void): void {
    const { indexAnswer: asked } = request;
    metrics.query({
      tenant: findTenantLabel(request),
      index: asked?.answer.index ?? '',
      version: asked ? String(asked.answer.version) : '',
      mode: asked?.mode ?? '',
      status: reply.statusCode,
      seconds: reply.elapsedTime / 1000,
    });
    done();
  }
}

function toAnswerView({ index, version, digest, embedder, hits, milliseconds }: IndexAnswer) {
  return { index, version, digest, embedder, hits: hits.map(toHitView), milliseconds };
}

function toHitView({
  documentId,
  chunkId,
  score,
  foundBy,
  title,
  heading,
  source,
  text,
  ordinal,
  start,
  end,
}: IndexHit) {
  return {
    documentId,
    chunkId,
    score,
    foundBy,
    title,
    heading,
    source: toSafeSource(source),
    text,
    ordinal,
    start,
    end,
  };
}

declare module 'fastify' {
  interface FastifyRequest {
    /** The answer to a query, for the counters. */
    indexAnswer: { readonly answer: IndexAnswer; readonly mode: string } | null;
  }
}
