import type { Reason } from '../../verdict';
import { formatSeconds } from '../../duration';
import type { RolloutPolicy } from '../policy';
import { holdReason, writeReasons, spanText } from '../reasons';
import { armAlpha, armPolicy, splitArms, isStopped } from './ab-arms';
import type { RolloutEvidence } from './evidence';
import { holdReasons, secondsBetween } from './hold-reasons';
import { findQuality, readMetrics } from './readings';
import { endByMismatch, sharesReason } from './sample-ratio';
import type { MetricReading, RolloutVerdict } from './verdict';

/** A challenger with its result. */
interface JudgedArm {
  readonly name: string;
  readonly stopped: boolean;
  readonly readings: readonly MetricReading[];
  readonly reasons: readonly Reason[];
  /** Why it may not be promoted. */
  readonly holds: readonly Reason[];
}

/**
 * Decides an A/B rollout. Looks are free, because all bounds hold at all times at once.
 * - Shares of entities that are not the planned ones end it: its comparison is not valid.
 * - A challenger with harm loses its traffic, and the others go on. If no challenger is left, or it
 *   is the winner that waits for its promotion, the rollout ends with harm, also if the winner is
 *   stopped already.
 * - At the horizon (`maxDuration`) the best challenger that meets the demand is promoted. Otherwise
 *   the champion stays.
 */
export function decideAb(policy: RolloutPolicy, evidence: RolloutEvidence): RolloutVerdict {
  const arms = splitArms(evidence).map((arm) =>
    judgeArm(policy, arm, isStopped(evidence, arm.challenger)),
  );
  const readings = arms.flatMap((arm) => arm.readings);
  const shares = sharesReason(evidence.ab?.entities ?? [], armAlpha(policy));
  const measured = [...arms.flatMap(({ reasons }) => reasons), shares];
  if (shares.outcome === 'failed') return endByMismatch(shares, measured, readings);

  const harmed = arms.filter(
    (arm) => arm.stopped || arm.readings.some(({ outcome }) => outcome === 'failed'),
  );
  // A worker that dies before the rollout ends may have stopped the winner already.
  const winner = harmed.find(({ name }) => name === evidence.ab?.winner);
  const found = winner ?? harmed.find(({ stopped }) => !stopped);
  if (winner !== undefined || harmed.length === arms.length)
    return { kind: 'harm', metric: failedIn(found ?? arms[0]), reasons: measured, readings };
  if (found !== undefined)
    return {
      kind: 'stopArm',
      arm: found.name,
      metric: failedIn(found),
      reasons: measured,
      readings,
    };

  const allowed = policy.maxDurationSeconds + evidence.extendedSeconds;
  const elapsed = secondsBetween(evidence.startedAt, evidence.asOf);
  if (elapsed < allowed) {
    const open = holdReason(
      'horizon',
      `${spanText(elapsed)} of ${formatSeconds(allowed)} of event time; the winner is chosen at the end`,
    );
    return {
      kind: 'continue',
      remaining: { observations: 0, seconds: allowed - elapsed },
      reasons: [...measured, open],
      readings,
    };
  }
  const best = findWinner(arms);
  if (best !== null)
    return {
      kind: 'promote',
      winner: best.name,
      reasons: [...measured, winnerReason(policy, best)],
      readings,
    };
  const expired = holdReason(
    'expired',
    `no challenger met the demand within ${formatSeconds(allowed)} of event time; onInconclusive: ${policy.onInconclusive}`,
  );
  return {
    kind: 'expired',
    action: policy.onInconclusive,
    remaining,
    reasons: [...measured, ...arms.flatMap(({ holds }) => holds), expired],
    readings,
  };
}

const remaining = { observations: null, seconds: null };

/** The challenger with the smallest loss among those that may be promoted. */
function findWinner(arms: readonly JudgedArm[]): JudgedArm | null {
  const readEstimate = ({ readings }: JudgedArm) => findQuality(readings)?.estimate ?? Infinity;
  return arms
    .filter(({ stopped, holds }) => !stopped && holds.length === 0)
    .reduce<JudgedArm | null>(
      (best, arm) => (best === null || readEstimate(arm) < readEstimate(best) ? arm : best),
      null,
    );
}

function judgeArm(policy: RolloutPolicy, arm: RolloutEvidence, stopped: boolean): JudgedArm {
  const own = armPolicy(policy);
  const { challenger: name } = arm;
  const readings = readMetrics(own, arm).map((reading) => ({ ...reading, arm: name }));
  const nameReason = (reason: Reason): Reason => ({
    ...reason,
    message: `${name}: ${reason.message}`,
  });
  const takenBack = holdReason('stopped', 'it gets no more traffic');
  return {
    name,
    stopped,
    readings,
    reasons: [...writeReasons(own, arm, readings), ...(stopped ? [takenBack] : [])].map(nameReason),
    holds: holdReasons(own, arm, readings).map(nameReason),
  };
}

function failedIn(arm: JudgedArm | undefined): string {
  return arm?.readings.find(({ outcome }) => outcome === 'failed')?.metric ?? 'quality';
}

function winnerReason(policy: RolloutPolicy, winner: JudgedArm): Reason {
  return {
    gate: 'winner',
    code: 'winner.chosen',
    message: `${winner.name} has the smallest ${policy.quality.metric} of the challengers that met the demand`,
    outcome: 'passed',
  };
}
