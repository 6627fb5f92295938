import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { failure } from '../../../domain/failure';
import type { Tenant } from '../../../domain/ids';
import { nearest } from '../../../domain/document/nearest';
import type { StageName } from '../../../domain/lifecycle/stages';
import { pastContractResult, findPastResults } from './contract-view';
import { diffDatasets } from './diff';
import { readQuarantinedRows } from './quarantined-rows';
import { versionFiles } from './version-files';
import type { RouteDeps } from '../route-deps';
import {
  datasetDiff,
  datasetSummary,
  datasetFile,
  datasetVersion,
  quarantinedRows,
  quarantineView,
} from './view';
import { page, pageSchema, problem, version } from '../fields';

const dataset = z.object({ dataset: z.string().min(1).max(200) });
const ofVersion = dataset.extend({ version });
const ofFile = ofVersion.extend({
  file: z.coerce.number().int().min(1).max(1_000_000).describe('number of the file, from 1'),
});
const quarantine = dataset.extend({
  quarantine: z
    .string()
    .regex(/^qua_[0-9a-z]{1,64}$/)
    .describe('a quarantine id: qua_…'),
});
const some = z.strictObject({
  limit: z.coerce
    .number()
    .int()
    .min(1)
    .max(1000)
    .default(20)
    .describe('a whole number from 1 to 1000'),
});
const pair = z.strictObject({ from: version, to: version });
const tags = ['datasets'];

