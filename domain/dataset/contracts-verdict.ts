import { combineVerdicts, compareSeverity, type Reason, type Verdict } from '../verdict';

export interface SourceVerdict {
  readonly source: string;
  /** Null for a source without a contract. */
  readonly verdict: Verdict | null;
}

/**
 * The verdict on all sources: the worst of theirs, with the reasons of every source. A source
 * without a contract has a reason too, because its rows were not checked (I10).
 */
export function contractsVerdict(sources: readonly SourceVerdict[]): Verdict {
  const verdicts = sources.flatMap(({ verdict }) => (verdict === null ? [] : [verdict]));
  const { kind, reasons } = combineVerdicts(verdicts.sort(compareSeverity));
  const unchecked = sources.flatMap(({ source, verdict }) =>
    verdict === null ? [withoutContract(source)] : [],
  );
  return { kind, reasons: [...reasons, ...unchecked] };
}

function withoutContract(source: string): Reason {
  return {
    gate: 'contract',
    code: 'contract.none',
    message: `${source}: no contract, so its rows were not checked`,
    outcome: 'notApplicable',
  };
}
