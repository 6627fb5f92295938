import { z } from 'zod';
import { budgetUnits } from '../../../domain/budget';
import type { AnswersSummary } from '../../../domain/llm/evaluation/answered';
import { caseResultView } from './case-result';
import { artifact } from './fields';

const score = z.object({
  mean: z.number().nullable().describe('of what could be measured'),
  lower: z.number().nullable().describe('of 95 %, whenever one looks; what could not be measured counts as 0'),
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
    next: z.string().nullable().describe('what helps where it failed'),
    progress: z.object({ done: z.number(), of: z.number() }).nullable().describe('cases; null when it does not run, or no worker says'),
    summary: z
      .object({
        cases: z.number(),
        unanswered: z.number(),
        notAnswered: z.array(z.string()).readonly().optional().describe('a line a reason, with what one of those cases was told'),
        dimensions: z.record(z.string(), score),
        costUsd: z.number().describe('US dollars, by the ledger: what an earlier evaluation paid is in it'),
        medianMs: z.number().nullable(),
      })
      .nullable(),
    results: artifact.nullable(),
  })
  .meta({ id: 'PromptEvaluation' });

export const caseResults = z.object({ items: z.array(caseResultView).readonly().describe('a case each, in the order of the cases') });

export function summaryView({ cost, ...summary }: AnswersSummary) {
  return { ...summary, costUsd: cost / budgetUnits.usd };
}

export type EvaluationJson = z.output<typeof promptEvaluationView>;
