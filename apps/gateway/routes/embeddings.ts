import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { OpenAnswers } from '../chat/open-answers';
import { parseEmbeddingsBody } from '../embeddings/embeddings-request.schema';
import type { EmbeddingsCall, EmbeddingsReply } from '../embeddings/embeddings';
import type { EmbeddingsMetrics } from '../embeddings/embeddings-metrics';

export interface EmbeddingsRouteDeps {
  readonly embeddings: (call: EmbeddingsCall) => Promise<EmbeddingsReply>;
  readonly answers: Pick<OpenAnswers, 'open'>;
  readonly metrics: EmbeddingsMetrics;
}

/** The OpenAI API's embeddings, where `model` is an index, `index@alias` or `index@version`. */
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
    // With the digest the vector can be sent to `POST /v1/indexes/{index}/query`, which refuses one
    // of another space.
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
        embedding: encoded(vector, body.encoding),
      })),
      model: name,
      usage: { prompt_tokens: tokens, total_tokens: tokens },
    };
  });

  function count({ embedded }: FastifyRequest, reply: FastifyReply, done: () => void): void {
    metrics.request({
      index: embedded?.index ?? '',
      version: embedded ? String(embedded.version) : '',
      tokens: embedded?.tokens ?? 0,
      status: reply.statusCode,
      seconds: reply.elapsedTime / 1000,
    });
    done();
  }
}

/** Base64 is of 32-bit numbers, little-endian, as stock clients read them. */
function encoded(vector: Float32Array, encoding: 'float' | 'base64'): string | readonly number[] {
  if (encoding === 'float') return Array.from(vector);
  const bytes = Buffer.alloc(vector.length * 4);
  vector.forEach((value, place) => bytes.writeFloatLE(value, place * 4));
  return bytes.toString('base64');
}

declare module 'fastify' {
  interface FastifyRequest {
    /** The vectors that a request was answered with, for the counters. */
    embedded: EmbeddingsReply | null;
  }
}
