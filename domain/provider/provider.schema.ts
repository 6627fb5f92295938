import { z } from 'zod';
import { nameField, secondsField } from '../document/field.schema';
import { apiVersion } from '../document/api-version';
import { secretSchema } from '../notification/notify.schema';
import { schemaIssue } from '../document/schema-issues.schema';

const perMinute = z.int().min(1).max(1_000_000_000);

const limits = z.strictObject({
  requestsPerMinute: perMinute.optional().describe('requests per minute; unlimited by default'),
  tokensPerMinute: perMinute
    .optional()
    .describe('tokens of prompts and answers per minute; unlimited by default'),
  concurrency: z.int().min(1).max(100_000).default(16).describe('concurrent requests'),
});

const dollars = z.number().min(0).max(100_000);

const provider = z.strictObject({
  protocol: z
    .enum(['openai', 'anthropic'])
    .default('openai')
    .describe('the protocol of the provider: openai or anthropic'),
  url: z
    .string()
    .max(2000)
    .check((context) => {
      const url = URL.canParse(context.value) ? new URL(context.value) : null;
      // The value is not quoted, because it may contain a secret.
      if (url === null || !['https:', 'http:'].includes(url.protocol))
        context.issues.push(schemaIssue('is not an http or https address'));
      else if (url.username !== '' || url.password !== '')
        context.issues.push(schemaIssue('contains a credential, which belongs into key'));
    })
    .describe('address with the path of the API version, such as https://api.openai.com/v1'),
  key: secretSchema.optional(),
  allowPrivateAddresses: z
    .boolean()
    .default(false)
    .describe('whether the address may be in a private network and without TLS'),
  limits: limits.prefault({}).describe('limits of the account, for all tenants of one process'),
  tenantLimits: limits.optional().describe('limits of each tenant, within those of the account'),
  timeouts: z
    .strictObject({
      firstToken: secondsField('the first token of a stream').default(30),
      total: secondsField('the whole answer').default(120),
    })
    .prefault({}),
  prices: z
    .record(z.string().min(1).max(200), z.strictObject({ prompt: dollars, completion: dollars }))
    .default({})
    .describe('model → prices in US dollars per million tokens'),
  thinkingTokens: z
    .record(z.string().min(1).max(200), z.int().min(0).max(200_000))
    .default({})
    .describe(
      'reasoning model → tokens that it may use in addition to the answer; these models are sent ' +
        'no temperature, top_p, seed or stop',
    ),
});

/** The operator's `kind: Platform` document with the providers of language models. */
export const providersSchema = z.strictObject({
  apiVersion: z.literal(apiVersion),
  kind: z.literal('Platform'),
  metadata: z.strictObject({ name: nameField('the name of the platform') }),
  spec: z.strictObject({ providers: z.record(nameField('the name of a provider'), provider) }),
});
