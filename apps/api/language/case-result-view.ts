import { z } from 'zod';
import { artifact, document } from '../fields';

export const runEvaluationView = z
  .object({
    stage: z.string(),
    name: z
      .string()
      .describe(
        'arm that answered: candidate, champion, baseline, standby <provider> <model>, or the path of a prompt with its slice',
      ),
    cases: z.number().nullable(),
    results: artifact.describe('JSON, one entry per case'),
  })
  .meta({ id: 'RunEvaluation' });

const score = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('scored'), value: z.number(), detail: z.string().optional() }),
  z.object({ kind: z.literal('failed'), reason: z.string() }),
  z.object({ kind: z.literal('notApplicable') }),
]);

export const caseResultView = z
  .object({
    id: z.string(),
    group: z.string().nullable(),
    pair: z.string().nullable(),
    input: z
      .record(z.string(), z.unknown())
      .optional()
      .describe('what was asked: values of the prompt’s variables'),
    expected: document.optional().describe('expected answer, if the case has one'),
    answer: z.string().nullable(),
    unanswered: z.string().nullable().describe('type of the failure if there is no answer'),
    because: z.string().optional().describe('message and advice of that failure'),
    retrieved: z.array(z.object({ documentId: z.string() })).readonly(),
    notReworded: z.array(z.string()).readonly().optional(),
    scores: z.record(z.string(), score).describe('scores by dimension'),
    latencyMs: z.number().nullable(),
    earlier: z
      .boolean()
      .optional()
      .describe('answered for another run or stage, so its latency comes from another load'),
    untimed: z.string().optional(),
    by: z.object({ provider: z.string(), model: z.string(), standsIn: z.boolean() }).optional(),
    costUsd: z.number().nullable().describe('US dollars'),
  })
  .meta({ id: 'CaseResult' });

export type RunEvaluationJson = z.output<typeof runEvaluationView>;
