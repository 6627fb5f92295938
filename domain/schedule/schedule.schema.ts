import { z } from 'zod';
import { secondsField, timezoneField } from '../document/field.schema';
import { renameMembers } from '../document/codec.schema';
import { schemaIssue } from '../document/schema-issues.schema';

const field = /^[\d*/,A-Za-z-]+$/;

const written = z
  .strictObject({
    cron: z
      .string()
      .check((context) => {
        const fields = context.value.trim().split(/\s+/);
        if (fields.length !== 5 || !fields.every((each) => field.test(each)))
          context.issues.push(
            schemaIssue(`cannot be ${JSON.stringify(context.value.slice(0, 60))}`),
          );
      })
      .describe(
        'five fields: minute, hour, day of month, month and day of week, such as "0 3 1 * *"',
      ),
    timezone: timezoneField('a time zone').default('UTC'),
    overlap: z
      .enum(['skip', 'bufferOne', 'cancelOther', 'allowAll'])
      .default('skip')
      .describe(
        'the action while the previous run is in progress: skip, bufferOne, cancelOther or allowAll',
      ),
    catchup: secondsField('the longest delay of a missed start, such as 1d', {
      min: 60,
    }).prefault('1d'),
    jitter: secondsField('the longest random delay of a start, such as 10m', {
      min: 0,
      max: 86_400,
    }).prefault('0s'),
    paused: z.boolean().default(false).describe('true stops automatic starts'),
  })
  .describe('the times of scheduled runs: cron and timezone');

export const scheduleSchema = renameMembers(written, {
  catchup: 'catchupSeconds',
  jitter: 'jitterSeconds',
});
