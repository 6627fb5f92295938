import type { JudgedGate } from './decide';
import type { CounterpartEvidence, Evidence, Measurement } from './evidence';
import { timesJudged } from './gates/attempts';
import { basis, boundsAt, figure, signed } from './gates/gate';
import type { MetricName } from './lifecycle';
import type { ReasonOutcome, Verdict } from './verdict';

/** A verdict as lines of text: the word, then each gate with its reason. */
export function explainVerdict(verdict: Verdict): readonly string[] {
  return [`verdict: ${verdict.kind}`, ...explainReasons(verdict).map((line) => `  ${line}`)];
}

/** Each reason of a verdict, marked by what its gate said. */
export function explainReasons({ kind, reasons }: Verdict, painted?: PaintMark): readonly string[] {
  return explainGates(
    reasons.map((reason) => ({ outcome: kind, ...reason })),
    painted,
  );
}

/** A mark as it is to be shown, of equal width for all. */
export type PaintMark = (mark: string, outcome: ReasonOutcome) => string;

/** Gates with what each said, its outcome first so that the eye finds the one that decided. */
export function explainGates(
  judged: readonly (Pick<JudgedGate, 'gate' | 'message'> & { readonly outcome: ReasonOutcome })[],
  painted: PaintMark = (mark) => mark,
): readonly string[] {
  const words = { passed: 'pass', failed: 'FAIL', inconclusive: 'open', notApplicable: 'n/a', noted: 'note' } as const;
  const width = Math.max(0, ...judged.map(({ gate }) => gate.length));
  return judged.map(({ gate, outcome, message }) => `${painted(words[outcome].padEnd(4), outcome)}  ${gate.padEnd(width)}  ${message}`);
}

/** What was measured, one line a metric, with each counterpart beside it. */
export function explainEvidence(evidence: Evidence): readonly string[] {
  const { attempt, holdout, judged, metrics, counterparts } = evidence;
  const beside = [counterparts.champion, counterparts.baseline, ...Object.values(evidence.anchors ?? {})];
  return [
    `holdout ${holdout.window.from} to ${holdout.window.until}: ${judged ? `${holdout.rows.toLocaleString('en-US')} rows` : basis(holdout)}${attempt ? `; ${timesJudged(attempt)}` : ''}`,
    ...(judged ? [`judged on ${judgedText(judged)}`] : []),
    ...(Object.entries(metrics) as [MetricName, Measurement][]).map(
      ([name, value]) => `${name.padEnd(8)} ${textOf(value)}${beside.map((each) => besideText(name, each)).join('')}`,
    ),
    ...beside.flatMap((each) => (each.kind === 'notMeasured' ? [`${each.name} could not be measured: ${each.reason}`] : [])),
  ];
}

function judgedText({ rows, days, weeks, from, until, timezone }: NonNullable<Evidence['judged']>): string {
  const span = weeks === 0 ? 'less than a week' : weeks === 1 ? 'its last week' : `its last ${weeks} whole weeks`;
  return `${span}, ${from} up to ${until} (${timezone}): ${basis({ rows, days })}`;
}

function textOf(value: Measurement): string {
  if (value.kind === 'notMeasured') return `could not be measured: ${value.reason}`;
  const bounds = boundsAt(value.bounds, 0.975);
  // Two bounds at 97.5 % are the customary interval of 95 %.
  return `${figure(value.estimate)}${bounds === null ? '' : ` (95 %: ${figure(bounds.lower)} … ${figure(bounds.upper)})`}`;
}

function besideText(name: MetricName, counterpart: CounterpartEvidence): string {
  if (counterpart.kind !== 'measured') return '';
  const [theirs, increase] = [counterpart.metrics[name], counterpart.increases[name]];
  if (theirs === undefined || increase?.kind !== 'measured') return '';
  const bounds = boundsAt(increase.bounds, 0.975);
  const interval = bounds === null ? '' : ` (95 %: ${signed(bounds.lower)} … ${signed(bounds.upper)})`;
  return `; ${counterpart.name} ${figure(theirs.estimate)}, difference ${signed(increase.estimate)}${interval}, positive is worse`;
}
