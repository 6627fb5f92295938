import { z } from 'zod';
import { notifyEvents } from './lifecycle';
import { problem } from './schema-issues.schema';

const secret = z
  .union([
    z.strictObject({ env: z.string().regex(/^[A-Za-z_][A-Za-z0-9_]{0,127}$/) }),
    z.strictObject({ file: z.string().min(1).max(512) }),
  ])
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
    secret,
    events: z
      .array(z.enum(notifyEvents))
      .min(1)
      .default([...notifyEvents])
      .describe('names of events such as run.failed or rollout.rolled_back; all when left out'),
  })
  .describe('whom to tell: webhook, secret and events');

export const notifySchema = z.array(target).max(20).default([]).describe('a list of webhooks');

/** http:// is for a receiver on the same machine; whatever it says, private addresses are decided on when it is called. */
function urlProblem(text: string): string | null {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url === null || !['https:', 'http:'].includes(url.protocol)) return `cannot be ${JSON.stringify(text.slice(0, 60))}`;
  if (url.username !== '' || url.password !== '') return 'carries a credential, which belongs into secret';
  return null;
}
