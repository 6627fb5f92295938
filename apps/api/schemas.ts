/** What travels over HTTP, as zod: the OpenAPI document is made from these. */
import { z } from 'zod';

export const name = z.string().regex(/^[a-z][a-z0-9-]{0,62}$/, 'lower-case letters, digits and dashes, from a letter, at most 63');
export const runId = z.string().regex(/^run_[0-9a-z]+$/, 'a run id: run_…');
export const digest = z.string().regex(/^sha256:[0-9a-f]{64}$/, 'sha256: and 64 hex digits');
export const time = z.iso.datetime({ offset: true });
export const version = z.coerce.number().int().min(1);

export const page = z.strictObject({ pageSize: z.coerce.number().int().min(1).max(200).default(50), pageToken: z.string().optional() });

export const reason = z.object({ gate: z.string(), code: z.string(), message: z.string() });
export const verdict = z.object({ kind: z.enum(['passed', 'failed', 'inconclusive']), reasons: z.array(reason).readonly() });

export const stageView = z.object({
  name: z.string(),
  status: z.string(),
  seconds: z.number(),
  reusedFrom: z.string().nullable(),
  decision: z.string().nullable(),
  failure: z.unknown().nullable(),
});

export const runView = z.object({
  id: z.string(),
  lifecycle: z.string(),
  revision: z.string(),
  status: z.string(),
  verdict: verdict.nullable(),
  version: z.number().nullable(),
  waitingFor: z.string().nullable(),
  failure: z
    .object({ type: z.string(), message: z.string(), stage: z.string().optional(), needsOperator: z.array(z.unknown()).readonly().optional() })
    .nullable(),
  request: z.record(z.string(), z.unknown()),
  actor: z.string(),
  traceId: z.string(),
  createdAt: z.string(),
  startedAt: z.string().nullable(),
  endedAt: z.string().nullable(),
  temporalUrl: z.string().nullable(),
});
export const runWithStages = runView.extend({ stages: z.array(stageView).readonly() });

export const problem = z
  .object({
    type: z.string(),
    title: z.string(),
    status: z.number(),
    detail: z.string(),
    code: z.string(),
    errors: z
      .array(z.object({ pointer: z.string(), detail: z.string() }))
      .readonly()
      .optional(),
    next: z.string().optional(),
    traceId: z.string(),
  })
  .meta({ id: 'Problem' });

/** A list's answer; members are described by their noun's own route. */
export function pageOf<T extends z.ZodType>(item: T) {
  return z.object({ items: z.array(item).readonly(), nextPageToken: z.string().nullable() });
}

export const anything = z.unknown();
