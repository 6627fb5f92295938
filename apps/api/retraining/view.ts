import { z } from 'zod';
import { costPeriods } from '../../../domain/cost/compute-budget';
import { monitorActions, runStrategies } from '../../../domain/lifecycle/sections/monitor-spec';
import { retrainingStatuses } from '../../../domain/retraining/outlook';
import { instant } from '../fields';

const incident = z.string().nullable().describe('incident to resolve; null if there is none');

const heldData = z.object({
  until: instant.nullable().describe('when the hold ends at the latest'),
  data: z.string().describe('dataset version, or request data with the names of their features'),
  problem: z.string(),
  isSuspected: z
    .boolean()
    .describe(
      'true if a feature jumped less than 24 hours ago, so its data may be broken or right; false for broken data',
    ),
});

export const retrainingView = z
  .object({
    lifecycle: z.string(),
    status: z
      .enum(retrainingStatuses)
      .describe('what a trigger meets; the next automatic run starts at once if it is ready'),
    triggers: z.object({
      onAlarm: z.enum(monitorActions).describe('retrain: alarms of the monitor start runs'),
      events: z.array(z.string()).readonly().describe('types of CloudEvents'),
      newData: z.boolean(),
      schedule: z
        .string()
        .nullable()
        .describe(
          'cron expression; a hold and a stop also apply to its runs, but the cool-down does not',
        ),
    }),
    cooldownSeconds: z.number(),
    runStrategy: z.enum(runStrategies).describe('what happens to a trigger while a run is open'),
    maxFailures: z.number(),
    fruitless: z
      .number()
      .describe('fruitless runs since the last release: automatic and scheduled ones with a fault'),
    alarmRuns: z
      .object({
        fruitless: z.number().describe('runs for alarms without a better model, in a row'),
        notBefore: instant.nullable().describe('no run for an alarm starts before'),
        stop: z
          .object({ incident })
          .nullable()
          .describe(
            'runs for alarms stopped after maxFailures without a better model; other runs go on, and a release ends it',
          ),
      })
      .describe('only runs that are started by alarms'),
    run: z.string().nullable().describe('automatic or scheduled run in progress'),
    startedAt: instant.nullable().describe('start of the last of these runs'),
    notBefore: instant.nullable().describe('end of the cool-down and the back-off'),
    queued: z
      .object({ kind: z.string(), reason: z.string() })
      .nullable()
      .describe('trigger that starts a run when the brakes allow it'),
    hold: heldData
      .extend({
        shownBy: z
          .enum(['alarm', 'contract'])
          .describe(
            'alarm: ends with the alarm, or earlier once a suspected jump has lasted for 24 hours. contract: ends with the next event or new data, if these are triggers, with the next scheduled run that meets the contract, or by a person. Both end at `until`',
          ),
        incident,
        alarm: heldData
          .nullable()
          .describe(
            'requests that also hold the runs, until their alarm ends or a suspected jump has lasted for 24 hours',
          ),
      })
      .nullable(),
    stop: z
      .object({ incident })
      .nullable()
      .describe('automatic and scheduled runs stopped after maxFailures fruitless ones'),
    budget: z
      .object({
        period: z.enum(costPeriods),
        limits: z
          .array(z.object({ unit: z.string(), limit: z.number(), spent: z.number() }))
          .readonly(),
      })
      .nullable()
      .describe('most that the jobs of all runs may use in the period; null without a cap'),
  })
  .meta({ id: 'Retraining' });

export type RetrainingJson = z.output<typeof retrainingView>;
