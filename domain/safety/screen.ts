import { isPerennialError } from '../failure';
import type { Action, DetectorSpec, Finding, SafetyPolicy, Side } from './policy';

export type Detect = (
  spec: DetectorSpec,
  text: string,
  side: Side,
  about?: TextContext,
) => Promise<readonly Finding[]>;

/** The context of a text. */
export interface TextContext {
  /** The input to which the text is the model's answer. */
  readonly asked?: string | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** From worst to best. */
export const outcomes = ['blocked', 'redacted', 'flagged', 'passed'] as const;
export type ScreeningOutcome = (typeof outcomes)[number];

/** The result for one text. Findings never contain the text itself: they go to the audit (I11). */
export interface Screening {
  readonly outcome: ScreeningOutcome;
  /** The text after redaction; null if it was blocked. */
  readonly text: string | null;
  readonly findings: readonly DetectorFindings[];
  /** The original text, if it did not pass and the policy has `keepText`. */
  readonly kept?: string;
}

export interface DetectorFindings {
  readonly detector: string;
  readonly action: Action;
  /** Counts by type of finding. Empty if the detector failed. */
  readonly found: Readonly<Record<string, number>>;
  /** Why the detector failed. */
  readonly failure: string | null;
}

/** Combines the screenings of texts that belong together. The worst outcome applies. */
export function combineScreenings(screenings: readonly Screening[]): Omit<Screening, 'text'> {
  const kept = screenings.flatMap((each) => each.kept ?? []);
  return {
    outcome: worstOutcome(screenings.map(({ outcome }) => outcome)) ?? 'passed',
    findings: screenings.flatMap(({ findings }) => findings),
    ...(kept.length > 0 && { kept: kept.join('\n\n') }),
  };
}

/** Null for an empty list. */
export function worstOutcome(of: readonly ScreeningOutcome[]): ScreeningOutcome | null {
  return outcomes.find((outcome) => of.includes(outcome)) ?? null;
}

/** Runs all detectors of the side, even if one has blocked, so that the audit has all findings. */
export async function screen(
  policy: SafetyPolicy,
  side: Side,
  text: string,
  detect: Detect,
  about: TextContext = {},
): Promise<Screening> {
  const running = policy.detectors
    .filter(({ on }) => on.includes(side))
    .map((spec) => runDetector(spec, { text, side, detect, about }));
  const screening = buildScreening(text, await Promise.all(running));
  return policy.keepText === true && screening.outcome !== 'passed'
    ? { ...screening, kept: text }
    : screening;
}

function buildScreening(text: string, results: readonly DetectorResult[]): Screening {
  const reported = results.filter(
    ({ findings, failure }) => findings.length > 0 || failure !== null,
  );
  const findings = reported.map(({ spec, findings: found, failure }): DetectorFindings => ({
    detector: spec.name,
    action: failure === null ? spec.action : spec.onError === 'block' ? 'block' : 'flag',
    found: countByKind(found),
    failure,
  }));
  const worst = (action: Action) => findings.some((each) => each.action === action);
  if (worst('block')) return { outcome: 'blocked', text: null, findings };
  if (worst('redact')) {
    const redacting = results
      .filter(({ spec }) => spec.action === 'redact')
      .flatMap(({ findings: found }) => found);
    return { outcome: 'redacted', text: redact(text, redacting), findings };
  }
  return { outcome: findings.length > 0 ? 'flagged' : 'passed', text, findings };
}

interface DetectorResult {
  readonly spec: DetectorSpec;
  readonly findings: readonly Finding[];
  readonly failure: string | null;
}

async function runDetector(
  spec: DetectorSpec,
  {
    text,
    side,
    detect,
    about,
  }: {
    readonly text: string;
    readonly side: Side;
    readonly detect: Detect;
    readonly about: TextContext;
  },
): Promise<DetectorResult> {
  try {
    return { spec, findings: await detect(spec, text, side, about), failure: null };
  } catch (error) {
    // An aborted request needs no result.
    about.signal?.throwIfAborted();
    // The error's type only, because its message may quote the text.
    return {
      spec,
      findings: [],
      failure: isPerennialError(error) ? error.type : error instanceof Error ? error.name : 'Error',
    };
  }
}

function countByKind(findings: readonly Finding[]): Readonly<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const { what } of findings) counts[what] = (counts[what] ?? 0) + 1;
  return counts;
}

/** Replaces findings by their types. Overlapping ones are merged, under the type of the first. */
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
