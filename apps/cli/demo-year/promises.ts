/** What the year is to show. Without its mishaps it shows nothing, so these must have happened. */
import { flightDelayYear } from '../../../samples/flight-delay/year';
import type { YearDecision } from './decisions';
import { readMonth } from './months';
import { isShownBetter, policyTitles, type PolicyGain } from './policies';

export interface Mishaps {
  /** The run during whose training the worker was killed. */
  readonly killed: string | null;
  /** Digest of the applied revision that shuffles the labels. */
  readonly sabotage: string | null;
  /** Whether the broken delivery was repaired. */
  readonly isRepaired: boolean;
}

/** The promises that were not kept, as sentences. */
export function unkeptPromises(
  {
    decisions,
    gains,
    failedRequests,
  }: {
    readonly decisions: readonly YearDecision[];
    readonly gains: readonly PolicyGain[];
    readonly failedRequests: number;
  },
  { killed, sabotage, isRepaired }: Mishaps,
): readonly string[] {
  const broken = readMonth(flightDelayYear.broken).name;
  const [held] = decisions.filter(({ month }) => month === broken);
  const continued = decisions.find(({ run }) => run === killed);
  const bad = decisions.filter(({ revision }) => revision === sabotage);
  const promises: readonly (readonly [boolean, string])[] = [
    [failedRequests === 0, `${failedRequests} requests failed`],
    [!decisions.some(({ outcome }) => isLost(outcome)), 'a run failed or was lost'],
    [continued !== undefined, 'the worker was not killed while a model trained'],
    [
      continued === undefined || continued.outcome !== stillOpen,
      `the run ${killed ?? ''} did not end after its worker was killed`,
    ],
    [
      held?.outcome === 'stopped by the contract',
      `the contract did not stop the first run of ${broken}`,
    ],
    [isRepaired, `the delivery of ${broken} was not repaired`],
    [bad.length > 0, 'no run tried the shuffled labels'],
    ...gains.map(
      (gain) =>
        [
          !isShownBetter(gain),
          `the policy "${policyTitles[gain.policy]}" would have been better than what was served`,
        ] as const,
    ),
    [
      bad.every(({ outcome }) => outcome !== 'promoted' && outcome !== stillOpen),
      'the version with shuffled labels was promoted, or its run did not end',
    ],
  ];
  return promises.filter(([isKept]) => !isKept).map(([, otherwise]) => otherwise);
}

const stillOpen = 'still open';

function isLost(outcome: string): boolean {
  return outcome === 'failed' || outcome === 'lost';
}
