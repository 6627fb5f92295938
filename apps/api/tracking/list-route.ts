import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { failure } from '../../../domain/failure';
import {
  trackedRunStatuses,
  type Experiment,
  type TrackedRun,
} from '../../../domain/tracking/tracking';
import { page, pageSchema, problem } from '../fields';
import type { RouteDeps } from '../route-deps';
import { experimentId, pageToken } from './wire';

const experimentView = z
  .object({
    id: z.string(),
    name: z.string(),
    tags: z.record(z.string(), z.string()),
    createdAt: z.string().meta({ format: 'date-time' }),
  })
  .meta({ id: 'Experiment' });

const trackedRunView = z
  .object({
    id: z.string(),
    name: z.string(),
    user: z.string(),
    status: z.enum(trackedRunStatuses),
    startedAt: z.string().meta({ format: 'date-time' }),
    endedAt: z.string().meta({ format: 'date-time' }).nullable(),
    params: z.record(z.string(), z.string()),
    metrics: z
      .record(z.string(), z.number().nullable())
      .describe('value of each metric at its latest step; null if it is not finite'),
  })
  .meta({ id: 'TrackedRun' });

const tags = ['experiments'];
/** Pages continue by the number of rows before them, as in MLflow's own searches. */
const paged = page.extend({ pageToken });

/** Reads what scripts logged; MLflow's own API writes it. */
export function experimentListRoutes({
  registry: { experiments, trackedRuns },
  guards: { viewer },
}: RouteDeps): FastifyPluginAsyncZod {
  return async (app) => {
    app.get(
      '/experiments',
      {
        ...viewer,
        schema: {
          tags,
          summary: 'List experiments that scripts logged through MLflow, newest first',
          querystring: paged,
          response: { 200: pageSchema(experimentView), default: problem },
        },
      },
      async ({ caller: { tenant }, query }) => {
        const { items, nextPageToken } = await experiments.search({ tenant, ...active(query) });
        return { items: items.map(experimentToJson), nextPageToken };
      },
    );

    app.get(
      '/experiments/:id/runs',
      {
        ...viewer,
        schema: {
          tags,
          summary: 'List the tracked runs of an experiment, newest first',
          params: z.object({ id: experimentId.describe('id or name of an experiment') }),
          querystring: paged,
          response: { 200: pageSchema(trackedRunView), default: problem },
        },
      },
      async ({ caller: { tenant }, params: { id }, query }) => {
        const experiment =
          (await experiments.get({ tenant, id })) ??
          (await experiments.named({ tenant, name: id }));
        if (experiment === null)
          throw failure('NotFound', `there is no experiment ${id}`, {
            next: 'perennial experiment list',
          });
        const found = { tenant, experimentIds: [experiment.id], ...active(query) };
        const { items, nextPageToken } = await trackedRuns.search(found);
        return { items: items.map(trackedRunToJson), nextPageToken };
      },
    );
  };
}

function active({ pageSize, pageToken: offset }: z.output<typeof paged>) {
  return { stages: ['active'] as const, terms: [], order: [], pageSize, offset };
}

function experimentToJson({ id, name, tags: each, createdAtMs }: Experiment) {
  return { id, name, tags: each, createdAt: new Date(createdAtMs).toISOString() };
}

function trackedRunToJson(run: TrackedRun): z.output<typeof trackedRunView> {
  const { id, name, userId: user, status, startTimeMs, endTimeMs, params, metrics } = run;
  return {
    id,
    name,
    user,
    status,
    startedAt: new Date(startTimeMs).toISOString(),
    endedAt: endTimeMs === null ? null : new Date(endTimeMs).toISOString(),
    params,
    metrics: Object.fromEntries(
      Object.entries(metrics).map(([key, { value }]) => [
        key,
        Number.isFinite(value) ? value : null,
      ]),
    ),
  };
}
