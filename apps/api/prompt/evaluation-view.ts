import { z } from 'zod';
import { budgetUnits } from '../../../domain/budget/budget';
import type { AnswersSummary } from '../../../domain/language/evaluation/answers-summary';
import { caseResultView } from '../language/case-result-view';
import { artifact } from '../fields';

const score = z.object({
  mean: z.number().nullable().describe('mean of the measured cases'),
  lower: z
    .number()
    .nullable()
    .describe(
      '95 % confidence interval, valid at any time; cases that could not be measured count as 0',
    ),
  upper: z.number().nullable(),
  cases: z.number(),
  failures: z.number(),
});

export const promptEvaluationView = z
  .object({
    id: z.string(),
    prompt: z.string(),
    status: z.enum(['running', 'done', 'failed']),
    cause: z.string().nullable(),
    next: z.string().nullable().describe('suggested fix after a failure'),
    progress: z
      .object({ done: z.number(), of: z.number() })
      .nullable()
      .describe('progress in cases; null if it is not running, or no worker reports progress'),
    summary: z
      .object({
        cases: z.number(),
        unanswered: z.number(),
        notAnswered: z
          .array(z.string())
          .readonly()
          .optional()
          .describe('one line per reason, with the message of one of those cases'),
        dimensions: z.record(z.string(), score),
        costUsd: z
          .number()
          .describe(
            'total in US dollars from the call ledger, including what an earlier evaluation paid for',
          ),
        medianMs: z.number().nullable(),
      })
      .nullable(),
    results: artifact.nullable(),
  })
  .meta({ id: 'PromptEvaluation' });

export const caseResults = z.object({
  items: z.array(caseResultView).readonly().describe('one entry per case, in case order'),
});

export function summaryView({ cost, ...summary }: AnswersSummary) {
  return { ...summary, costUsd: cost / budgetUnits.usd };
}

export type EvaluationJson = z.output<typeof promptEvaluationView>;
