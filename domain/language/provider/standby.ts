import type { Digest } from '../../dataset/artifact';
import type { Verdict, VerdictKind } from '../../decision/verdict';
import type { ReleaseBundle } from '../bundle';

/** A model by its name, as a provider's own weights are known: it has no adapter. */
export interface StandbyModel {
  readonly provider: string;
  readonly model: string;
}

/**
 * What came of a model that was to stand by for a bundle's own. `evidence`: what was measured of
 * it, as of a bundle by itself.
 */
export type StandbyOutcome = StandbyModel &
  (
    | { readonly kind: 'qualified'; readonly cases: number; readonly evidence: Digest }
    | {
        readonly kind: 'refused';
        readonly cases: number;
        readonly evidence: Digest;
        readonly verdict: Exclude<VerdictKind, 'passed'>;
        readonly reason: string;
      }
    /**
     * Not asked, or not to the end: says nothing of the model, so that a later run asks it anew.
     */
    | { readonly kind: 'notMeasured'; readonly reason: string }
  );

export interface MeasuredStandby {
  readonly verdict: Verdict;
  readonly cases: number;
  readonly evidence: Digest;
}

/** Only a pass qualifies (I10). */
export function standbyOutcome(
  { provider, model }: StandbyModel,
  { verdict, cases, evidence }: MeasuredStandby,
): StandbyOutcome {
  if (verdict.kind === 'passed') return { provider, model, kind: 'qualified', cases, evidence };
  const against = verdict.reasons.filter(
    ({ outcome }) => outcome === 'failed' || outcome === 'inconclusive',
  );
  const reason = against.map(({ gate, message }) => `${gate}: ${message}`).join('; ');
  return { provider, model, kind: 'refused', cases, evidence, verdict: verdict.kind, reason };
}

export function standbyText(outcome: StandbyOutcome): string {
  const name = `${outcome.provider} ${outcome.model}`;
  switch (outcome.kind) {
    case 'qualified':
      return `${name} stands by: it passed the same gates on ${outcome.cases} cases`;
    case 'refused':
      return `${name} does not stand by: ${outcome.verdict} on ${outcome.cases} cases, ${outcome.reason}`;
    case 'notMeasured':
      return `${name} does not stand by, for it was not measured: ${outcome.reason}`;
  }
}

/**
 * The bundle with these to answer in its model's place, in this order, each of which has passed its
 * gates.
 */
export function withStandbys(
  bundle: ReleaseBundle,
  standbys: readonly StandbyModel[],
): ReleaseBundle {
  const standby = standbys.map(({ provider, model }) => ({
    provider,
    model,
    qualified: true as const,
  }));
  return { ...bundle, base: { ...bundle.base, standby } };
}
