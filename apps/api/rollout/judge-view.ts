import { z } from 'zod';
import { budgetUnits } from '../../../domain/budget/budget';
import { runScope } from '../../../domain/budget/run-budget';
import { minLabels } from '../../../domain/language/judge/calibration';
import {
  noLabels,
  judgeObstacles,
  type VersionLabels,
} from '../../../domain/rollout/judging/judge-labels';
import { isOpenRollout } from '../../../domain/rollout/rollout';
import { silenceFailures } from '../../../db/language/judged-answer-repository';
import type { Registry } from '../../../db/registry';
import type { RolloutRecord } from '../../../db/rollout/records';
import { instant } from '../fields';

const labelled = z
  .object({ right: z.number(), wrong: z.number() })
  .describe('answers of this version that people labelled right and wrong');

export const rolloutJudge = z
  .object({
    dimension: z.string().describe('name of the judge in spec.evaluate'),
    digest: z.string().describe('version of the judge: prompt, model and sampling'),
    sensitivity: z
      .number()
      .describe(
        'sensitivity: share of right answers that it called right, among the labelled ones',
      ),
    specificity: z
      .number()
      .describe(
        'specificity: share of wrong answers that it called wrong, among the labelled ones',
      ),
    pairs: z.number().describe('questions whose two answers were judged and count'),
    withoutVerdict: z.number().describe('pairs without a verdict on both answers'),
    mostPairs: z.number(),
    costUsd: z
      .number()
      .describe('cost of judging in US dollars, without what was paid for earlier'),
    silence: z
      .object({ since: instant, failure: z.enum(silenceFailures) })
      .nullable()
      .describe(
        'since when the judge has not answered, and its last failure; null while it answers, and after the rollout',
      ),
    labels: z
      .object({
        needed: z
          .number()
          .describe('labels of each kind and version required before the judge may decide'),
        pairs: z.number().describe('labelled pairs of answers'),
        champion: labelled,
        challenger: labelled,
        whyNot: z
          .array(z.string())
          .readonly()
          .describe(
            'why the verdicts may not decide yet: missing labels, or error rates that differ between the versions',
          ),
      })
      .describe('labels of judged answers in this rollout'),
    over: z.string().nullable().describe('Why judging has ended; null while it continues'),
  })
  .meta({ id: 'RolloutJudge' });

/** Null if no judge scores the answers. */
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
  const {
    shadow = none,
    serving = none,
    unscored = 0,
    judge: labels = noLabels,
  } = quality?.kind === 'pairs' ? quality : {};
  const toLabels = ({ right, wrong }: VersionLabels) => ({
    right: right.cases,
    wrong: wrong.cases,
  });
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
      needed: minLabels,
      pairs: labels.pairs,
      champion: toLabels(labels.champion),
      challenger: toLabels(labels.challenger),
      whyNot: judgeObstacles(labels),
    },
    over,
  };
}

const none = { n: 0 };

export type RolloutJudgeJson = z.output<typeof rolloutJudge>;
