import type { Reason } from '../../verdict';
import { count, percent } from '../../format';
import { logEvidenceAgainstShares } from '../../statistics/multinomial-sequence';
import { alphaBudget, type RolloutPolicy } from '../policy';
import { holdReason } from '../reasons';
import type { EntityCount, RolloutEvidence } from './evidence';
import type { MetricReading, RolloutVerdict } from './verdict';

/** The sample-ratio test: whether entities are divided as planned. */
export function sharesReason(entities: readonly EntityCount[], alpha: number): Reason {
  const total = entities.reduce((sum, { n }) => sum + n, 0);
  const found = entities
    .map(({ arm, share, n }) => `${arm} ${percent(n / Math.max(1, total))} of ${percent(share)}`)
    .join(', ');
  const isMismatch = logEvidenceAgainstShares(entities) >= -Math.log(alpha);
  return {
    gate: 'shares',
    code: isMismatch ? 'shares.mismatch' : 'shares.planned',
    message: isMismatch
      ? `entities are not divided as planned: ${found} (${count(total)} entities)`
      : `no mismatch of shares is shown: ${found} (${count(total)} entities)`,
    outcome: isMismatch ? 'failed' : 'notApplicable',
  };
}

/** The test of the current step of a rollout by arms. Empty for other rollouts. */
export function stepSharesReasons(
  policy: RolloutPolicy,
  { entities = [] }: RolloutEvidence,
): readonly Reason[] {
  const { perShares } = alphaBudget(policy);
  return perShares === 0 || entities.length === 0 ? [] : [sharesReason(entities, perShares)];
}

/** A mismatch ends a rollout in every status: requests of some version are lost or not logged. */
export function endByMismatch(
  shares: Reason,
  measured: readonly Reason[],
  readings: readonly MetricReading[],
): RolloutVerdict {
  const ended = holdReason('sampleRatio', `${shares.message}; the comparison is not valid`);
  return {
    kind: 'expired',
    action: 'rollback',
    isInvalid: true,
    remaining: { observations: null, seconds: null },
    reasons: [...measured, ended],
    readings,
  };
}
