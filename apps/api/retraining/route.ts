import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { budgetUnits } from '../../../domain/budget/budget';
import { modelScope } from '../../../domain/cost/caps';
import { costUnits, type ComputeBudget } from '../../../domain/cost/compute-budget';
import { failure } from '../../../domain/failure';
import type { Tenant } from '../../../domain/ids';
import { defaultMonitor } from '../../../domain/lifecycle/sections/monitor-spec';
import { retrainingStatus } from '../../../domain/retraining/outlook';
import { retrainingIncidents, type DataHold } from '../../../domain/retraining/retraining';
import { name, problem } from '../fields';
import type { RouteDeps } from '../route-deps';
import { retrainingView, type RetrainingJson } from './view';

export function retrainingRoutes({
  registry,
  guards: { viewer },
}: RouteDeps): FastifyPluginAsyncZod {
  return async (app) => {
    app.get(
      '/lifecycles/:name/retraining',
      {
        ...viewer,
        schema: {
          tags: ['lifecycles'],
          summary: 'Show what starts automatic runs of a lifecycle, and which brakes are in force',
          params: z.object({ name }),
          response: { 200: retrainingView, default: problem },
        },
      },
      async ({ caller: { tenant }, params: { name: lifecycle } }): Promise<RetrainingJson> => {
        const revision = await registry.lifecycles.get({ tenant, name: lifecycle });
        if (revision === null)
          throw failure('NotFound', `there is no lifecycle ${lifecycle}`, {
            next: 'perennial lifecycle list',
          });
        const { spec } = revision;
        if (spec.kind !== 'ModelLifecycle')
          throw failure('InvalidInput', `${lifecycle} is a ${spec.kind}, which has no triggers`);
        const { monitor = defaultMonitor, triggers, schedule, budget } = spec;
        const state = await registry.retrainings.get({ tenant, lifecycle });
        const { run, startedAt, notBefore, queued, fruitless, alarmRuns, hold, stopped } = state;
        const now = new Date().toISOString();
        const incident = (key: string) => openIncident({ tenant, model: lifecycle, key });
        return {
          lifecycle,
          status: retrainingStatus(state, now),
          triggers: {
            onAlarm: monitor.enabled ? monitor.onAlarm : 'notify',
            events: triggers?.events ?? [],
            newData: triggers?.newData ?? false,
            schedule: schedule?.cron ?? null,
          },
          cooldownSeconds: monitor.cooldownSeconds,
          runStrategy: monitor.runStrategy,
          maxFailures: monitor.maxFailures,
          fruitless,
          alarmRuns: {
            fruitless: alarmRuns?.fruitless ?? 0,
            notBefore: alarmRuns?.notBefore ?? null,
            stop: alarmRuns?.stopped
              ? { incident: await incident(retrainingIncidents.alarmsStopped) }
              : null,
          },
          run,
          startedAt,
          notBefore,
          queued: queued && { kind: queued.kind, reason: queued.reason },
          hold: hold && {
            ...heldJson(hold),
            shownBy: hold.shownBy,
            incident: await incident(retrainingIncidents.held),
            alarm: hold.alarm ? heldJson(hold.alarm) : null,
          },
          stop: stopped ? { incident: await incident(retrainingIncidents.stopped) } : null,
          budget: await readSpent({ tenant, lifecycle, model: budget?.model ?? null, now }),
        };
      },
    );
  };

  async function openIncident({
    tenant,
    model,
    key,
  }: {
    readonly tenant: Tenant;
    readonly model: string;
    readonly key: string;
  }): Promise<string | null> {
    return (await registry.incidents.open({ tenant, model, key }))?.id ?? null;
  }

  async function readSpent({
    tenant,
    lifecycle,
    model,
    now,
  }: {
    readonly tenant: Tenant;
    readonly lifecycle: string;
    readonly model: ComputeBudget['model'];
    readonly now: string;
  }): Promise<RetrainingJson['budget']> {
    if (model === null) return null;
    const { period } = model;
    const scope = modelScope(lifecycle, { period, at: now });
    const limits = [];
    for (const unit of costUnits) {
      const limit = model[unit];
      if (limit === null) continue;
      const ledger = await registry.budgets.get({ tenant, scope, unit });
      limits.push({ unit, limit, spent: (ledger?.spent ?? 0) / budgetUnits[unit] });
    }
    return { period, limits };
  }
}

function heldJson({
  name: data,
  problem,
  isSuspected,
  until,
}: NonNullable<DataHold['alarm']>): NonNullable<NonNullable<RetrainingJson['hold']>['alarm']> {
  return { data, problem, isSuspected: isSuspected === true, until: until ?? null };
}
