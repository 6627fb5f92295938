import type { FastifyInstance } from 'fastify';
import type { Embedder } from '../../../data/index/embedders/embedder';
import { ApiError } from '../api-error';
import { parseEmbeddings } from '../chat-request.schema';
import { unknownModel } from '../model-names';

export const embeddingModel = 'all-minilm-l6-v2';

/** `embedder` is called with the first request, because many servers only chat. */
export function embeddingRoutes(app: FastifyInstance, embedder: () => Promise<Embedder>): void {
  app.post('/v1/embeddings', async (request) => {
    const body = parseEmbeddings(request.body);
    if (body.model !== embeddingModel) throw unknownModel(body.model, embeddingModel);
    const minilm = await embedder();
    if (body.dimensions && body.dimensions !== minilm.identity.dimensions) {
      throw new ApiError(400, `dimensions: ${embeddingModel} has ${minilm.identity.dimensions}`, {
        code: 'invalid_value',
        param: 'dimensions',
      });
    }
    const vectors = await minilm.embed(body.input);
    // Text beyond the model's limit is cut off and not counted.
    const tokens = body.input.reduce(
      (sum, text) => sum + Math.min(countTokens(minilm, text), minilm.maxTokens),
      0,
    );
    return {
      object: 'list',
      model: body.model,
      data: vectors.map((vector, index) => ({
        object: 'embedding',
        index,
        embedding:
          body.encoding_format === 'base64'
            ? Buffer.from(vector.buffer, vector.byteOffset, vector.byteLength).toString('base64')
            : Array.from(vector),
      })),
      usage: { prompt_tokens: tokens, total_tokens: tokens },
    };
  });
}

function countTokens(embedder: Embedder, text: string): number {
  return text
    .split(/\s+/)
    .reduce((sum, word) => sum + (word === '' ? 0 : embedder.measureTokens(word)), 0);
}
