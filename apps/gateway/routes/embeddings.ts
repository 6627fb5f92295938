import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { findTenantLabel } from '../authentication';
import type { OpenAnswers } from '../chat/open-answers';
import { parseEmbeddingsBody } from '../embeddings/embeddings-request.schema';
import type { EmbeddingsCall, EmbeddingsReply } from '../embeddings/embeddings';
import type { EmbeddingsMetrics } from '../embeddings/embeddings-metrics';

export interface EmbeddingsRouteDeps {
  readonly embeddings: (call: EmbeddingsCall) => Promise<EmbeddingsReply>;
  readonly answers: Pick<OpenAnswers, 'open'>;
  readonly metrics: EmbeddingsMetrics;
}

/** The OpenAI API's embeddings. `model` is an index, `index@alias` or `index@version`. */
export function embeddingsRoutes(
  app: FastifyInstance,
  { embeddings, answers, metrics }: EmbeddingsRouteDeps,
): void {
  app.decorateRequest('embedded', null);
  app.post('/v1/embeddings', { onResponse: count }, async (request, reply) => {
    const body = parseEmbeddingsBody(request.body);
    const { signal } = answers.open(reply.raw);
    const answered = await embeddings({ tenant: request.caller.tenant, body, signal });
    const { index, version, stale, embedder, vectors, tokens } = answered;
    request.embedded = answered;
    const name = `${index}@${version}`;
    // A client can send the vector with this digest to `POST /v1/indexes/{index}/query`, which
    // refuses vectors of other embedders.
    void reply.headers({
      'x-perennial-index-version': name,
      'x-perennial-embedder': embedder.digest,
    });
    if (stale) void reply.header('x-perennial-stale', 'registry');
    return {
      object: 'list',
      data: vectors.map((vector, place) => ({
        object: 'embedding',
        index: place,
        embedding: encodeVector(vector, body.encoding),
      })),
      model: name,
      usage: { prompt_tokens: tokens, total_tokens: tokens },
    };
  });

  function count(request: FastifyRequest, reply: FastifyReply, done: () => void): void {
    const { embedded } = request;
    metrics.request({
      tenant: findTenantLabel(request),
      index: embedded?.index ?? '',
      version: embedded ? String(embedded.version) : '',
      tokens: embedded?.tokens ?? 0,
      status: reply.statusCode,
      seconds: reply.elapsedTime / 1000,
    });
    done();
  }
}

/** Base64 of 32-bit little-endian floats, as stock clients expect. */
function encodeVector(
  vector: Float32Array,
  encoding: 'float' | 'base64',
): string | readonly number[] {
  if (encoding === 'float') return Array.from(vector);
  const bytes = Buffer.alloc(vector.length * 4);
  vector.forEach((value, place) => bytes.writeFloatLE(value, place * 4));
  return bytes.toString('base64');
}

declare module 'fastify' {
  interface FastifyRequest {
    /** The answer to a request, for the counters. */
    embedded: EmbeddingsReply | null;
  }
}
