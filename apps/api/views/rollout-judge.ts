import { z } from 'zod';
import { budgetUnits } from '../../../domain/budget';
import { runScope } from '../../../domain/llm/run-budget';
import { knownEvidence } from '../../../domain/rollout/state';
import { isOpenRollout } from '../../../domain/rollout/rollout';
import { silenceFailures } from '../../../db/repositories/judged-answers';
import type { Registry } from '../../../db/registry';
import type { RolloutRecord } from '../../../db/repositories/rollouts';
import { instant } from './fields';

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
    silence: z
      .object({ since: instant, failure: z.enum(silenceFailures) })
      .nullable()
      .describe('since when it was asked in vain, and what came of it last; null while it answers, and when the rollout has ended'),
    over: z.string().nullable().describe('why nothing more is judged; null while it is'),
  })
  .meta({ id: 'RolloutJudge' });

/** Null where no judge says what answers are worth. */
export async function judgeToJson(
  { llmCalls, judgedAnswers }: Pick<Registry, 'llmCalls' | 'judgedAnswers'>,
  { tenant, runId, spec, state, status }: RolloutRecord,
): Promise<z.output<typeof rolloutJudge> | null> {
  const judge = spec.quality.answers?.judge;
  if (judge?.calibrated === undefined) return null;
  const { judge: digest, positives, negatives } = judge.calibrated;
  const asked = { tenant, scope: `${runScope(runId)}/canary` };
  const { cost } = await llmCalls.report(asked);
  const over = state.evidence?.noMoreLabels?.why ?? null;
  const quality = knownEvidence(state.evidence)?.quality;
  const { shadow = none, serving = none, unscored = 0 } = quality?.kind === 'pairs' ? quality : {};
  return {
    dimension: judge.dimension,
    digest,
    sensitivity: positives.right / positives.cases,
    specificity: negatives.right / negatives.cases,
    pairs: shadow.n + serving.n + unscored,
    withoutVerdict: unscored,
    mostPairs: judge.mostPairs,
    costUsd: cost / budgetUnits.usd,
    silence: over === null && isOpenRollout(status) ? await judgedAnswers.silence(asked) : null,
    over,
  };
}

const none = { n: 0 };
