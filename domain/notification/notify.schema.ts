import { z } from 'zod';
import { notifyEvents } from './notification';
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

const target = z
  .strictObject({
    webhook: z
      .string()
      .max(2_000)
      .check((context) => {
        const found = urlProblem(context.value);
        if (found !== null) context.issues.push(schemaIssue(found));
      })
      .describe('an https:// URL without credentials'),
    secret: secretSchema,
    events: z
      .array(z.enum(notifyEvents))
      .min(1)
      .default([...notifyEvents])
      .describe('events such as run.failed or rollout.rolled_back; by default all'),
  })
  .describe('a webhook: its URL, secret and events');

export const notifySchema = z.array(target).max(20).default([]).describe('a list of webhooks');

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
