import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { failure } from '../../../domain/failure';
import { artifactPath, listFolder } from '../../../domain/tracking/artifact-path';
import { runArtifactUri } from '../../../domain/tracking/tracking';
import { noTrackedRun } from '../../../db/tracking/run-repository';
import { acceptUploads, type Upload } from '../../http/upload';
import type { RouteDeps } from '../route-deps';
import { runFields, readRunId } from './wire';

/** One file. Larger data belongs into a source that a lifecycle reads. */
const maxFileBytes = 1 << 30;
/** Files below a folder that a listing reads. */
const maxFiles = 100_000;

const params = z.object({ '*': z.string() });
const ofFolder = z.looseObject({ path: z.string().default('') });

export function trackedArtifactRoutes(deps: RouteDeps): FastifyPluginAsyncZod {
  const { registry, artifacts, scratchRoot, downloads, heavyWork, guards } = deps;
  const { trackedArtifacts, trackedRuns } = registry;
  const { viewer, operator } = guards;
  return async (app) => {
    acceptUploads(app, { scratchRoot, maxBytes: maxFileBytes, limit: heavyWork });

    app.put(
      '/mlflow-artifacts/artifacts/*',
      {
        ...operator,
        config: { ...operator.config, uploadType: 'application/octet-stream' },
        bodyLimit: maxFileBytes,
        schema: { params },
      },
      async ({ caller: { tenant }, params: { '*': given }, body }) => {
        const path = filePath(given);
        const upload = body as Upload | undefined;
        const mediaType = 'application/octet-stream';
        const artifact = upload
          ? await artifacts.putFile({ tenant, path: upload.path, mediaType })
          : await artifacts.putBytes({ tenant, bytes: new Uint8Array(), mediaType });
        await trackedArtifacts.put({ tenant, path, artifact });
        return {};
      },
    );

    app.get(
      '/mlflow-artifacts/artifacts/*',
      { ...viewer, schema: { params } },
      async (request, reply) => {
        const { tenant } = request.caller;
        const path = filePath(request.params['*']);
        const artifact = await trackedArtifacts.get({ tenant, path });
        if (artifact === null) throw noFile(path);
        const bytes = await downloads.file(request, reply, artifact);
        return reply
          .header('content-type', 'application/octet-stream')
          .header('content-length', artifact.bytes)
          .header('x-content-type-options', 'nosniff')
          .send(bytes);
      },
    );

    app.delete(
      '/mlflow-artifacts/artifacts/*',
      { ...operator, schema: { params } },
      async ({ caller: { tenant }, params: { '*': given } }) => {
        await trackedArtifacts.delete({ tenant, path: filePath(given) });
        return {};
      },
    );

    const listArtifacts = async (
      tenant: Parameters<typeof trackedArtifacts.below>[0]['tenant'],
      path: string,
    ) => {
      const files = await trackedArtifacts.below({ tenant, path, limit: maxFiles });
      return listFolder(path, files).map(({ path: name, isFolder, bytes }) => ({
        path: name,
        is_dir: isFolder,
        ...(bytes === null ? {} : { file_size: bytes }),
      }));
    };

    app.get(
      '/mlflow-artifacts/artifacts',
      { ...viewer, schema: { querystring: ofFolder } },
      async ({ caller: { tenant }, query: { path } }) => ({
        files: await listArtifacts(tenant, artifactPath(path)),
      }),
    );

    // The same for the artifacts of one run, with paths from its root.
    app.get(
      '/mlflow/artifacts/list',
      { ...viewer, schema: { querystring: ofFolder.extend(runFields) } },
      async ({ caller: { tenant }, query }) => {
        const id = readRunId(query);
        const run = await trackedRuns.get({ tenant, id });
        if (run === null) throw noTrackedRun(id);
        const folder = artifactPath(query.path);
        const root = `${run.experimentId}/${run.id}/artifacts`;
        const files = await listArtifacts(tenant, folder === '' ? root : `${root}/${folder}`);
        return {
          root_uri: runArtifactUri(run),
          files: files.map((file) => ({
            ...file,
            path: folder === '' ? file.path : `${folder}/${file.path}`,
          })),
        };
      },
    );
  };
}

function filePath(given: string): string {
  const path = artifactPath(given);
  if (path !== '') return path;
  throw failure('InvalidInput', 'the path of the file is missing', {
    next: 'name a file below the artifact URI of its run',
  });
}

function noFile(path: string): Error {
  return failure('NotFound', `there is no artifact ${path}`, {
    next: 'list the artifacts of the run',
  });
}
