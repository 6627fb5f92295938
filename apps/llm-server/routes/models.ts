import type { FastifyInstance } from 'fastify';
import { ApiError } from '../api-error';
import { parseAdapter } from '../chat-request.schema';
import type { Engine } from '../engine';
import { unknownModel } from '../model-names';
import { embeddingModel } from './embeddings';

const adapterName = /^([a-z0-9][a-z0-9._@-]{0,99}|sha256:[0-9a-f]{64})$/i;
const owner = 'perennial';

/**
 * The models by OpenAI's protocol, and routes to name adapters. The bytes of an adapter's artifact
 * are verified before it can answer.
 */
export function modelRoutes(
  app: FastifyInstance,
  { engine, modelName }: { readonly engine: () => Engine; readonly modelName: string },
): void {
  const all = (): string[] => [
    modelName,
    embeddingModel,
    ...engine()
      .adapters.names()
      .map((name) => `${modelName}:${name}`),
  ];
  const describeModel = (id: string): object => ({
    id,
    object: 'model',
    created: 0,
    owned_by: owner,
  });

  app.get('/v1/models', () => ({ object: 'list', data: all().map(describeModel) }));
  app.get<{ Params: { '*': string } }>('/v1/models/*', (request) => {
    const id = request.params['*'];
    if (!all().includes(id)) throw unknownModel(id, all().slice(0, 10).join(', '));
    return describeModel(id);
  });

  app.get('/v1/adapters', () => ({
    data: engine()
      .adapters.names()
      .map((name) => ({
        name,
        model: `${modelName}:${name}`,
        artifact: engine().adapters.get(name),
      })),
  }));
  app.put<{ Params: { name: string } }>('/v1/adapters/:name', async (request) => {
    const { name } = request.params;
    if (!adapterName.test(name)) {
      throw new ApiError(400, 'name: letters, digits, dots, hyphens, @ and _, at most 100', {
        code: 'invalid_value',
        param: 'name',
      });
    }
    const body = parseAdapter(request.body);
    if (name.startsWith('sha256:') && name !== body.digest) {
      throw new ApiError(
        400,
        'name: a digest is only valid as the name of the artifact with that digest; ' +
          `the artifact is ${body.digest}`,
        { code: 'invalid_value', param: 'name' },
      );
    }
    await engine().adapters.put(name, { ...body, digest: body.digest as `sha256:${string}` });
    return { name, model: `${modelName}:${name}`, digest: body.digest };
  });
  app.delete<{ Params: { name: string } }>('/v1/adapters/:name', (request) => {
    if (!engine().adapters.remove(request.params.name)) {
      throw new ApiError(404, `there is no adapter ${request.params.name}`, {
        code: 'model_not_found',
      });
    }
    return { name: request.params.name, deleted: true };
  });
}
