/** What the stages of an ended run show about its data and its model. */
import type { Verdict } from '../verdict';
import type { RunStatus, StageStatus } from '../run/run';
import { findBrokenData, type ValidatedSources } from './broken-data';
import type { BrokenData } from './retraining';

/** How a stage ended. `output` and `verdict` are null if it left none. */
export interface StageOutcome {
  readonly stage: string;
  readonly status: StageStatus;
  readonly output: unknown;
  readonly verdict: Verdict | null;
}

export interface RunFindings {
  /** The data whose contract stopped the run; otherwise null. */
  readonly brokenData: BrokenData | null;
  /** Whether the contracts of its sources were checked and met. */
  readonly meetsContracts: boolean;
  /** Whether something is wrong, other than that its model is not better than the champion. */
  readonly showsFault: boolean;
}

/** @param stages in the order in which they began */
export function readFindings(status: RunStatus, stages: readonly StageOutcome[]): RunFindings {
  const validated = stages.findLast(({ stage }) => stage === 'validate');
  const isStopped = status === 'stopped';
  return {
    brokenData:
      isStopped && validated?.status === 'stopped' && validated.output !== null
        ? findBrokenData(validated.output as ValidatedSources)
        : null,
    meetsContracts: validated?.status === 'succeeded',
    showsFault: isStopped
      ? isFault(stages.findLast((stage) => stage.status === 'stopped'))
      : status === 'failed' || status === 'lost',
  };
}

/**
 * Whether the stage that stopped the run found more than a model that is not better. A stop before
 * the evaluation counts as a fault, because no model was compared.
 */
function isFault(stopped: StageOutcome | undefined): boolean {
  if (stopped === undefined) return true;
  switch (stopped.stage) {
    case 'evaluate':
      return failsAbsoluteGate(stopped.verdict);
    case 'canary':
      return stopped.verdict?.kind === 'failed';
    // Somebody rejected the version, or the champion has changed.
    case 'promote':
      return false;
    default:
      return true;
  }
}

/** Gates that a model fails whatever the champion is. */
const absoluteGates = ['threshold.', 'parity.'];

function failsAbsoluteGate(verdict: Verdict | null): boolean {
  return (verdict?.reasons ?? []).some(
    ({ code, outcome }) =>
      outcome === 'failed' && absoluteGates.some((gate) => code.startsWith(gate)),
  );
}
