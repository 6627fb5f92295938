import { z } from 'zod';
import { notifyEvents } from '../lifecycle/lifecycle';
import { problem } from '../document/schema-issues.schema';
import { hiddenPart } from './webhook-address';

export const secretSchema = z
  .union(
    [
      z.strictObject({ env: z.string().regex(/^[A-Za-z_][A-Za-z0-9_]{0,127}$/) }),
      z.strictObject({ file: z.string().min(1).max(512) }),
    ],
    // What is written there may be the secret itself: an error must not repeat it.
    { error: 'is no reference: { env: NAME } or { file: PATH }, never the secret itself' },
  )
  .describe('where the secret is: { env: NAME } or { file: PATH }');

const target = z
  .strictObject({
    webhook: z
      .string()
      .max(2_000)
      .check((context) => {
        const found = urlProblem(context.value);
        if (found !== null) context.issues.push(problem(found));
      })
      .describe('an https:// address, without a credential'),
    secret: secretSchema,
    events: z
      .array(z.enum(notifyEvents))
      .min(1)
      .default([...notifyEvents])
      .describe('names of events such as run.failed or rollout.rolled_back; all when left out'),
  })
  .describe('whom to tell: webhook, secret and events');

export const notifySchema = z.array(target).max(20).default([]).describe('a list of webhooks');

/**
 * http:// is for a receiver on the same machine; whatever it says, private addresses are decided on
 * when it is called. The address is not repeated: its path is often a secret.
 */
function urlProblem(text: string): string | null {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url === null || !['https:', 'http:'].includes(url.protocol)) return 'is no such address';
  // What a viewer was shown is not the address.
  if (text.includes(hiddenPart))
    return `has ${hiddenPart} where its path is hidden: write the whole address`;
  if (url.username !== '' || url.password !== '')
    return 'carries a credential, which belongs into secret';
  return null;
}
