import { z } from 'zod';
import { nameField, secondsField } from '../../document/field.schema';
import { apiVersion } from '../../lifecycle/lifecycle.schema';
import { secretSchema } from '../../notification/notify.schema';
import { problem } from '../../document/schema-issues.schema';

const perMinute = z.int().min(1).max(1_000_000_000);

const limits = z.strictObject({
  requestsPerMinute: perMinute.optional().describe('requests a minute; without it as many as come'),
  tokensPerMinute: perMinute.optional().describe('tokens of prompts and answers a minute'),
  concurrency: z.int().min(1).max(100_000).default(16).describe('requests under way at once'),
});

const dollars = z.number().min(0).max(100_000);

const provider = z.strictObject({
  protocol: z
    .enum(['openai', 'anthropic'])
    .default('openai')
    .describe('the protocol that it speaks: openai or anthropic'),
  url: z
    .string()
    .max(2000)
    .check((context) => {
      const url = URL.canParse(context.value) ? new URL(context.value) : null;
      // It is not repeated: what is wrong with it may be a secret inside.
      if (url === null || !['https:', 'http:'].includes(url.protocol))
        context.issues.push(problem('is no address of a provider'));
      else if (url.username !== '' || url.password !== '')
        context.issues.push(problem('carries a credential, which belongs into key'));
    })
    .describe('with the path of the version, https://api.openai.com/v1'),
  key: secretSchema.optional(),
  allowPrivateAddresses: z
    .boolean()
    .default(false)
    .describe('whether it may be on this machine or its networks, and without TLS'),
  limits: limits.prefault({}).describe('of the account, over all tenants of one process'),
  tenantLimits: limits.optional().describe('of each tenant, within those'),
  timeouts: z
    .strictObject({
      firstToken: secondsField('the first token of a stream').default(30),
      total: secondsField('the whole answer').default(120),
    })
    .prefault({}),
  prices: z
    .record(z.string().min(1).max(200), z.strictObject({ prompt: dollars, completion: dollars }))
    .default({})
    .describe('by model, in US dollars for a million tokens'),
  thinkingTokens: z
    .record(z.string().min(1).max(200), z.int().min(0).max(200_000))
    .default({})
    .describe(
      'by model, of those that think before they answer: they are sent no temperature, top_p, seed or stop, and may use so many tokens beside those of the answer',
    ),
});

/**
 * Who answers for language models: `kind: Platform`, as an operator keeps it beside the platform.
 */
export const providersSchema = z.strictObject({
  apiVersion: z.literal(apiVersion),
  kind: z.literal('Platform'),
  metadata: z.strictObject({ name: nameField('the name of the platform') }),
  spec: z.strictObject({ providers: z.record(nameField('the name of a provider'), provider) }),
});
