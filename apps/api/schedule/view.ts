import { z } from 'zod';
import { instant } from '../fields';

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
    id: z.string().describe('id of the Temporal Schedule'),
    schedule: spec.describe('as the lifecycle says'),
    revision: z.number().describe('revision of the lifecycle when the schedule was last changed'),
    paused: z.boolean(),
    note: z.string().nullable().describe('why it is paused, or the last note'),
    nextTimes: z
      .array(instant)
      .readonly()
      .describe('next start times, soonest first; the window of each run ends there'),
    recent: z
      .array(z.object({ scheduledAt: instant, takenAt: instant, workflowId: z.string() }))
      .readonly()
      .describe('newest first'),
    running: z.array(z.string()).readonly().describe('workflow ids'),
    changedAt: instant.nullable().describe('creation or last change of the schedule'),
    skipped: z
      .array(
        z.object({
          scheduledAt: instant.describe('time at which no run was started'),
          cause: z.string(),
          runId: z.string().nullable().describe('run that was still open'),
          noticedAt: instant,
        }),
      )
      .readonly()
      .describe('newest first, at most 100'),
    url: z.string().nullable().describe('URL in the Temporal Web UI'),
  })
  .meta({ id: 'Schedule' });

export type ScheduleJson = z.output<typeof scheduleView>;
