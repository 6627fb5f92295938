import { z } from 'zod';
import { secondsField, timezoneField } from '../document/field.schema';
import { notifyEvents, type NotifySpec } from './notification';
import { schemaIssue } from '../document/schema-issues.schema';
import { hiddenPart } from './webhook-address';

export const secretSchema = z
  .union(
    [
      z.strictObject({
        env: z
          .string()
          .regex(/^[A-Za-z_][A-Za-z0-9_]{0,127}$/)
          .describe('the name of an environment variable'),
      }),
      z.strictObject({ file: z.string().min(1).max(512).describe('the path of a file') }),
    ],
    // The value may be the secret itself, so the error must not repeat it.
    { error: 'must be a reference, { env: NAME } or { file: PATH }, and not the secret itself' },
  )
  .describe('the place of the secret: { env: NAME } or { file: PATH }');

const clock = z
  .string()
  .regex(/^([01]\d|2[0-3]):[0-5]\d$/)
  .describe('a time of day, such as 22:00');

const quietHours = z
  .strictObject({
    from: clock,
    until: clock,
    timezone: timezoneField('the time zone of the two times').default('UTC'),
  })
  .check((context) => {
    const { from, until } = context.value;
    if (from === until)
      context.issues.push(schemaIssue('is empty', { expected: 'two different times of day' }));
  })
  .describe('a time of each day in which only critical messages are sent: from, until, timezone');

const mailAddress = z
  .string()
  .max(254)
  .regex(/^[^\s@<>,;:"]+@[^\s@<>,;:"]+$/)
  .describe('a mail address');

const writtenTarget = z
  .strictObject({
    webhook: z
      .string()
      .max(2_000)
      .check((context) => {
        const found = urlProblem(context.value);
        if (found !== null) context.issues.push(schemaIssue(found));
      })
      .optional()
      .describe('an https:// URL without credentials'),
    secret: secretSchema.optional(),
    slack: secretSchema
      .optional()
      .describe(
        'the place of the URL of a webhook that accepts messages of Slack: { env: NAME } or { file: PATH }',
      ),
    email: z
      .strictObject({
        to: z.array(mailAddress).min(1).max(20).describe('the addresses that receive mail'),
      })
      .optional()
      .describe('mail to these addresses, through the server of PERENNIAL_SMTP_URL'),
    events: z
      .array(z.enum(notifyEvents))
      .min(1)
      .default([...notifyEvents])
      .describe('events such as run.failed or rollout.rolled_back; by default all'),
    quietHours: quietHours.optional(),
    escalateAfter: secondsField(
      'the time after which an incident without an acknowledgement is escalated here, such as 30m',
      { min: 60, max: 30 * 86_400 },
    ).optional(),
  })
  .check((context) => {
    const { webhook, secret, slack, email, events, escalateAfter } = context.value;
    if (escalateAfter !== undefined && !events.includes('incident.escalated'))
      context.issues.push({
        ...schemaIssue('has no event to send', { expected: 'incident.escalated in events' }),
        path: ['escalateAfter'],
      });
    const channels = [webhook, slack, email].filter((each) => each !== undefined);
    if (channels.length !== 1)
      context.issues.push(
        schemaIssue(`has ${channels.length} channels`, {
          expected: 'exactly one of webhook, slack and email',
        }),
      );
    else if (webhook !== undefined && secret === undefined)
      context.issues.push({ ...schemaIssue('is missing'), path: ['secret'] });
    else if (webhook === undefined && secret !== undefined)
      context.issues.push({
        ...schemaIssue('is only for a webhook', { expected: null }),
        path: ['secret'],
      });
  })
  .describe('a channel: one of webhook, slack and email, with its events');

const target = z.codec(writtenTarget, z.custom<NotifySpec>(), {
  decode: ({ escalateAfter, ...written }) =>
    ({
      ...written,
      ...(escalateAfter !== undefined && { escalateAfterSeconds: escalateAfter }),
    }) as NotifySpec,
  encode: ({ escalateAfterSeconds, ...spec }) =>
    ({ ...spec, escalateAfter: escalateAfterSeconds }) as z.output<typeof writtenTarget>,
});

export const notifySchema = z.array(target).max(20).default([]).describe('a list of channels');

/**
 * http:// is for a receiver on the same machine; private addresses are checked when it is called.
 * The message must not repeat the URL, because its path is often a secret.
 */
function urlProblem(text: string): string | null {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url === null || !['https:', 'http:'].includes(url.protocol))
    return 'is not an http or https URL';
  // Viewers see a masked URL, which is not usable.
  if (text.includes(hiddenPart)) return `is masked (${hiddenPart}): write the whole URL`;
  if (url.username !== '' || url.password !== '')
    return 'has a credential, which belongs in secret';
  return null;
}
