import { z } from 'zod';
import { instant } from './fields';

const spec = z.object({
  cron: z.string(),
  timezone: z.string(),
  overlap: z.string(),
  catchupSeconds: z.number(),
  jitterSeconds: z.number(),
  paused: z.boolean(),
});

export const scheduleView = z
  .object({
    lifecycle: z.string(),
    id: z.string().describe('of the Temporal Schedule'),
    schedule: spec.describe('as the lifecycle says'),
    revision: z.number().describe('of the lifecycle, when the schedule was last changed'),
    paused: z.boolean(),
    note: z.string().nullable().describe('why it is paused, or what was said last'),
    nextTimes: z.array(instant).readonly().describe('soonest first; the window of each run ends there'),
    recent: z
      .array(z.object({ scheduledAt: instant, takenAt: instant, workflowId: z.string() }))
      .readonly()
      .describe('newest first'),
    running: z.array(z.string()).readonly().describe('workflow ids'),
    changedAt: instant.nullable().describe('when the schedule was made or last changed'),
    skipped: z
      .array(
        z.object({
          scheduledAt: instant.describe('the time at which no run was started'),
          cause: z.string(),
          runId: z.string().nullable().describe('the run that was still open'),
          noticedAt: instant,
        }),
      )
      .readonly()
      .describe('newest first, at most 100'),
    url: z.string().nullable().describe('in the Temporal Web UI'),
  })
  .meta({ id: 'Schedule' });

export type ScheduleJson = z.output<typeof scheduleView>;
