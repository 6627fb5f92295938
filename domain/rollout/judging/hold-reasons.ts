import type { Reason } from '../../verdict';
import { formatSeconds } from '../../duration';
import { count, percent } from '../../format';
import { lateText } from '../missing-labels';
import { isLastOfSteps, isServing, isSwitched, isWarmUp, type RolloutPolicy } from '../policy';
import { demandText, holdReason, refutationText, requestsText, spanText } from '../reasons';
import { countDueLabels } from './labels/due-labels';
import { compareLabelRates, type LabelRates } from './labels/label-rates';
import type { QualityEvidence, RolloutEvidence } from './evidence';
import { effectiveEntities, isRefuted, judgeErrorIn, countLabelled } from './readings';
import { minEffectiveClusters } from '../../statistics/cluster-sequence';
import type { MetricReading } from './verdict';

/** Largest share of labelled requests without a score: above it the comparison is not reliable. */
const maxUnscored = 0.05;
/** Largest difference between the arms' shares of labelled answers, for arms to be comparable. */
const maxLabelGap = 0.05;
/** Largest share of late labels: late labels are often the bad ones, and no day counts them. */
const maxLate = 0.05;

/** All reasons why the step cannot end, so that people see them at once. */
export function holdReasons(
  policy: RolloutPolicy,
  evidence: RolloutEvidence,
  readings: readonly MetricReading[],
): readonly Reason[] {
  if (isWarmUp(policy, evidence.step)) return [];
  const reasons = [
    ...tooFewRequests(policy, evidence),
    ...contradictedIn(policy, evidence, readings),
    ...aboveLimit(readings),
  ];
  if (isSwitched(policy, evidence.step))
    return [
      ...reasons,
      ...tooShort(policy, evidence),
      ...(evidence.quality.kind === 'pairs'
        ? [
            ...tooManyMissing(policy, evidence.quality),
            ...notComparable(evidence.quality),
            ...lateIn(policy, evidence.quality),
          ]
        : []),
    ];
  if (!endsByQuality(policy, evidence.step)) return reasons;
  reasons.push(
    ...tooFewLabels(policy, evidence),
    ...tooFewEntities(evidence),
    ...tooShort(policy, evidence),
  );
  const open = readings.some(({ role, outcome }) => role === 'quality' && outcome !== 'passed');
  if (open)
    reasons.push(
      holdReason(
        'quality',
        `${policy.quality.metric} is not yet shown to be ${demandText(policy)}`,
      ),
    );
  return [
    ...reasons,
    ...notShownInLastStep(policy, evidence, readings),
    ...judgeHolds(policy, evidence),
    ...tooManyMissing(policy, evidence.quality),
    ...unequalLabels(policy, evidence.quality),
    ...notComparable(evidence.quality),
    ...lateIn(policy, evidence.quality),
  ];
}

/**
 * A step whose own traffic refutes the demand does not advance. It may have been a bad day, so only
 * large harm or further days end the rollout. After a switch, the step has all serving traffic.
 */
function contradictedIn(
  policy: RolloutPolicy,
  { step }: RolloutEvidence,
  readings: readonly MetricReading[],
): readonly Reason[] {
  const role = isSwitched(policy, step) ? 'quality' : 'step';
  const own = readings.find((reading) => reading.role === role);
  if (own === undefined || !isRefuted(policy, own.lower ?? -Infinity)) return [];
  return [
    holdReason(
      'contradicted',
      `in step ${step + 1} alone, ${comparedText(policy)} is ${refutationText(policy)}`,
    ),
  ];
}

/** Above its limit and above the champion, which is not yet shown to be more than chance. */
function aboveLimit(readings: readonly MetricReading[]): readonly Reason[] {
  return readings
    .filter(
      ({ control, estimate, lower, limit, outcome }) =>
        control !== undefined &&
        outcome !== 'failed' &&
        (lower ?? 0) > limit &&
        (estimate ?? 0) > (control.estimate ?? 0),
    )
    .map(({ metric }) =>
      holdReason('guardrail', `${metric} is above its limit and above the champion's`),
    );
}

