import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { failure } from '../../../domain/failure';
import { revisionDigestInput } from '../../../domain/lifecycle/document';
import { scheduleSchema } from '../../../domain/schedule/schedule.schema';
import { computeDigest } from '../../../data/digest';
import type { Tenant } from '../../../domain/ids';
import { syncSchedule } from '../../temporal-clients/schedule-sync';
import type { RouteDeps } from '../route-deps';
import { name, page, pageSchema, problem, time, why } from '../fields';
import { scheduleView, type ScheduleJson } from './view';

const params = z.object({ name });
const reasoned = z.strictObject({ reason: why });
const period = reasoned.extend({ from: time, to: time });
const tags = ['schedules'];
const maxSkips = 100;
/** Each schedule of a list is a call to Temporal. */
const callsAtOnce = 20;

/**
 * The schedule of a lifecycle. The spec defines it; these routes show it and pause it temporarily.
 */
export function scheduleRoutes({ registry, schedules, guards }: RouteDeps): FastifyPluginAsyncZod {
  const { viewer, operator } = guards;

  async function find(tenant: Tenant, lifecycle: string) {
    const found = await schedules.get({ tenant, lifecycle });
    if (found === null) return null;
    return {
      lifecycle,
      ...found,
      skipped: await registry.schedules.skips({ tenant, lifecycle, limit: maxSkips }),
    };
  }

  async function readSchedule(tenant: Tenant, lifecycle: string) {
    const found = await find(tenant, lifecycle);
    if (found === null)
      throw failure('NotFound', `${lifecycle} has no schedule`, {
        next: 'add a schedule to its spec and apply it',
      });
    return found;
  }

  return async (app) => {
    app.get(
      '/schedules',
      {
        ...viewer,
        schema: {
          tags,
          summary:
            'List the schedules by the name of their lifecycle; one that was just applied may be missing for seconds',
          querystring: page,
          response: { 200: pageSchema(scheduleView), default: problem },
        },
      },
      async ({ caller: { tenant }, query }) => {
        const { items, nextPageToken } = await registry.schedules.list({ tenant, ...query });
        const found: ScheduleJson[] = [];
        for (let from = 0; from < items.length; from += callsAtOnce) {
          const some = items.slice(from, from + callsAtOnce);
          const states = await Promise.all(some.map((lifecycle) => find(tenant, lifecycle)));
          found.push(...states.filter((state) => state !== null));
        }
        return { items: found, nextPageToken };
      },
    );

    app.get(
      '/schedules/:name',
      {
        ...viewer,
        schema: {
          tags,
          summary: 'Show the schedule of a lifecycle',
          params,
          response: { 200: scheduleView, default: problem },
        },
      },
      ({ caller: { tenant }, params: { name: of } }) => readSchedule(tenant, of),
    );

    app.put(
      '/schedules/:name',
      {
        ...operator,
        schema: {
          tags,
          summary: 'Change only the schedule; this makes a new revision of the lifecycle',
          params,
          body: scheduleSchema,
          response: { 200: scheduleView, default: problem },
        },
      },
      async ({ caller: { tenant, name: actor }, params: { name: of }, body }) => {
        const current = await registry.lifecycles.get({ tenant, name: of });
        if (current === null)
          throw failure('NotFound', `there is no lifecycle ${of}`, {
            next: 'perennial lifecycle list',
          });
        const { lifecycle, files, contracts } = current;
        const spec = { ...current.spec, schedule: body };
        const digests = Object.fromEntries(
          Object.entries(files).map(([path, { digest }]) => [path, digest]),
        );
        const revision = {
          lifecycle,
          spec,
          files,
          contracts,
          digest: computeDigest(revisionDigestInput(spec, digests)),
        };
        const outcome = await registry.lifecycles.apply({ tenant, revision, actor });
        if (outcome.kind === 'pending') {
          throw failure(
            'Conflict',
            `${lifecycle} was changed concurrently; changing its schedule now would also loosen the policy`,
            {
              next: `perennial lifecycle show ${lifecycle}`,
            },
          );
        }
        await syncSchedule({ registry, schedules }, { tenant, lifecycle });
        return readSchedule(tenant, of);
      },
    );

    for (const action of ['trigger', 'pause', 'resume'] as const) {
      app.post(
        `/schedules/:name/${action}`,
        {
          ...operator,
          schema: {
            tags,
            summary: summaries[action],
            params,
            body: reasoned,
            response: { 200: scheduleView, default: problem },
          },
        },
        async ({ caller: { tenant, name: actor }, params: { name: of }, body: { reason } }) => {
          await readSchedule(tenant, of);
          await registry.lifecycles.auditSchedule({
            tenant,
            name: of,
            action,
            actor,
            cause: reason,
          });
          const given = { tenant, lifecycle: of };
          if (action === 'trigger') await schedules.trigger(given);
          else await schedules[action]({ ...given, note: `${action}d by ${actor}: ${reason}` });
          return readSchedule(tenant, of);
        },
      );
    }

    app.post(
      '/schedules/:name/backfill',
      {
        ...operator,
        schema: {
          tags,
          summary: 'Start runs for scheduled times in the past',
          params,
          body: period,
          response: { 200: scheduleView, default: problem },
        },
      },
      async ({
        caller: { tenant, name: actor },
        params: { name: of },
        body: { from, to, reason },
      }) => {
        if (Date.parse(from) >= Date.parse(to))
          throw failure('InvalidInput', `from ${from} is not before to ${to}`);
        const now = new Date();
        if (Date.parse(to) > now.getTime())
          throw failure('InvalidInput', `to ${to} is in the future: it is ${now.toISOString()}`, {
            next: 'give a time in the past; the schedule itself starts the later runs',
          });
        await readSchedule(tenant, of);
        await registry.lifecycles.auditSchedule({
          tenant,
          name: of,
          action: 'backfill',
          actor,
          cause: reason,
          after: { from, to },
        });
        await schedules.backfill({ tenant, lifecycle: of, from, to });
        return readSchedule(tenant, of);
      },
    );
  };
}

const summaries = {
  trigger: 'Start a run now',
  pause: 'Pause the schedule',
  resume: 'Resume the schedule',
} as const;
