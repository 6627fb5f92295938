import { z } from 'zod';
import { objectDocument } from '../document/document';
import { untilField } from '../document/field.schema';
import type { RunId } from '../ids';
import { paramsField } from '../lifecycle/lifecycle.schema';
import { paramsIssues } from '../training/params-size';
import type { RunRequest } from './run';
import { stageNames } from './run';
import { notInThisVersion, schemaIssue } from '../document/schema-issues.schema';

/** The body of `POST /lifecycles/{name}/runs`. */
export const runRequestSchema = z
  .strictObject({
    params: paramsField.optional().describe('parameters of the trainer, only for this run'),
    until: untilField.optional(),
    fromStage: z.enum(stageNames).optional().describe('the first stage to run again'),
    reuseRun: z
      .string()
      .regex(/^run_[0-9a-z]{1,64}$/)
      .transform((text) => text as RunId)
      .optional()
      .describe('the id of the run whose earlier stages are reused, run_…'),
    cache: z.boolean().optional().describe('false runs every stage, even with unchanged inputs'),
    reason: z.string().trim().min(1).max(500).optional().describe('the reason, for the audit log'),
    kind: notInThisVersion,
    input: notInThisVersion,
    as: notInThisVersion,
  })
  .check(({ value, issues }) => {
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
    const [large] = paramsIssues(value.params, ['params'], objectDocument(value, '').issueAt);
    if (large)
      issues.push({
        ...schemaIssue(large.detail.replace('params ', ''), { expected: large.expected }),
        path: ['params'],
      });
  })
  .transform((request): RunRequest => defined(request));

/** Removes undefined members, because requests are compared under an Idempotency-Key. */
function defined(request: object): RunRequest {
  return Object.fromEntries(Object.entries(request).filter(([, value]) => value !== undefined));
}
