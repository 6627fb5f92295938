import type { Digest } from '../artifact';
import type { Verdict, VerdictKind } from '../verdict';
import { count } from '../format';
import type { ReleaseBundle } from './bundle';

/** A provider's model by its name; it has no adapter. */
export interface StandbyModel {
  readonly provider: string;
  readonly model: string;
}

/** The evaluation of a model as a bundle's standby. `evidence` is that of a bundle with only it. */
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
    /** Not evaluated to the end, so a later run evaluates it again. */
    | { readonly kind: 'notMeasured'; readonly reason: string }
  );

export interface StandbyMeasurement {
  readonly verdict: Verdict;
  readonly cases: number;
  readonly evidence: Digest;
}

/** Only a verdict of `passed` qualifies a standby (I10). */
export function standbyOutcome(
  { provider, model }: StandbyModel,
  { verdict, cases, evidence }: StandbyMeasurement,
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
      return `${name} is a standby: it passed the same gates on ${count(outcome.cases)} cases`;
    case 'refused':
      return (
        `${name} is not a standby: ${outcome.verdict} on ${count(outcome.cases)} cases, ` +
        outcome.reason
      );
    case 'notMeasured':
      return `${name} is not a standby: it was not measured: ${outcome.reason}`;
  }
}

/** The bundle with these standbys in this order; each must have passed the bundle's gates. */
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
