import type { AnyEvidence } from './policy';
import { explainHoldout } from './explain-holdout';
import type { GateDecision } from './gate-decision';
import { explainCases } from '../language/evaluation/explain';
import type { ReasonOutcome, Verdict } from '../verdict';

/**
 * What was measured, as lines of text. The lines of models and of language applications are written
 * apart, because they have no measurement in common.
 */
export function explainEvidence(evidence: AnyEvidence): readonly string[] {
  return evidence.kind === 'evaluation' ? explainHoldout(evidence) : explainCases(evidence);
}

/** Layout of reasons. `verbose` adds the details, one per line. */
export interface ReasonLayout {
  readonly painted?: PaintMark;
  readonly verbose?: boolean | undefined;
  /** The longest line in characters; default 110, because callers indent it. */
  readonly columns?: number | undefined;
}

/** Each reason of a verdict with the outcome of its gate. */
export function explainReasons(
  { kind, reasons }: Verdict,
  shown: ReasonLayout = {},
): readonly string[] {
  return explainGates(
    reasons.map((reason) => ({ ...reason, outcome: reason.outcome ?? kind })),
    shown,
  );
}

/** Colours an outcome's mark without changing its width. */
export type PaintMark = (mark: string, outcome: ReasonOutcome) => string;

/** Gates with their outcome and message. Long messages continue below their first word. */
export function explainGates(
  judged: readonly (Pick<GateDecision, 'gate' | 'message' | 'details'> & {
    readonly outcome: ReasonOutcome;
  })[],
  {
    painted = (mark) => mark,
    verbose = false,
    columns = longestLine - indentOfCallers,
  }: ReasonLayout = {},
): readonly string[] {
  const words = {
    passed: 'pass',
    failed: 'FAIL',
    inconclusive: 'open',
    notApplicable: 'n/a',
    noted: 'note',
  } as const;
  const width = Math.max(0, ...judged.map(({ gate }) => gate.length));
  const room = columns - width - 8;
  return judged.flatMap(({ gate, outcome, message, details = [] }) => {
    const lines = [message, ...(verbose ? details : [])].flatMap((fact) => brokenLines(fact, room));
    return lines.map((line, index) =>
      index === 0
        ? `${painted(words[outcome].padEnd(4), outcome)}  ${gate.padEnd(width)}  ${line}`
        : `${' '.repeat(8 + width)}${line}`,
    );
  });
}

/** The longest verdict line, in characters. */
const longestLine = 120;
/** The CLI prefixes a time or an indent. */
const indentOfCallers = 10;

/** Breaks at the end of a clause if that fits, else at a space; never within a word. */
function brokenLines(text: string, room: number): readonly string[] {
  const lines: string[] = [];
  for (let rest = text; rest !== '';) {
    if (rest.length <= room) return [...lines, rest];
    const head = rest.slice(0, room + 1);
    const fact = Math.max(head.lastIndexOf('; ') + 1, head.lastIndexOf(': ') + 1);
    const cut = fact > room / 2 ? fact : head.lastIndexOf(' ');
    if (cut <= 0) return [...lines, rest];
    lines.push(rest.slice(0, cut));
    rest = rest.slice(cut).trimStart();
  }
  return lines;
}
