import type { Digest } from './artifact';

/**
 * The reason of a gate's outcome. `code` is stable. `message` is one fact with its numbers, at most
 * about 100 characters.
 */
export interface Reason {
  readonly gate: string;
  readonly code: string;
  readonly message: string;
  /** More facts for `--verbose`, one per line. */
  readonly details?: readonly string[] | undefined;
  /** The outcome of this gate; absent when it equals the verdict. */
  readonly outcome?: ReasonOutcome | undefined;
}

/** `noted`: a finding that does not decide, such as a rule with bad rows within the limit. */
export type ReasonOutcome = VerdictKind | 'notApplicable' | 'noted';

/** From the best to the worst: one failure outweighs any number of passes. */
const severities = ['passed', 'inconclusive', 'failed'] as const;

export type VerdictKind = (typeof severities)[number];

/** A missing measurement is inconclusive (I10). Every verdict has reasons, also a pass. */
export interface Verdict {
  readonly kind: VerdictKind;
  readonly reasons: readonly Reason[];
}

/**
 * The worst of several outcomes. `notApplicable` and `noted` do not count. `passed` if no outcome
 * counts, so the caller adds an inconclusive one where that must not pass.
 */
export function findWorst(outcomes: readonly ReasonOutcome[]): VerdictKind {
  return severities.findLast((kind) => outcomes.includes(kind)) ?? 'passed';
}

/** Sorts the worst verdict first. */
export function compareSeverity({ kind: a }: Verdict, { kind: b }: Verdict): number {
  return severities.indexOf(b) - severities.indexOf(a);
}

/** The worst verdict counts. Each reason keeps its outcome, or has that of its own verdict. */
export function combineVerdicts(verdicts: readonly Verdict[]): Verdict {
  return {
    kind: findWorst(verdicts.map(({ kind }) => kind)),
    reasons: verdicts.flatMap(({ kind, reasons }) =>
      reasons.map((reason) => ({ ...reason, outcome: reason.outcome ?? kind })),
    ),
  };
}

/** The reason of a run that found its model to be the champion already. */
export const unchangedCode = 'promote.unchanged';

/** Whether the run released nothing, because its model is the champion already. */
export function isUnchanged(verdict: Verdict | null): boolean {
  return verdict?.reasons.some(({ code }) => code === unchangedCode) ?? false;
}

/** The recorded result of `decide(policy, evidence)`. Both inputs are stored by digest first. */
export interface DecisionRef {
  readonly id: string;
  readonly policy: Digest;
  readonly evidence: Digest;
  readonly verdict: Verdict;
}
