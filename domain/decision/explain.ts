import type { GateDecision } from './decide';
import type {
  ClassEvidence,
  CounterpartEvidence,
  Evidence,
  Measurement,
} from '../evaluation/evidence';
import { attemptText } from '../evaluation/attempts';
import { sampleSizeText, boundsAt } from './gates/gate';
import { count, figure, interval, signed } from '../format';
import type { MetricName } from '../evaluation/metrics/names';
import type { ReasonOutcome, Verdict } from '../verdict';

/** A verdict as lines of text, with the reason of each gate. */
export function explainVerdict(verdict: Verdict): readonly string[] {
  return [`verdict: ${verdict.kind}`, ...explainReasons(verdict).map((line) => `  ${line}`)];
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

/** The measurements, one line per metric, with each counterpart below it. */
export function explainEvidence(evidence: Evidence): readonly string[] {
  const { attempt, judged, metrics, counterparts } = evidence;
  const beside = [
    counterparts.champion,
    counterparts.baseline,
    ...Object.values(evidence.anchors ?? {}),
  ];
  const width = Math.max(8, ...Object.keys(metrics).map((name) => name.length));
  return [
    `${holdoutText(evidence)}${attempt ? `; ${attemptText(attempt)}` : ''}`,
    ...(judged ? [`judged on ${judgedText(judged)}`] : []),
    ...(Object.entries(metrics) as [MetricName, Measurement][]).flatMap(([name, value]) => [
      `${name.padEnd(width)} ${textOf(value)}`,
      ...beside.flatMap((each) => besideLines(name, each)),
    ]),
    ...(evidence.classes ?? []).flatMap(classLines),
    ...beside.flatMap((each) =>
      each.kind === 'notMeasured' ? [`${each.name} could not be measured: ${each.reason}`] : [],
    ),
  ];
}

function holdoutText({ holdout, judged, resampling: { unit } }: Evidence): string {
  const { rows, window, groups } = holdout;
  if (unit === 'day' && window !== null) {
    return `holdout ${window.from} to ${window.until}: ${judged ? `${count(rows)} rows` : sampleSizeText(holdout)}`;
  }
  const what = groups === undefined ? 'random holdout' : `holdout of ${count(groups)} groups`;
  const size = sampleSizeText({ ...holdout, ...(unit !== 'day' && { unit }) });
  return `${what}: ${size}; differences between days are not measured`;
}

function classLines({
  class: name,
  rows,
  precision,
  recall,
  f1,
}: ClassEvidence): readonly string[] {
  return [
    `class ${name}: ${count(rows)} rows, f1 ${textOf(f1)}`,
    `  precision ${textOf(precision)}, recall ${textOf(recall)}`,
  ];
}

function judgedText({
  rows,
  days,
  weeks,
  from,
  until,
  timezone,
}: NonNullable<Evidence['judged']>): string {
  const span =
    weeks === 0
      ? 'less than a week'
      : weeks === 1
        ? 'its last week'
        : `its last ${weeks} whole weeks`;
  return `${span}, ${from} up to ${until} (${timezone}): ${sampleSizeText({ rows, days })}`;
}

function textOf(value: Measurement): string {
  if (value.kind === 'notMeasured') return `could not be measured: ${value.reason}`;
  const bounds = boundsAt(value.bounds, 0.975);
  // Two one-sided bounds at 97.5 % make the 95 % interval.
  return `${figure(value.estimate)}${bounds === null ? '' : ` (95 %: ${interval(bounds, figure)})`}`;
}

function besideLines(name: MetricName, counterpart: CounterpartEvidence): readonly string[] {
  if (counterpart.kind !== 'measured') return [];
  const [theirs, increase] = [counterpart.metrics[name], counterpart.increases[name]];
  if (theirs === undefined || increase?.kind !== 'measured') return [];
  const bounds = boundsAt(increase.bounds, 0.975);
  const shown = bounds === null ? '' : ` (95 %: ${interval(bounds)})`;
  return [
    `  ${counterpart.name} ${figure(theirs.estimate)}, difference ${signed(increase.estimate)}${shown}; positive is worse`,
  ];
}
