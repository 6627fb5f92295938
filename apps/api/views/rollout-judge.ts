import { z } from 'zod';
import { budgetUnits } from '../../../domain/budget';
import { runScope } from '../../../domain/llm/run-budget';
import { fewestLabels } from '../../../domain/llm/evaluation/judge';
import { noLabels, whyNotYet, type VersionLabels } from '../../../domain/rollout/judge-labels';
import { isOpenRollout } from '../../../domain/rollout/rollout';
import { silenceFailures } from '../../../db/repositories/judged-answers';
import type { Registry } from '../../../db/registry';
import type { RolloutRecord } from '../../../db/repositories/rollouts';
import { instant } from './fields';

const labelled = z.object({ right: z.number(), wrong: z.number() }).describe('answers of this version that people called right and wrong');

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
    labels: z
      .object({
        needed: z.number().describe('labels of each kind and version that are needed before the judge may decide'),
        pairs: z.number().describe('pairs of answers that people labelled'),
        champion: labelled,
        challenger: labelled,
        whyNot: z
          .array(z.string())
          .readonly()
          .describe('why the verdicts may not decide yet: missing labels, or errors that differ between the versions'),
      })
      .describe('what people said of answers that the judge has judged in this rollout'),
    over: z.string().nullable().describe('Why judging has ended; null while it continues'),
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
  const quality = state.evidence?.quality;
  const { shadow = none, serving = none, unscored = 0, judge: labels = noLabels } = quality?.kind === 'pairs' ? quality : {};
  const labelsOf = ({ right, wrong }: VersionLabels) => ({ right: right.cases, wrong: wrong.cases });
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
    labels: {
      needed: fewestLabels,
      pairs: labels.pairs,
      champion: labelsOf(labels.champion),
      challenger: labelsOf(labels.challenger),
      whyNot: whyNotYet(labels),
    },
    over,
  };
}

const none = { n: 0 };

export type RolloutJudgeJson = z.output<typeof rolloutJudge>;