/** Good earlier steps must not carry a last step that has not shown quality by itself. */
function notShownInLastStep(
  policy: RolloutPolicy,
  { step }: RolloutEvidence,
  readings: readonly MetricReading[],
): readonly Reason[] {
  const own = readings.find(({ role }) => role === 'step');
  if (own === undefined || own.outcome === 'passed' || !isLastOfSteps(policy, step)) return [];
  if (isRefuted(policy, own.lower ?? -Infinity)) return [];
  return [
    holdReason(
      'lastStep',
      `in step ${step + 1} alone, ${comparedText(policy)} is not yet shown to be ${demandText(policy)}`,
    ),
  ];
}

/** The subject of `demandText` and `refutationText`. */
function comparedText({ quality }: RolloutPolicy): string {
  return quality.rule === 'nonInferiority' ? 'the difference' : 'the challenger';
}

function tooFewRequests(
  { steps, test: { minSamples } }: RolloutPolicy,
  { step, requestsInStep }: RolloutEvidence,
): readonly Reason[] {
  if (requestsInStep >= minSamples) return [];
  const verb = isServing({ steps }, step) ? 'was assigned' : 'has scored';
  const requests = requestsText(requestsInStep);
  return [
    holdReason(
      'requests',
      `the challenger ${verb} ${requests} in this step; ${count(minSamples)} are required`,
    ),
  ];
}

function tooFewLabels(
  { test: { minSamples } }: RolloutPolicy,
  { quality }: RolloutEvidence,
): readonly Reason[] {
  const labelled = countLabelled(quality);
  return labelled < minSamples
    ? [holdReason('samples', `${count(labelled)} of ${count(minSamples)} required labels`)]
    : [];
}

/** Few entities, or a few with most of the labels, hardly show how much entities differ. */
function tooFewEntities({ quality }: RolloutEvidence): readonly Reason[] {
  if (quality.kind !== 'arms') return [];
  const effective = effectiveEntities(quality);
  if (effective >= minEffectiveClusters) return [];
  const entities = Math.min(quality.champion.clusters, quality.challenger.clusters);
  return [
    holdReason(
      'entities',
      `${count(Math.floor(effective))} effective entities in the smaller arm (${count(entities)} entities); ` +
        `${count(minEffectiveClusters)} are required`,
    ),
  ];
}

function tooShort(policy: RolloutPolicy, evidence: RolloutEvidence): readonly Reason[] {
  const left = secondsToMinimum(policy, evidence);
  if (left <= 0) return [];
  const { minDurationSeconds } = policy.test;
  const since = policy.method === 'blueGreen' ? ' since the switch' : '';
  return [
    holdReason(
      'duration',
      `${spanText(minDurationSeconds - left)} of ${formatSeconds(minDurationSeconds)} required event time${since}`,
    ),
  ];
}

/**
 * Event time until `minDuration` is over: since the rollout began, or since a blue/green rollout
 * switched. Its shadow needs none.
 */
export function secondsToMinimum(
  { method, test: { minDurationSeconds } }: RolloutPolicy,
  { startedAt, servingSince, asOf }: RolloutEvidence,
): number {
  const since = method === 'blueGreen' ? servingSince : startedAt;
  return since === null ? 0 : Math.max(0, minDurationSeconds - secondsBetween(since, asOf));
}

/** A shadow step with pairs ends when quality is shown, and so does the last step. */
function endsByQuality({ steps, quality }: RolloutPolicy, step: number): boolean {
  return (
    step === steps.length - 1 || (!isServing({ steps }, step) && quality.comparison === 'pairs')
  );
}

/** Fails closed (I10): the errors of a judge are unknown until people label its answers. */
function judgeHolds(
  policy: RolloutPolicy,
  { quality, champion }: RolloutEvidence,
): readonly Reason[] {
  const why = judgeErrorIn(policy, quality)?.whyNot ?? [];
  const [model = champion] = champion.split('@');
  const dimension = policy.quality.answers?.judge?.dimension ?? 'judge';
  return why.map((reason) => ({
    ...holdReason('judge', `judge ${dimension}: ${reason}`),
    details: ['the judge may not decide yet', `next: perennial rollout label ${model}`],
  }));
}

