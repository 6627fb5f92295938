/** The rules of a rollout before version 2, as far as a simulation needs them for a comparison. */
import { requestLoss } from '../../../domain/rollout/judging/loss';
import type { RolloutPolicy } from '../../../domain/rollout/policy';
import { emptyMean, extendMean, wealthAgainst } from '../../../domain/statistics/mean-sequence';
import type { SequenceBounds } from '../../../domain/statistics/mean-sequence';
import { loglossPairs, simulatedStart, type Watcher } from './simulated-rollouts';

/**
 * After every day from the fifth on: the t mixture of Lai (1976), which assumes independent days.
 */
export function earlierDayBounds(
  {
    days,
    sum,
    sumSquares,
  }: { readonly days: number; readonly sum: number; readonly sumSquares: number },
  alpha: number,
): SequenceBounds | null {
  if (days < 5) return null;
  const [mean, c] = [sum / days, 0.5];
  const variance = Math.max(0, sumSquares / days - mean ** 2);
  const share = 1 - (1.9 * alpha * Math.sqrt(c / (days + c))) ** (2 / days);
  const left = days - share * (days + c);
  if (left <= 0) return null;
  const half = Math.sqrt((share * (days + c) * variance) / left);
  return { lower: mean - half, upper: mean + half };
}

/**
 * One sequence over all steps with the widest possible range per pair. Days begin at midnight UTC,
 * five are enough, a statement once made stays, and harm is judged by the margin. Guardrails are as
 * today and not simulated.
 */
export function byEarlierRules(policy: RolloutPolicy, minDays = 5): Watcher {
  const { test, guardrails, steps, quality } = policy;
  const perSide = test.alpha / (1 + guardrails.length) / 2;
  const loss = requestLoss(quality);
  const limit = quality.margin;
  let [step, requests, shown, state] = [0, 0, false, emptyMean()];
  const days = { days: 0, sum: 0, sumSquares: 0 };
  let day = { n: 0, sum: 0, of: 0 };
  return {
    percent: () => steps[step] ?? 0,
    look: (seen) => {
      const values = seen.pairs.flatMap(({ label, champion, challenger }) =>
        label === null || champion === null || challenger === null
          ? []
          : [loss.of(label, challenger) - loss.of(label, champion)],
      );
      state = extendMean(state, loglossPairs, values);
      requests += seen.requests.length;
      day = {
        ...day,
        n: day.n + values.length,
        sum: day.sum + values.reduce((sum, each) => sum + each, 0),
      };
      const elapsed = (Date.parse(seen.asOf) - simulatedStart) / 86_400_000;
      if (Math.floor(elapsed) > day.of) {
        const mean = day.sum / day.n;
        Object.assign(days, {
          days: days.days + 1,
          sum: days.sum + mean,
          sumSquares: days.sumSquares + mean ** 2,
        });
        day = { n: 0, sum: 0, of: Math.floor(elapsed) };
      }
      const across =
        minDays < 5
          ? null
          : (earlierDayBounds(days, test.alpha) ?? { lower: -Infinity, upper: Infinity });
      const against = wealthAgainst(state, loglossPairs, limit);
      const enough = -Math.log(perSide);
      const serves = (steps[step] ?? 0) > 0;
      if (against.atMost >= enough && (serves || across === null || across.lower > limit))
        return 'harm';
      shown ||=
        state.n >= test.minSamples &&
        elapsed >= minDays &&
        against.atLeast >= enough &&
        (across === null || across.upper < limit);
      if (requests < test.minSamples) return 'continue';
      if ((!serves || step === steps.length - 1) && !shown) return 'continue';
      if (step === steps.length - 1) return 'promote';
      [step, requests] = [step + 1, 0];
      return 'advance';
    },
  };
}
