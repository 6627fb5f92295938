/**
 * Compares the former champion with the champion while an alarm of quality is open. Both score the
 * same labelled requests, so the difference of their losses needs no second version in traffic.
 */
import { classPredictionIn, computeLossDifferences } from '../../evaluation/class-prediction';
import { pairRange, requestLoss } from '../../rollout/judging/loss';
import { extendRanged, rangedBounds, type RangedValue } from '../../statistics/ranged-sequence';
import { classLabel } from '../../serving/prediction';
import { findLossBound, type ObservedVersion } from './champion-reference';
import type { FallbackResult, FallbackState } from './fallback-state';
import { computeLoss } from './live-quality';
import type { ObservedLabel } from './observed';

/** The probability that an equal version ever serves again by mistake, for each comparison. */
export const fallbackAlpha = 0.01;

/** A labelled request of the champion, with the output of the former one. */
export interface ComparedLabel extends Pick<ObservedLabel, 'at' | 'label' | 'output'> {
  readonly formerOutput: unknown;
}

/** Adds labels in the order of the cursor. Labels that the metric cannot use are left out. */
export function addComparedLabels(
  state: FallbackState,
  version: ObservedVersion,
  labels: readonly ComparedLabel[],
): FallbackState {
  const range = pairRange(requestLoss(lossSpec(version)));
  const values = labels.flatMap((each) => pairLosses(version, each) ?? []);
  return { ...state, pairs: extendRanged(state.pairs, range, values) };
}

function lossSpec(version: ObservedVersion): Parameters<typeof requestLoss>[0] {
  return { metric: version.settings.metric, bound: findLossBound(version) };
}

function pairLosses(
  version: ObservedVersion,
  { at, label, output, formerOutput }: ComparedLabel,
): RangedValue | null {
  const { settings } = version;
  const bound = findLossBound(version);
  const champion = computeLoss(settings, { at, label, output }, bound);
  const former = computeLoss(settings, { at, label, output: formerOutput }, bound);
  if (champion === null || former === null || isOfUnknownClass(label, output)) return null;
  return {
    value: champion.loss - former.loss,
    ...computeDifferences(version, output, formerOutput),
  };
}

/** Both versions give such a label no probability, so it compares nothing. */
function isOfUnknownClass(label: unknown, output: unknown): boolean {
  const prediction = classPredictionIn(output);
  return prediction !== null && !Object.hasOwn(prediction.probabilities, classLabel(label) ?? '');
}

/** The possible differences, before the label is known. */
function computeDifferences(
  version: ObservedVersion,
  output: unknown,
  formerOutput: unknown,
): Pick<RangedValue, 'min' | 'max'> {
  const [ofChampion, ofFormer] = [classPredictionIn(output), classPredictionIn(formerOutput)];
  if (ofChampion && ofFormer) return computeLossDifferences(ofFormer, ofChampion);
  const { score } = output as { readonly score: number };
  const { score: formerScore } = formerOutput as { readonly score: number };
  return requestLoss(lossSpec(version)).computeDifferences({
    champion: formerScore,
    challenger: score,
    sameAnswer: false,
  });
}

/**
 * The former champion is better when the lower bound of the difference exceeds what the monitor
 * calls a drop: `maxDrop` of the loss on the holdout. The bound holds at all looks at once (see
 * `ranged-sequence.ts`). It is about the requests since the alarm, not about future days.
 */
export function fallbackResult(
  { former, since, pairs, failure }: FallbackState,
  version: ObservedVersion,
): FallbackResult {
  const loss = version.reference?.loss ?? null;
  const needed = loss && loss.loss * version.settings.quality.maxDrop;
  const { n, sum } = pairs;
  const lower =
    n === 0
      ? null
      : rangedBounds(pairs, pairRange(requestLoss(lossSpec(version))), fallbackAlpha).lower;
  return {
    former,
    since,
    n,
    difference: n === 0 ? null : sum / n,
    lower,
    needed,
    isBetter: failure === null && lower !== null && needed !== null && lower > needed,
    failure,
  };
}