/**
 * Fails closed (I10): missing and late labels may be the bad ones. A late label is not missing any
 * more, but as many newer ones are still to come.
 */
function tooManyMissing(
  { quality: { missingLabels, maxMissing }, maxDurationSeconds }: RolloutPolicy,
  quality: QualityEvidence,
): readonly Reason[] {
  const { due, missing, late } = countDueLabels(quality);
  const share = (missing + late) / Math.max(1, due);
  if (missingLabels !== 'hold' || share <= maxMissing) return [];
  return [
    {
      ...holdReason(
        'missingLabels',
        `${percent(share)} of ${count(due)} due labels are missing or late; at most ${percent(maxMissing)} may be`,
      ),
      details: [
        `missing: ${count(missing)}; more than ${lateText(maxDurationSeconds)} late: ${count(late)}`,
        'next: send the labels, extend label.availableAfter, or set quality.missingLabels',
      ],
    },
  ];
}

/** Fails closed (I10): labels that come for one version only may be those of its good outcomes. */
function unequalLabels(policy: RolloutPolicy, quality: QualityEvidence): readonly Reason[] {
  const rates = quality.kind === 'arms' ? compareLabelRates(policy, quality) : null;
  if (!rates?.differ) return [];
  const { champion, challenger } = rates;
  return [
    {
      ...holdReason(
        'labelRates',
        `labels came in time for ${inTimeText(challenger)} of the challenger's due requests and ` +
          `${inTimeText(champion)} of the champion's: more than chance`,
      ),
      details: [
        `challenger: ${lackText(challenger)}; champion: ${lackText(champion)}`,
        'next: find why the labels of one version come later or not at all, and send them',
      ],
    },
  ];
}

function inTimeText({ due, missing, late }: LabelRates['champion']): string {
  return percent((due - missing - late) / Math.max(1, due));
}

function lackText({ due, missing, late }: LabelRates['champion']): string {
  return `of ${count(due)}, ${count(missing)} missing, ${count(late)} late`;
}

/** Fails closed (I10): missing requests may be the very ones on which the versions differ. */
export function notComparable(quality: QualityEvidence): readonly Reason[] {
  if (quality.kind === 'pairs') {
    const share = quality.unscored / Math.max(1, quality.unscored + countLabelled(quality));
    return share <= maxUnscored
      ? []
      : [
          holdReason(
            'unscored',
            `${percent(share)} of labelled requests lack a score of one version`,
          ),
        ];
  }
  const reasons: Reason[] = [];
  const { unscored, unlabelled } = quality;
  const { champion, challenger } = quality.step;
  const lacking = unscored.challenger / Math.max(1, unscored.challenger + challenger.n);
  if (lacking > maxUnscored)
    reasons.push(
      holdReason(
        'unscored',
        `${percent(lacking)} of the challenger's labelled requests lack a score`,
      ),
    );
  const computeLabelledShare = (arm: 'champion' | 'challenger', n: number) =>
    (n + unscored[arm]) / Math.max(1, n + unscored[arm] + unlabelled[arm]);
  const [of, against] = [
    computeLabelledShare('challenger', challenger.n),
    computeLabelledShare('champion', champion.n),
  ];
  if (Math.abs(of - against) > maxLabelGap) {
    reasons.push(
      holdReason(
        'labels',
        `labels for ${percent(of)} of the challenger's answers and ${percent(against)} of the champion's: too different`,
      ),
    );
  }
  return reasons;
}

export function lateIn(policy: RolloutPolicy, quality: QualityEvidence): readonly Reason[] {
  if (!policy.quality.acrossDays) return [];
  // A pair has two losses.
  const losses =
    quality.kind === 'pairs'
      ? 2 * countLabelled(quality)
      : quality.champion.n + quality.challenger.n;
  const share = quality.days.late / Math.max(1, losses);
  if (share <= maxLate) return [];
  return [
    holdReason(
      'late',
      `${percent(share)} of labels arrived after their day was closed; availableAfter is too short`,
    ),
  ];
}

export function secondsBetween(from: string, to: string): number {
  return (Date.parse(to) - Date.parse(from)) / 1000;
}
