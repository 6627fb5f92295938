import { z } from 'zod';
import { budgetUnits } from '../../../domain/budget';
import { runScope } from '../../../domain/llm/run-budget';
import type { Registry } from '../../../db/registry';
import type { RolloutRecord } from '../../../db/repositories/rollouts';

export const rolloutJudge = z
  .object({
    dimension: z.string().describe('of spec.evaluate'),
    digest: z.string().describe('the version of the judge: prompt, model and sampling'),
    sensitivity: z.number().describe('the share of right answers that it called right, of those that people have judged'),
    specificity: z.number().describe('the share of wrong answers that it called wrong'),
    pairs: z.number().describe('questions whose two answers were judged and are counted'),
    withoutVerdict: z.number().describe('of pairs: without a verdict on both answers'),
    mostPairs: z.number(),
    costUsd: z.number().describe('what judging has cost, without what was paid before'),
  })
  .meta({ id: 'RolloutJudge' });

/** Null where no judge says what answers are worth. */
export async function judgeToJson(
  { llmCalls }: Pick<Registry, 'llmCalls'>,
  { tenant, runId, spec, state }: RolloutRecord,
): Promise<z.output<typeof rolloutJudge> | null> {
  const judge = spec.quality.answers?.judge;
  if (judge?.calibrated === undefined) return null;
  const { judge: digest, positives, negatives } = judge.calibrated;
  const { cost } = await llmCalls.report({ tenant, scope: `${runScope(runId)}/canary` });
  const quality = state.evidence?.quality;
  const { traffic = { n: 0 }, unscored = 0 } = quality?.kind === 'pairs' ? quality : {};
  return {
    dimension: judge.dimension,
    digest,
    sensitivity: positives.right / positives.cases,
    specificity: negatives.right / negatives.cases,
    pairs: traffic.n + unscored,
    withoutVerdict: unscored,
    mostPairs: judge.mostPairs,
    costUsd: cost / budgetUnits.usd,
  };
}
