import { rowLogloss } from '../../evaluation/metrics/classification';

/**
 * The mean loss that the scores themselves predict, for the time in which labels are late: a model
 * whose score p is the probability of label 1 has the expected loss p·loss(1, p) + (1 − p)·loss(0, p).
 *
 * It is an estimate, and raises no alarm: it holds only if scores are calibrated as they were on the
 * holdout, so it cannot see a change of the relation of features and label. A. Guillory, V. Shankar,
 * S. Ebrahimi, T. Darrell and L. Schmidt, "Predicting with confidence on unseen distributions", ICCV
 * 2021; J. Białek, W. Kuberski, N. Perrakis and A. Bifet, "Estimating model performance under
 * covariate shift without labels", 2024 (confidence-based performance estimation, CBPE).
 */
export interface CalibrationMap {
  /** Ascending scores at the middles of the holdout's bins, and the share of label 1 in each. */
  readonly scores: readonly number[];
  readonly shares: readonly number[];
}

const mapBins = 10;

/**
 * Calibrates scores on the holdout by monotone shares of equal bins: the pool-adjacent-violators
 * algorithm (M. Ayer et al., Annals of Mathematical Statistics 26 (1955)).
 */
export function fitCalibrationMap(
  rows: readonly { readonly score: number; readonly label: number }[],
): CalibrationMap {
  const sorted = [...rows].sort((a, b) => a.score - b.score);
  const size = Math.max(1, Math.ceil(sorted.length / mapBins));
  const pools: { rows: number; score: number; label: number }[] = [];
  for (let from = 0; from < sorted.length; from += size) {
    const bin = sorted.slice(from, from + size);
    pools.push({
      rows: bin.length,
      score: bin.reduce((sum, row) => sum + row.score, 0),
      label: bin.reduce((sum, row) => sum + row.label, 0),
    });
    poolViolators(pools);
  }
  return {
    scores: pools.map((pool) => pool.score / pool.rows),
    shares: pools.map((pool) => pool.label / pool.rows),
  };
}

function poolViolators(pools: { rows: number; score: number; label: number }[]): void {
  for (let [before, last] = [pools.at(-2), pools.at(-1)]; before && last;) {
    if (before.label / before.rows <= last.label / last.rows) return;
    pools.splice(-2, 2, {
      rows: before.rows + last.rows,
      score: before.score + last.score,
      label: before.label + last.label,
    });
    [before, last] = [pools.at(-2), pools.at(-1)];
  }
}

/** The estimated probability of label 1: linear between the bins. */
export function calibrate({ scores, shares }: CalibrationMap, score: number): number {
  const above = scores.findIndex((each) => each >= score);
  if (above < 0) return shares.at(-1) ?? score;
  const [high = 0, top = 0] = [scores[above], shares[above]];
  const [low, bottom] = [scores[above - 1], shares[above - 1]];
  if (low === undefined || bottom === undefined || high === low) return top;
  return bottom + ((top - bottom) * (score - low)) / (high - low);
}

/** The estimated mean loss of requests without labels; null without requests. */
export function estimatedLoss(
  metric: 'logloss' | 'brier',
  map: CalibrationMap,
  scores: readonly number[],
): number | null {
  if (scores.length === 0) return null;
  const computeRowLoss = (label: number, score: number) =>
    metric === 'logloss' ? rowLogloss(label, score) : (score - label) ** 2;
  const sum = scores.reduce((total, score) => {
    const share = calibrate(map, score);
    return total + share * computeRowLoss(1, score) + (1 - share) * computeRowLoss(0, score);
  }, 0);
  return sum / scores.length;
}
