import type { Evidence } from '../../evaluation/evidence';
import type { GateResult } from '../../evaluation/gate';
import type { GateSpec } from '../gate-spec';
import type { EvaluationPolicy } from '../policy';
import { judgeNonInferiority, judgeSuperiority } from './difference';
import { judgeParity } from './parity';
import { judgeSlices } from './slice';
import { judgeThreshold } from './threshold';

/**
 * Judges one gate of a model on its holdout. Language applications have their own gates
 * (`judgeLlmGate`): their scores, bounds and failures differ, and more cases can be asked.
 */
export function judgeModelGate(
  gate: GateSpec,
  evidence: Evidence,
  policy: EvaluationPolicy,
): GateResult {
  switch (gate.kind) {
    case 'threshold':
      return judgeThreshold(gate, evidence);
    case 'nonInferiority':
      return judgeNonInferiority(gate, evidence);
    case 'superiority':
      return judgeSuperiority(gate, evidence);
    case 'slice':
      return judgeSlices(gate, evidence, policy);
    case 'parity':
      return judgeParity(gate, evidence);
  }
}
