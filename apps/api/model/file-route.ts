import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { failure } from '../../../domain/failure';
import type { ModelManifest } from '../../../domain/model/model';
import { name, problem, version } from '../fields';
import type { RouteDeps } from '../route-deps';

/** The parts of a model version that clients may read. */
const files = { 'model.onnx': 'onnx', 'features.sql': 'featuresSql' } as const satisfies Record<
  string,
  keyof ModelManifest
>;
type VersionFile = keyof typeof files;
const fileNames = Object.keys(files) as [VersionFile, ...VersionFile[]];

const params = z.object({
  model: name,
  version,
  file: z.enum(fileNames).describe('model.onnx: the graph; features.sql: its features'),
});

export function modelFileRoutes({
  registry,
  artifacts,
  downloads,
  guards: { viewer },
}: RouteDeps): FastifyPluginAsyncZod {
  return async (app) => {
    app.get(
      '/models/:model/versions/:version/files/:file',
      {
        ...viewer,
        schema: {
          tags: ['models'],
          summary: 'Download the graph or the features of a model version, verified by digest',
          params,
          response: {
            200: { content: { 'application/octet-stream': { schema: z.string() } } },
            default: problem,
          },
        },
      },
      async (request, reply) => {
        const { tenant } = request.caller;
        const { model, version: number, file } = request.params;
        const found = await registry.models.get({ tenant, model, version: number });
        if (!found)
          throw failure('NotFound', `there is no ${model}@${number}`, {
            next: `perennial model show ${model}`,
          });
        if (found.signature.task === 'chat')
          throw failure('InvalidInput', `${model}@${number} is a language application`, {
            next: `perennial model show ${model}`,
          });
        const manifest = await artifacts.getJson<ModelManifest>(found.manifest);
        const ref = manifest[files[file]];
        const bytes = await downloads.file(request, reply, ref);
        return (
          reply
            .header('content-type', 'application/octet-stream')
            .header('content-length', ref.bytes)
            .header('etag', `"${ref.digest}"`)
            // Fastify sends streams as they are.
            .send(bytes as unknown as string)
        );
      },
    );
  };
}
