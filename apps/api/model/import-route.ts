import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { computeDigest } from '../../../data/digest';
import { expectedFeatures } from '../../../data/lifecycle/expected-features';
import { readGraphSignature } from '../../../data/onnx/graph-signature';
import { failure } from '../../../domain/failure';
import type { Tenant } from '../../../domain/ids';
import type { ModelLifecycleSpec } from '../../../domain/lifecycle/lifecycle';
import { checkImportedGraph, conversionPackages } from '../../../domain/model/imported';
import { importedFormats, type ImportedFormat } from '../../../domain/model/model';
import type { RunRequest } from '../../../domain/run/run';
import { acceptUploads, type Upload } from '../../http/upload';
import { registeredTables } from '../dataset/registered-tables';
import { idempotent, name, problem, why } from '../fields';
import type { RouteDeps } from '../route-deps';
import { startRun } from '../run/start';
import { runToJson, runView } from '../run/view';
import { untilField } from '../../../domain/document/field.schema';
import type { LifecycleRevision } from '../../../domain/lifecycle/revision';

/** A graph is read into memory to check it, here and in each gateway. */
const maxModelBytes = 256 << 20;

const packagesPattern = new RegExp(
  `^(?:(?:${conversionPackages.join('|')})==[0-9][0-9A-Za-z.+-]{0,30}(?:,(?!$)|$)){1,10}$`,
);

const query = z.strictObject({
  fileName: z
    .string()
    .regex(/^[^/\\\p{C}]{1,255}$/u)
    .describe('name of the file, without a folder, for messages and lineage'),
  format: z
    .enum(importedFormats)
    .default('onnx')
    .describe('a job converts any other format to ONNX, with the packages that it needs'),
  modelClass: z
    .string()
    .regex(/^[\w.]{1,200}$/)
    .optional()
    .describe('Python class of the model, as in an MLmodel file'),
  packages: z
    .string()
    .regex(packagesPattern)
    .optional()
    .describe(
      'versions with which a pickle was written, such as scikit-learn==1.7.2,numpy==2.2.6; ' +
        `each of ${conversionPackages.join(', ')} at most once`,
    ),
  until: untilField.optional().describe('end of the data window, RFC 3339; default: now'),
  reason: why.optional(),
});

export function modelImportRoutes(deps: RouteDeps): FastifyPluginAsyncZod {
  const { registry, artifacts, lifecycles, scratchRoot, heavyWork, guards, log } = deps;
  return async (app) => {
    acceptUploads(app, { scratchRoot, maxBytes: maxModelBytes, limit: heavyWork });
    app.post(
      '/models/:model/imports',
      {
        ...guards.operator,
        config: { ...guards.operator.config, uploadType: 'application/octet-stream' },
        bodyLimit: maxModelBytes,
        schema: {
          tags: ['models'],
          summary: 'Import a model file and start a run that evaluates and releases it',
          params: z.object({ model: name }),
          querystring: query,
          headers: idempotent,
          response: { 202: runView, default: problem },
        },
      },
      async (request, reply) => {
        const { tenant, name: actor } = request.caller;
        const { model } = request.params;
        const { fileName, format, modelClass, packages, until, reason } = request.query;
        assertUsed(format, { modelClass, packages });
        const pinned = packages === undefined ? {} : { packages: packagesIn(packages) };
        const upload = request.body as Upload | undefined;
        if (upload === undefined || upload.bytes === 0)
          throw failure('InvalidInput', `${fileName} is empty`, {
            next: `perennial model import ${model} --file model.onnx`,
          });
        const lifecycle = await findModelLifecycle(deps, tenant, model);
        if (format === 'onnx') {
          const found = readGraphSignature(await readFile(upload.path), fileName);
          const features = await computeFeatures(deps, tenant, lifecycle);
          const { task } = lifecycle.spec.train;
          checkImportedGraph({ fileName, model }, found, { features, task });
        }
        const artifact = await artifacts.putFile({
          tenant,
          path: upload.path,
          mediaType: format === 'onnx' ? 'application/onnx' : 'application/octet-stream',
        });
        const asked: RunRequest = {
          imported: {
            format,
            artifact,
            fileName,
            ...(modelClass === undefined ? {} : { modelClass }),
            ...pinned,
          },
          ...(until === undefined ? {} : { until }),
          ...(reason === undefined ? {} : { reason }),
        };
        const run = await startRun(
          { registry, lifecycles, log },
          {
            tenant,
            lifecycle: model,
            revisionDigest: lifecycle.digest,
            request: asked,
            actor,
            traceId: request.traceId,
            idempotencyKey: request.headers['idempotency-key'],
            requestDigest: computeDigest({ import: model, request: asked }),
          },
        );
        return reply
          .status(202)
          .header('location', `/api/v1/runs/${run.id}`)
          .send(runToJson(run, lifecycles));
      },
    );
  };
}

type ConversionOption = 'modelClass' | 'packages';

/** What the conversion of a format does not use. */
const unusedOptions: Readonly<Record<ImportedFormat, readonly ConversionOption[]>> = {
  onnx: ['modelClass', 'packages'],
  xgboost: ['packages'],
  lightgbm: [],
  sklearn: [],
};

/** An option without an effect is a mistake, most often a forgotten format. */
function assertUsed(
  format: ImportedFormat,
  given: Readonly<Record<ConversionOption, string | undefined>>,
): void {
  const unused = unusedOptions[format].find((option) => given[option] !== undefined);
  if (unused !== undefined)
    throw failure('InvalidInput', `${unused} has no effect with the format ${format}`, {
      next: `set format to that of the file, or leave ${unused} out`,
    });
}

function packagesIn(text: string): readonly string[] {
  const packages = text.split(',').sort();
  const names = packages.map((each) => each.split('==')[0]);
  const repeated = names.find((name, at) => names.indexOf(name) !== at);
  if (repeated !== undefined)
    throw failure('InvalidInput', `packages has more than one version of ${repeated}`, {
      next: `name the version of ${repeated} with which the model was saved`,
    });
  return packages;
}

type ModelRevision = LifecycleRevision & { readonly spec: ModelLifecycleSpec };

async function findModelLifecycle(
  { registry }: Pick<RouteDeps, 'registry'>,
  tenant: Tenant,
  model: string,
): Promise<ModelRevision> {
  const lifecycle = await registry.lifecycles.get({ tenant, name: model });
  if (!lifecycle)
    throw failure('NotFound', `there is no lifecycle ${model} to evaluate the model`, {
      next: 'perennial lifecycle apply <folder>',
    });
  const { spec } = lifecycle;
  if (spec.kind !== 'ModelLifecycle')
    throw failure('InvalidInput', `${model} is a ${spec.kind}, which takes no ONNX model`, {
      next: 'perennial lifecycle list',
    });
  return { ...lifecycle, spec };
}

async function computeFeatures(
  { registry, artifacts, sources, scratchRoot }: RouteDeps,
  tenant: Tenant,
  { lifecycle, spec: { data }, contracts, files }: ModelRevision,
) {
  const texts = await Promise.all(
    Object.entries(files).map(async ([path, ref]) => [
      path,
      Buffer.from(await artifacts.getBytes(ref)).toString('utf8'),
    ]),
  );
  return expectedFeatures(
    { lifecycle, data, contracts, files: Object.fromEntries(texts) as Record<string, string> },
    registeredTables({ registry, sources, scratchRoot }, tenant),
  );
}
