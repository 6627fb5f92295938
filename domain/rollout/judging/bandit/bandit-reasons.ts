import type { Reason } from '../../../verdict';
import { count, percent, formatSigned } from '../../../format';
import type { RolloutPolicy } from '../../policy';
import type { RolloutEvidence, ShareMove } from '../evidence';

/** What every bandit gives up, in the plan and in each verdict. */
export const givenUpByBandit = [
  'entities change version during the rollout',
  'it is not tested whether entities are divided as planned, because the plan moves',
  'guardrails count requests at all shares together, so harm that only a large share causes shows later',
  'quality is shown no sooner than at a fixed share, because both versions score every request',
  'no share moves before two whole days have labels that are due',
] as const;

/** The share of a bandit with its cause, and what moving it gave up. Empty for other methods. */
export function banditReasons(
  { shares }: RolloutPolicy,
  { bandit }: RolloutEvidence,
): readonly Reason[] {
  if (shares === undefined) return [];
  const { lowest, highest, moves } = bandit ?? { lowest: 0, highest: 0, moves: 0 };
  const last = bandit?.recent.at(-1);
  const reason = (code: string, message: string, details: readonly string[]): Reason => ({
    gate: 'bandit',
    code: `bandit.${code}`,
    message,
    outcome: 'notApplicable',
    ...(details.length > 0 && { details }),
  });
  const limits = `limits ${shares.least} % and ${shares.greatest} %`;
  return [
    last === undefined
      ? reason('share', `the challenger's share has not moved yet (${limits})`, [])
      : reason('share', moveText(last), [limits, 'it moves at most once per day of event time']),
    reason(
      'givenUp',
      `given up: ${changedText(highest - lowest, moves)}; shares are not tested; guardrails pool all shares`,
      givenUpByBandit,
    ),
  ];
}

/**
 * `share of the challenger 5 % → 62 %: better with probability 62 % by 9 days, mean difference in
 * loss −0.02`
 */
export function moveText({ from, to, probability, days, difference }: ShareMove): string {
  return `share of the challenger ${percent(from)} → ${percent(to)}: better with probability ${percent(probability)} by ${count(days)} days, mean difference in loss ${formatSigned(difference)}`;
}

/** The boundary of the shares passed exactly the entities between its extreme positions. */
function changedText(share: number, moves: number): string {
  if (moves === 0) return 'entities change version';
  return `${percent(share)} of entities changed version in ${moves === 1 ? '1 move' : `${count(moves)} moves`}`;
}
