import { z } from 'zod';
import { batchFields, batchIssues, withBatch } from '../batch/batch.schema';
import { objectDocument } from '../document/document';
import { untilField } from '../document/field.schema';
import type { RunId } from '../ids';
import { paramsField } from '../lifecycle/lifecycle.schema';
import { paramsIssues } from '../training/params-size';
import { runPriorities } from './fair-share';
import type { RerunRequest } from './rerun';
import type { RunRequest } from './run';
import { schemaIssue } from '../document/schema-issues.schema';

/** Which stages there are depends on the lifecycle, and is checked with it. */
const stageField = z.string().regex(/^[A-Za-z][A-Za-z0-9_-]{0,99}$/);
const forceField = z
  .array(stageField)
  .min(1)
  .max(20)
  .transform((stages) => [...new Set(stages)])
  .describe('stages to run even with unchanged inputs; not together with fromStage');
const reasonField = z.string().trim().min(1).max(500);
const priorityField = z
  .enum(runPriorities)
  .describe(
    'low, normal or high: how often the run gets its turn while runs wait for a worker; ' +
      'high has four turns for one of normal, and low one for four',
  );

/** The body of `POST /lifecycles/{name}/runs`. */
export const runRequestSchema = z
  .strictObject({
    params: paramsField.optional().describe('parameters of the trainer, only for this run'),
    until: untilField.optional(),
    fromStage: stageField.optional().describe('the first stage to run again'),
    reuseRun: z
      .string()
      .regex(/^run_[0-9a-z]{1,64}$/)
      .transform((text) => text as RunId)
      .optional()
      .describe('the id of the run whose earlier stages are reused, run_…'),
    force: forceField.optional(),
    cache: z.boolean().optional().describe('false runs every stage, even with unchanged inputs'),
    reason: reasonField.optional().describe('the reason, for the audit log'),
    priority: priorityField.optional(),
    ...batchFields,
  })
  .check(({ value, issues }) => {
    issues.push(...batchIssues(value));
    if (value.force !== undefined && value.fromStage !== undefined) issues.push(forcedTwice());
    if (value.fromStage !== undefined && value.reuseRun === undefined) {
      issues.push({
        ...schemaIssue('is missing: fromStage needs the run whose earlier stages are reused'),
        path: ['reuseRun'],
      });
    }
    if (value.reuseRun !== undefined && value.fromStage === undefined) {
      issues.push({
        ...schemaIssue('is missing: reuseRun needs the first stage to run again'),
        path: ['fromStage'],
      });
    }
    issues.push(...tooLarge(value.params));
  })
  .transform((body): RunRequest => removeUndefined(withBatch(body)));

/** The body of `POST /runs/{id}/rerun`. */
export const rerunRequestSchema = z
  .strictObject({
    fromStage: stageField
      .optional()
      .describe(
        'the first stage to run again, with all later ones; default the first one that failed or whose inputs change',
      ),
    force: forceField.optional(),
    params: paramsField.optional().describe('parameters of the trainer to change; others are kept'),
    until: untilField.optional(),
    revision: z
      .union([z.literal('latest'), z.int().min(1), z.string().regex(/^sha256:[0-9a-f]{64}$/)])
      .optional()
      .describe('latest, the number or the digest of a revision; default the revision of the run'),
    reason: reasonField.optional().describe('the reason, for the audit log'),
    priority: priorityField.optional(),
  })
  .check(({ value, issues }) => {
    if (value.force !== undefined && value.fromStage !== undefined) issues.push(forcedTwice());
    issues.push(...tooLarge(value.params));
  })
  .transform((request): RerunRequest => removeUndefined(request));

/** `fromStage` runs every later stage, so nothing is left to force. */
function forcedTwice(): z.core.$ZodRawIssue {
  const detail =
    'has no effect with fromStage, which runs that stage and every later one; give one of them';
  return { ...schemaIssue(detail, { expected: null }), path: ['force'] };
}

function tooLarge(params: RunRequest['params']): z.core.$ZodRawIssue[] {
  const [large] = paramsIssues(params, ['params'], objectDocument({ params }, '').issueAt);
  if (!large) return [];
  const { detail, expected } = large;
  return [{ ...schemaIssue(detail.replace('params ', ''), { expected }), path: ['params'] }];
}

/** Removes undefined members, because requests are compared under an Idempotency-Key. */
function removeUndefined(request: object): object {
  return Object.fromEntries(Object.entries(request).filter(([, value]) => value !== undefined));
}
