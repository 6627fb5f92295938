/** Parts that requests and responses share, as zod schemas for the OpenAPI document. */
import { randomUUID } from 'node:crypto';
import { z } from 'zod';

export const name = z
  .string()
  .regex(/^[a-z][a-z0-9-]{0,62}$/)
  .describe('lower-case letters, digits and dashes, beginning with a letter, at most 63');
export const runId = z
  .string()
  .regex(/^run_[0-9a-z]{1,64}$/)
  .describe('a run id: run_…');
/** A time in a request. */
export const time = z.iso
  .datetime({ offset: true })
  .describe('an RFC 3339 time, such as 2026-01-31T12:00:00Z');
/** A time in a response. */
export const instant = z.string().meta({ format: 'date-time' });
/** The largest number that a version's column holds. */
const maxVersion = 2_147_483_647;
export const versionNumber = z
  .number()
  .int()
  .min(1)
  .max(maxVersion)
  .describe('a whole number from 1');
/** The same number in a path or a query. */
export const version = z.coerce
  .number()
  .int()
  .min(1)
  .max(maxVersion)
  .describe('a whole number from 1');
export const why = z
  .string()
  .trim()
  .min(1)
  .max(1000)
  .describe('reason for the audit log, 1 to 1000 characters');

export const page = z.strictObject({
  pageSize: z.coerce
    .number()
    .int()
    .min(1)
    .max(200)
    .default(50)
    .describe('a whole number from 1 to 200'),
  pageToken: z.string().max(1000).optional().describe('nextPageToken of the previous page'),
});

/** The response of a list. */
export function pageSchema<T extends z.ZodType>(item: T) {
  return z.object({ items: z.array(item).readonly(), nextPageToken: z.string().nullable() });
}

export const idempotent = z.looseObject({
  'idempotency-key': z
    .string()
    .min(1)
    .max(255)
    .optional()
    .describe('1 to 255 characters; requests with the same key take effect once'),
});

/** The key of a request; without the header, each request gets a new key. */
export function readIdempotencyKey(headers: {
  readonly 'idempotency-key'?: string | undefined;
}): string {
  return `api/${headers['idempotency-key'] ?? randomUUID()}`;
}

export const artifact = z
  .object({ uri: z.string(), digest: z.string(), bytes: z.number(), mediaType: z.string() })
  .meta({ id: 'ArtifactRef' });

export const failure = z.object({
  type: z.string(),
  message: z.string(),
  stage: z.string().optional(),
  next: z.string().optional().describe('what to try next'),
  needsOperator: z
    .array(z.object({ what: z.string(), message: z.string() }))
    .readonly()
    .optional()
    .describe('undos that failed and need an operator'),
});

export const reason = z.object({
  gate: z.string(),
  code: z.string(),
  message: z.string().describe('one fact, with its figures'),
  details: z
    .array(z.string())
    .readonly()
    .optional()
    .describe('further facts, one per line; absent if there are none'),
  outcome: z
    .enum(['passed', 'failed', 'inconclusive', 'notApplicable', 'noted'])
    .optional()
    .describe('outcome of this gate; absent if it equals the verdict'),
});
export const verdict = z
  .object({
    kind: z.enum(['passed', 'failed', 'inconclusive']),
    reasons: z.array(reason).readonly(),
  })
  .meta({ id: 'Verdict' });

/** JSON whose shape depends on its own `version` or on its dataset. */
export const document = z.unknown();

const problemDetails = z
  .object({
    type: z.string(),
    title: z.string(),
    status: z.number(),
    detail: z.string(),
    code: z.string(),
    errors: z
      .array(
        z.object({
          pointer: z.string(),
          detail: z.string(),
          file: z.string().optional(),
          line: z.number().optional(),
          column: z.number().optional(),
          expected: z.string().optional(),
          didYouMean: z.string().optional(),
        }),
      )
      .readonly()
      .optional(),
    next: z.string().optional().describe('suggested next step'),
    retryAfter: z
      .number()
      .optional()
      .describe('in seconds; also sent as the header of the same name'),
    traceId: z.string(),
  })
  .meta({ id: 'Problem' });

/** Every response that is not a success. */
export const problem = {
  description: 'What is wrong (RFC 9457)',
  content: { 'application/problem+json': { schema: problemDetails } },
};
