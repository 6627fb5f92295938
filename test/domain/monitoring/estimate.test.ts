import { rowLogloss } from '../../../domain/evaluation/metrics/classification';
import {
  calibrate,
  fitCalibrationMap,
  estimatedLoss,
} from '../../../domain/monitoring/quality/estimate';
import { seededRandom } from '../../../domain/statistics/random';

/** Scores that are twice the true probability, below `top`. */
function world(seed: number, top: number) {
  const random = seededRandom([seed, 1, 2, 3]);
  return Array.from({ length: 20_000 }, () => {
    const truth = (random() * top) / 2;
    return { score: 2 * truth, label: random() < truth ? 1 : 0 };
  });
}

describe('the loss estimated without labels', () => {
  const map = fitCalibrationMap(world(1, 0.8));

  test.each([0.8, 0.4, 0.2])('is near the true loss for scores up to %d', (top) => {
    const rows = world(2, top);
    const truth =
      rows.reduce((sum, { score, label }) => sum + rowLogloss(label, score), 0) / rows.length;
    const estimate = estimatedLoss(
      'logloss',
      map,
      rows.map(({ score }) => score),
    );
    expect(Math.abs((estimate ?? NaN) - truth)).toBeLessThan(0.03);
  });

  test('corrects scores that are not calibrated', () => {
    expect(calibrate(map, 0.5)).toBeCloseTo(0.25, 1);
  });

  test('rises with the score, whatever the holdout', () => {
    const { shares } = fitCalibrationMap(world(5, 0.1).slice(0, 200));
    expect(shares).toEqual([...shares].sort((a, b) => a - b));
  });

  test('is unknown without requests', () => {
    expect(estimatedLoss('brier', map, [])).toBeNull();
  });
});
