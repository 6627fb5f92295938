import type { Evidence } from '../../evaluation/evidence';
import type { GateResult } from '../../evaluation/gate';
import { count, figure, percent, plain } from '../../format';
import { notMeasured, type GateOf } from './gate';

/**
 * Tests that a real gateway returns the evaluated predictions. Passes when the share of rows within
 * `tolerance` reaches `minShare`. Fails when the gateway served other bytes than the candidate's
 * (I3). Inconclusive unless every requested row was compared. It counts rows instead of using the
 * largest difference, because a float32 threshold moves one or two of 5,000 rows.
 */
export function judgeParity(gate: GateOf<'parity'>, evidence: Evidence): GateResult {
  const { parity } = evidence;
  if (parity === null) return notMeasured('parity', 'no rows were sent to a gateway');
  if (parity.kind === 'notMeasured') return notMeasured('parity', parity.reason);
  if (parity.digestServed !== evidence.candidate) {
    const message = `${parity.gateway} served ${parity.digestServed}, not the candidate ${evidence.candidate}`;
    return { outcome: 'failed', code: 'parity.otherBytes', message };
  }
  const required = Math.min(gate.rows, evidence.holdout.rows);
  if (required === 0 || parity.rows < required)
    return notMeasured(
      'parity',
      `${count(parity.rows)} of the required ${count(gate.rows)} rows were sent to ${parity.gateway}`,
    );
  if (parity.compared < parity.rows) {
    return notMeasured(
      'parity',
      `${parity.gateway} answered only ${count(parity.compared)} of ${count(parity.rows)} rows`,
    );
  }
  const share = parity.agreeing / parity.compared;
  const found =
    `${count(parity.agreeing)} of ${count(parity.compared)} rows (${percent(share)}) agree within ` +
    `${plain(parity.tolerance)}: at least ${percent(gate.minShare)} within ${plain(gate.tolerance)} required`;
  const details = [
    `largest difference from the offline prediction: ${figure(parity.maxDifference)}`,
  ];
  // Agreement within a smaller tolerance implies agreement within a larger one.
  if (parity.tolerance > gate.tolerance)
    return notMeasured('parity', `${found}, but a wider tolerance was measured`);
  if (share >= gate.minShare)
    return { outcome: 'passed', code: 'parity.agrees', message: found, details };
  if (parity.tolerance < gate.tolerance)
    return notMeasured('parity', `${found}, but a narrower tolerance was measured`);
  return { outcome: 'failed', code: 'parity.differs', message: found, details };
}
