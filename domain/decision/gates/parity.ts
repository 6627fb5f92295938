import type { Evidence } from '../evidence';
import { figure, percent, plain } from '../../format';
import { notMeasured, type GateOf, type GateResult } from './gate';

/**
 * "What a real gateway answers is what was evaluated." A count over fixed rows, so there is no
 * interval: passes when the share of rows within `tolerance` reaches `minShare`. Fails at once when
 * the gateway served other bytes than the candidate's (I3). Inconclusive unless every requested row
 * was compared. Shares instead of the largest difference: a float32 threshold moves one or two rows
 * of 5,000.
 */
export function judgeParity(gate: GateOf<'parity'>, evidence: Evidence): GateResult {
  const { parity } = evidence;
  if (parity === null) return notMeasured('parity', 'no rows were sent through a gateway');
  if (parity.kind === 'notMeasured') return notMeasured('parity', parity.reason);
  if (parity.digestServed !== evidence.candidate) {
    const message = `${parity.gateway} served ${parity.digestServed}, not the candidate ${evidence.candidate}`;
    return { outcome: 'failed', code: 'parity.otherBytes', message };
  }
  const asked = Math.min(gate.rows, evidence.holdout.rows);
  if (asked === 0 || parity.rows < asked)
    return notMeasured(
      'parity',
      `${parity.rows} rows were sent through ${parity.gateway}, ${gate.rows} are asked for`,
    );
  if (parity.compared < parity.rows) {
    return notMeasured(
      'parity',
      `only ${parity.compared} of ${parity.rows} rows got an answer from ${parity.gateway}`,
    );
  }
  const share = parity.agreeing / parity.compared;
  const found =
    `${parity.agreeing} of ${parity.compared} rows (${percent(share)}) agree within ${plain(parity.tolerance)}; ` +
    `at least ${percent(gate.minShare)} within ${plain(gate.tolerance)} asked`;
  const details = [
    `largest difference from what was evaluated offline ${figure(parity.maxDifference)}`,
  ];
  // Agreement within less is agreement within more, but not the other way round.
  if (parity.tolerance > gate.tolerance)
    return notMeasured('parity', `${found}, which was counted with a wider tolerance`);
  if (share >= gate.minShare)
    return { outcome: 'passed', code: 'parity.agrees', message: found, details };
  if (parity.tolerance < gate.tolerance)
    return notMeasured('parity', `${found}, which was counted with a narrower tolerance`);
  return { outcome: 'failed', code: 'parity.differs', message: found, details };
}
