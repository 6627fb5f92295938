import { isPerennialError } from '../failure';
import type { Action, DetectorSpec, Finding, SafetyPolicy, Side } from './policy';

export type Detect = (
  spec: DetectorSpec,
  text: string,
  side: Side,
  about?: About,
) => Promise<readonly Finding[]>;

/** What stands around a text. */
export interface About {
  /** What the model was asked, before its answer. */
  readonly asked?: string | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** The worst first. */
export const outcomes = ['blocked', 'redacted', 'flagged', 'passed'] as const;
export type ScreeningOutcome = (typeof outcomes)[number];

/**
 * What became of a text. Findings say what and how much, never which text: they go to the audit
 * (I11).
 */
export interface Screening {
  readonly outcome: ScreeningOutcome;
  /** What may go on; null when nothing may. */
  readonly text: string | null;
  readonly findings: readonly DetectorFindings[];
  /** As it came, where it did not pass and the policy keeps such texts. */
  readonly kept?: string;
}

export interface DetectorFindings {
  readonly detector: string;
  readonly action: Action;
  /** What → how often. Empty when it could not look. */
  readonly found: Readonly<Record<string, number>>;
  /** Why it could not look. */
  readonly failure: string | null;
}

/** Of several texts that belong together: nothing goes on when one may not. */
export function joined(screenings: readonly Screening[]): Omit<Screening, 'text'> {
  const kept = screenings.flatMap((each) => each.kept ?? []);
  return {
    outcome: worstOutcome(screenings.map(({ outcome }) => outcome)) ?? 'passed',
    findings: screenings.flatMap(({ findings }) => findings),
    ...(kept.length > 0 && { kept: kept.join('\n\n') }),
  };
}

/** Null of none. */
export function worstOutcome(of: readonly ScreeningOutcome[]): ScreeningOutcome | null {
  return outcomes.find((outcome) => of.includes(outcome)) ?? null;
}

/**
 * Every detector of the side looks, also when an earlier one has blocked: the audit says all that
 * was wrong.
 */
export async function screen(
  policy: SafetyPolicy,
  side: Side,
  text: string,
  detect: Detect,
  about: About = {},
): Promise<Screening> {
  const looking = policy.detectors
    .filter(({ on }) => on.includes(side))
    .map((spec) => look(spec, { text, side, detect, about }));
  const screening = judged(text, await Promise.all(looking));
  return policy.keepText === true && screening.outcome !== 'passed'
    ? { ...screening, kept: text }
    : screening;
}

function judged(text: string, looked: readonly Looked[]): Screening {
  const told = looked.filter(({ findings, failure }) => findings.length > 0 || failure !== null);
  const findings = told.map(({ spec, findings: found, failure }): DetectorFindings => ({
    detector: spec.name,
    action: failure === null ? spec.action : spec.onError === 'block' ? 'block' : 'flag',
    found: counted(found),
    failure,
  }));
  const worst = (action: Action) => findings.some((each) => each.action === action);
  if (worst('block')) return { outcome: 'blocked', text: null, findings };
  if (worst('redact')) {
    const redacting = looked
      .filter(({ spec }) => spec.action === 'redact')
      .flatMap(({ findings: found }) => found);
    return { outcome: 'redacted', text: redact(text, redacting), findings };
  }
  return { outcome: findings.length > 0 ? 'flagged' : 'passed', text, findings };
}

interface Looked {
  readonly spec: DetectorSpec;
  readonly findings: readonly Finding[];
  readonly failure: string | null;
}

async function look(
  spec: DetectorSpec,
  {
    text,
    side,
    detect,
    about,
  }: { readonly text: string; readonly side: Side; readonly detect: Detect; readonly about: About },
): Promise<Looked> {
  try {
    return { spec, findings: await detect(spec, text, side, about), failure: null };
  } catch (error) {
    // Who is gone hears nothing more.
    about.signal?.throwIfAborted();
    // Its message may quote the text.
    return {
      spec,
      findings: [],
      failure: isPerennialError(error) ? error.type : error instanceof Error ? error.name : 'Error',
    };
  }
}

function counted(findings: readonly Finding[]): Readonly<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const { what } of findings) counts[what] = (counts[what] ?? 0) + 1;
  return counts;
}

/**
 * Places that overlap become one, by the name of the first: half of a card number is still too much
 * of it.
 */
export function redact(text: string, findings: readonly Finding[]): string {
  const sorted = findings.toSorted((a, b) => a.from - b.from || b.to - a.to);
  let end = 0;
  let kept = '';
  for (const { from, to, what } of sorted) {
    if (from >= end) kept += `${text.slice(end, from)}[${what}]`;
    end = Math.max(end, to);
  }
  return kept + text.slice(end);
}