export function datasetRoutes({
  registry,
  artifacts,
  scratchRoot,
  downloads,
  heavyWork,
  guards: { viewer, operator },
}: RouteDeps): FastifyPluginAsyncZod {
  /** Suggests the dataset, because a source's name is only half of a dataset name. */
  const noDataset = async (tenant: Tenant, name: string): Promise<Error> => {
    const names = (await registry.datasets.list({ tenant, pageSize: 200 })).items.map(
      (each) => each.name,
    );
    const meant = names.find((each) => each.endsWith(`.${name}`)) ?? nearest(name, names);
    const hint = meant === null ? '' : `; did you mean ${meant}?`;
    return failure('NotFound', `there is no dataset ${name}${hint}`, {
      next: 'perennial dataset list',
    });
  };
  const readVersion = async (tenant: Tenant, of: string, number: number) => {
    const found = await registry.datasets.get({ tenant, dataset: of, version: number });
    if (!found)
      throw failure('NotFound', `there is no dataset version ${of}@${number}`, {
        next: 'perennial dataset list',
      });
    return found;
  };
  return async (app) => {
    app.get(
      '/datasets',
      {
        ...viewer,
        schema: {
          tags,
          summary: 'List datasets by name',
          querystring: page,
          response: { 200: pageSchema(datasetSummary), default: problem },
        },
      },
      ({ caller, query }) => registry.datasets.list({ tenant: caller.tenant, ...query }),
    );

    app.get(
      '/datasets/:dataset/versions',
      {
        ...viewer,
        schema: {
          tags,
          summary: 'List the versions of a dataset, newest first',
          params: dataset,
          querystring: page,
          response: { 200: pageSchema(datasetVersion), default: problem },
        },
      },
      async ({ caller, params, query }) => {
        const versions = await registry.datasets.versions({
          tenant: caller.tenant,
          ...params,
          ...query,
        });
        if (versions.items.length === 0) throw await noDataset(caller.tenant, params.dataset);
        return versions;
      },
    );

    app.get(
      '/datasets/:dataset/versions/:version',
      {
        ...viewer,
        schema: {
          tags,
          summary: 'Show a dataset version',
          params: ofVersion,
          response: { 200: datasetVersion, default: problem },
        },
      },
      ({ caller, params }) => readVersion(caller.tenant, params.dataset, params.version),
    );

    app.get(
      '/datasets/:dataset/versions/:version/files',
      {
        ...viewer,
        schema: {
          tags,
          summary: 'List the Parquet files of a dataset version, in order',
          params: ofVersion,
          response: {
            200: z.object({ items: z.array(datasetFile).readonly() }),
            default: problem,
          },
        },
      },
      async ({ caller, params }) => {
        const found = await readVersion(caller.tenant, params.dataset, params.version);
        const files = await versionFiles({ artifacts }, found);
        return { items: files.map(({ bytes, digest }, at) => ({ file: at + 1, bytes, digest })) };
      },
    );

    app.get(
      '/datasets/:dataset/versions/:version/files/:file',
      {
        ...operator,
        schema: {
          tags,
          summary:
            'Download a Parquet file of a dataset version; the audit log records who read it',
          params: ofFile,
          response: {
            200: { content: { 'application/vnd.apache.parquet': { schema: z.string() } } },
            default: problem,
          },
        },
      },
      async (request, reply) => {
        const { tenant, name: actor } = request.caller;
        const { dataset: of, version: number, file } = request.params;
        const files = await versionFiles({ artifacts }, await readVersion(tenant, of, number));
        const found = files[file - 1];
        if (!found)
          throw failure('NotFound', `${of}@${number} has ${files.length} files, not ${file}`, {
            next: `GET /api/v1/datasets/${of}/versions/${number}/files`,
          });
        // First, so that no rows are sent without an entry.
        await registry.commands.audit({
          tenant,
          actor,
          action: 'dataset.readRows',
          subject: `dataset:${of}@${number}`,
          cause: `download of file ${file} of ${files.length}`,
        });
        const bytes = await downloads.file(request, reply, found);
        return (
          reply
            .header('content-type', 'application/vnd.apache.parquet')
            .header('content-length', found.bytes)
            // The rows may hold personal data, so no cache may store them.
            .header('cache-control', 'no-store')
            .send(bytes as unknown as string)
        );
      },
    );

    app.get(
      '/datasets/:dataset/diff',
      {
        ...viewer,
        schema: {
          tags,
          summary: 'Compare two versions by schema, rows and statistics',
          params: dataset,
          querystring: pair,
          response: { 200: datasetDiff, default: problem },
        },
      },
      ({ caller, params: { dataset: of }, query: { from, to } }) =>
        heavyWork.run(caller, async () =>
          diffDatasets(
            await readVersion(caller.tenant, of, from),
            await readVersion(caller.tenant, of, to),
          ),
        ),
    );

    app.get(
      '/datasets/:dataset/quarantine',
      {
        ...viewer,
        schema: {
          tags,
          summary: 'Count the rows that broke the contract, by reason, newest quarantine first',
          params: dataset,
          querystring: page,
          response: { 200: pageSchema(quarantineView), default: problem },
        },
      },
      async ({ caller, params, query }) => {
        const bad = await registry.datasets.quarantine.list({
          tenant: caller.tenant,
          ...params,
          ...query,
        });
        // An empty quarantine is only reported for a dataset that exists.
        const known =
          bad.items.length > 0 ||
          (await registry.datasets.versions({ tenant: caller.tenant, ...params, pageSize: 1 }))
            .items.length > 0;
        if (!known) throw await noDataset(caller.tenant, params.dataset);
        return bad;
      },
    );

    app.get(
      '/datasets/:dataset/contract-results',
      {
        ...viewer,
        schema: {
          tags,
          summary:
            'Show how often each run’s rows met the contract, newest run first; a page may be empty',
          params: dataset,
          querystring: page,
          response: { 200: pageSchema(pastContractResult), default: problem },
        },
      },
      async ({ caller: { tenant }, params: { dataset: of }, query }) => {
        const known = await registry.datasets.versions({ tenant, dataset: of, pageSize: 1 });
        if (known.items.length === 0) throw await noDataset(tenant, of);
        const { items, nextPageToken } = await registry.stages.ofLifecycle({
          tenant,
          lifecycle: of.split('.')[0] ?? of,
          stage: 'validate' satisfies StageName,
          ...query,
        });
        return { items: items.flatMap((record) => findPastResults(record, of)), nextPageToken };
      },
    );

    app.get(
      '/datasets/:dataset/quarantine/:quarantine/rows',
      {
        ...operator,
        schema: {
          tags,
          summary: 'List rows that broke the contract; the audit log records who read them',
          params: quarantine,
          querystring: some,
          response: { 200: quarantinedRows, default: problem },
        },
      },
      async (
        {
          caller: { tenant, name: actor },
          params: { dataset: of, quarantine: id },
          query: { limit },
        },
        reply,
      ) => {
        // The rows may hold personal data, so no cache may store them.
        void reply.header('cache-control', 'no-store');
        return readQuarantinedRows(
          { registry, artifacts, scratchRoot },
          { tenant, dataset: of, id, limit, actor },
        );
      },
    );
  };
}
