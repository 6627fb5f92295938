import { openCalendar } from '../../../calendar';
import { correlationWidening } from '../../../statistics/day-correlation';
import type { DaysState } from '../../../statistics/days-sequence';
import { studentCdf } from '../../../statistics/distributions';
import { dayCorrelationIn, type RolloutPolicy } from '../../policy';
import type { BanditEvidence, RolloutEvidence, ShareMove } from '../evidence';

/** The newest moves that are kept as evidence; the run's events have all of them. */
const mostRecent = 60;
/** A variance needs two days. */
const minDays = 2;

/** What a bandit knows at one look, beside its evidence. */
interface BanditLook {
  /** Event time of the newest requests. */
  readonly eventNow: string;
  /** The challenger's share of entities now, 0–1; 0 before its first requests. */
  readonly share: number;
  /** False while the rollout is held, has passed or is decided: the share stays. */
  readonly mayMove: boolean;
}

/**
 * Moves the challenger's share at the first look of a new day of event time, and never within a
 * day. The new share is the probability that the challenger is better: Thompson sampling, as a
 * share of the entities instead of a draw for each request (W. R. Thompson, Biometrika 25 (1933);
 * S. L. Scott, "A modern Bayesian look at the multi-armed bandit", Applied Stochastic Models in
 * Business and Industry 26 (2010)). It stays within the limits of the policy, so both versions
 * always answer some requests. A repeated look of the same day moves nothing.
 */
export function withShare(
  policy: RolloutPolicy,
  evidence: RolloutEvidence,
  { eventNow, share, mayMove }: BanditLook,
): RolloutEvidence {
  if (policy.shares === undefined || share === 0) return evidence;
  const day = openCalendar(policy.timezone).findDay(Date.parse(eventNow));
  const before = evidence.bandit ?? {
    day,
    lowest: share,
    highest: share,
    moves: 0,
    recent: [],
  };
  if (day <= before.day) return { ...evidence, bandit: before };
  const move = mayMove ? chooseMove(policy, evidence, { at: eventNow, from: share }) : null;
  return { ...evidence, bandit: withMove({ ...before, day }, move) };
}

function chooseMove(
  { shares, test }: RolloutPolicy,
  { quality }: RolloutEvidence,
  { at, from }: Pick<ShareMove, 'at' | 'from'>,
): ShareMove | null {
  const belief = computeBelief(quality.days, dayCorrelationIn({ test }).value);
  if (shares === undefined || belief === null) return null;
  // Whole percents, so that a tiny change moves no entity.
  const wanted = Math.round(100 * belief.probability);
  const to = Math.min(shares.greatest, Math.max(shares.least, wanted)) / 100;
  return to === from ? null : { at, from, to, ...belief };
}

function withMove(before: BanditEvidence, move: ShareMove | null): BanditEvidence {
  if (move === null) return before;
  return {
    ...before,
    lowest: Math.min(before.lowest, move.to),
    highest: Math.max(before.highest, move.to),
    moves: before.moves + 1,
    recent: [...before.recent, move].slice(-mostRecent),
  };
}

/**
 * The posterior probability that the mean difference over days is below 0, so that the challenger
 * is better. Days are normal with unknown mean and variance and the prior 1/σ². So the mean has a
 * t distribution with n − 1 degrees of freedom around the mean of the n days (A. Gelman et al.,
 * Bayesian Data Analysis, 3rd ed., §3.2). Its scale is widened for the correlation of days, as in
 * the bounds across days. Null with fewer than two days.
 */
export function computeBelief(
  { days: closed, sum, sumSquares, week }: Pick<DaysState, 'days' | 'sum' | 'sumSquares' | 'week'>,
  correlation: number,
): Pick<ShareMove, 'probability' | 'days' | 'difference'> | null {
  const days = closed + week.days;
  if (days < minDays) return null;
  const difference = (sum + week.sum) / days;
  const squares = sumSquares + week.sumSquares - days * difference ** 2;
  const error =
    Math.sqrt(Math.max(0, squares) / (days - 1) / days) * correlationWidening(correlation);
  // Equal differences on all days leave no doubt about their sign.
  const t = difference === 0 ? 0 : -difference / error;
  return { probability: studentCdf(t, days - 1), days, difference };
}

/** The move that the later of two states has and the earlier one lacks. */
export function newMove(
  before: RolloutEvidence | null,
  after: RolloutEvidence | null,
): ShareMove | null {
  const moves = (evidence: RolloutEvidence | null) => evidence?.bandit?.moves ?? 0;
  return moves(after) > moves(before) ? (after?.bandit?.recent.at(-1) ?? null) : null;
}
