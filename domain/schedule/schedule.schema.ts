import { z } from 'zod';
import { secondsField, timezoneField } from '../document/field.schema';
import { problem } from '../document/schema-issues.schema';

const field = /^[\d*/,A-Za-z-]+$/;

export const scheduleSchema = z
  .strictObject({
    cron: z
      .string()
      .check((context) => {
        const fields = context.value.trim().split(/\s+/);
        if (fields.length !== 5 || !fields.every((each) => field.test(each)))
          context.issues.push(problem(`cannot be ${JSON.stringify(context.value.slice(0, 60))}`));
      })
      .describe(
        'five fields: minute, hour, day of month, month and day of week, such as "0 3 1 * *"',
      ),
    timezone: timezoneField('a time zone').default('UTC'),
    overlap: z
      .enum(['skip', 'bufferOne', 'cancelOther', 'allowAll'])
      .default('skip')
      .describe(
        'skip, bufferOne, cancelOther or allowAll: what a start does while the run before it goes on',
      ),
    catchup: secondsField('how late a missed start is still made, such as 1d', {
      least: 60,
    }).prefault('1d'),
    jitter: secondsField('the most that a start is put off by chance, such as 10m', {
      least: 0,
      most: 86_400,
    }).prefault('0s'),
    paused: z.boolean().default(false).describe('true to make no starts'),
  })
  .describe('when to retrain: cron and timezone');
